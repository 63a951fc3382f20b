"""Tenants: their API keys, settings, webhook secrets and counters.

| access                            | request units                                |
|-----------------------------------|----------------------------------------------|
| read a key                        | 1 read                                       |
| record that a key was used        | 1 write, for each key every ten minutes      |
| read settings                     | 0.5 read, once a minute in each process      |
| read generations                  | 1 read, once a minute in each process        |
| read a counter                    | 0.5 read                                     |
| count a create                    | 1 write                                      |
| count live sessions               | 1 write for each tenant and batch of changes |
"""

from __future__ import annotations

from datetime import datetime

from masking.core.key_space import (
    API_KEY,
    LIVE,
    SETTINGS,
    WEBHOOKS,
    Item,
    api_key_key,
    api_key_link,
    minute_key,
    tenant_key,
)
from masking.core.times import stamp
from masking.storage.table import (
    IS_NEW,
    IS_THERE,
    ConditionFailedError,
    Key,
    Table,
    written_item,
)

# How long it is kept how many sessions were created in a minute.
MINUTE_SECONDS = 3600

ENDS_LATER = "attribute_not_exists(expires_at) OR expires_at > :at"
IS_BELOW_QUOTA = "attribute_not_exists(made) OR made < :most"
IS_NEWEST = "newest = :seen"


class TenantStore:
    """What is kept of tenants."""

    def __init__(self, table: Table) -> None:
        self._table = table

    # Keys

    def put_key(self, digest: str, item: Item) -> None:
        """Write an API key; *digest* is its SHA-256."""
        self._table.put({**item, "pk": api_key_key(digest), "sk": API_KEY})

    def key(self, digest: str) -> Item | None:
        """Read an API key by its SHA-256, consistently: one just revoked is seen."""
        return self._table.get(api_key_key(digest), API_KEY)

    def link_key(self, tenant_id: str, key_id: str, digest: str) -> None:
        """Make a key findable by its tenant and its public id."""
        self._table.put(
            {"pk": tenant_key(tenant_id), "sk": api_key_link(key_id), "digest": digest}
        )

    def digests_of(self, tenant_id: str) -> list[str]:
        """List the SHA-256 of a tenant's keys."""
        found = self._table.parts(tenant_key(tenant_id), api_key_link(""))
        return [str(item["digest"]) for item in found]

    def digest_of(self, tenant_id: str, key_id: str) -> str | None:
        """Return the SHA-256 of the key that a tenant's public id names."""
        item = self._table.get(tenant_key(tenant_id), api_key_link(key_id))
        return str(item["digest"]) if item else None

    def end_key(self, digest: str, at: datetime) -> bool:
        """Let a key expire *at* a time; False if it expires before that already."""
        return self._change(
            (api_key_key(digest), API_KEY),
            "SET expires_at = :at",
            {":at": stamp(at)},
            f"{IS_THERE} AND ({ENDS_LATER})",
        )

    def revoke_key(self, digest: str, now: datetime) -> None:
        """Revoke a key, whatever the clocks of its readers say."""
        self._change(
            (api_key_key(digest), API_KEY),
            "SET revoked_at = if_not_exists(revoked_at, :now)",
            {":now": stamp(now)},
            IS_THERE,
        )

    def note_key_use(self, digest: str, now: datetime) -> None:
        """Record that a key has just been used."""
        self._change(
            (api_key_key(digest), API_KEY),
            "SET last_used_at = :now",
            {":now": stamp(now)},
            IS_THERE,
        )

    def is_known(self, tenant_id: str) -> bool:
        """Return whether anything is kept of a tenant; its first key begins it."""
        found = self._table.query(
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=written_item({":pk": tenant_key(tenant_id)}),
            ConsistentRead=True,
            Limit=1,
        )
        return any(True for _ in found)

    # Settings

    def settings(self, tenant_id: str, *, consistent: bool = False) -> Item | None:
        """Read a tenant's settings."""
        return self._table.get(tenant_key(tenant_id), SETTINGS, consistent=consistent)

    def put_settings(self, tenant_id: str, item: Item) -> None:
        """Write a tenant's settings, in place of the old ones."""
        self._table.put({**item, "pk": tenant_key(tenant_id), "sk": SETTINGS})

    # Webhook secrets

    def generations(self, tenant_id: str) -> Item | None:
        """Read which generations of a tenant's webhook secret sign."""
        return self._table.get(tenant_key(tenant_id), WEBHOOKS)

    def put_generations(
        self, tenant_id: str, *, newest: int, oldest: int, seen: int | None
    ) -> bool:
        """Write them; False if *seen*, None for no item, is not the newest any more."""
        return self._change(
            (tenant_key(tenant_id), WEBHOOKS),
            "SET newest = :newest, oldest = :oldest",
            {
                ":newest": newest,
                ":oldest": oldest,
                **({":seen": seen} if seen is not None else {}),
            },
            IS_NEW if seen is None else IS_NEWEST,
        )

    # Counters

    def count_create(self, tenant_id: str, now: datetime, most: int) -> bool:
        """Count a create in the minute of *now*; False if that would exceed *most*."""
        return self._change(
            (tenant_key(tenant_id), minute_key(now)),
            "SET purge_at = :purge_at ADD made :one",
            {
                ":one": 1,
                ":most": most,
                ":purge_at": int(now.timestamp()) + MINUTE_SECONDS,
            },
            IS_BELOW_QUOTA,
        )

    def creates_in(self, tenant_id: str, now: datetime) -> int:
        """Read how many creates were counted in the minute of *now*, or fewer."""
        item = self._table.get(tenant_key(tenant_id), minute_key(now), consistent=False)
        return int(item["made"]) if item else 0

    def count_live(self, tenant_id: str, change: int) -> None:
        """Add to the number of a tenant's live sessions."""
        self._table.update(
            (tenant_key(tenant_id), LIVE), "ADD live :change", {":change": change}
        )

    def put_live(self, tenant_id: str, count: int) -> None:
        """Set the number of a tenant's live sessions."""
        self._table.put({"pk": tenant_key(tenant_id), "sk": LIVE, "live": count})

    def live(self, tenant_id: str, *, consistent: bool = False) -> int:
        """Read the number of a tenant's live sessions, as far as it was counted."""
        item = self._table.get(tenant_key(tenant_id), LIVE, consistent=consistent)
        return int(item["live"]) if item else 0

    def _change(
        self, key: Key, expression: str, values: Item, condition: str | None = None
    ) -> bool:
        """Change an item; False if the condition does not hold."""
        try:
            self._table.update(key, expression, values, condition)
        except ConditionFailedError:
            return False
        return True
