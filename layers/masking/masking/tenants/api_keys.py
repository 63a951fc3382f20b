"""Create, list, rotate and revoke API keys.

A key is `maskline_` and 256 random bits. It is shown once, when it is made; from then
on it is known by its public id.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from masking.core.errors import KeyNotFoundError
from masking.core.key_space import Item
from masking.core.times import parse_stamp
from masking.tenants import authorize

if TYPE_CHECKING:
    from masking.storage.stores import Stores


PREFIX = "maskline_"
RANDOM_BYTES = 32


@dataclass(frozen=True)
class Key:
    """A key as it is listed; times that are unknown or not set are None."""

    key_id: str
    tenant_id: str
    scopes: tuple[str, ...]
    created_at: datetime | None
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    def opens(self, now: datetime) -> bool:
        """Return whether the key is valid."""
        is_over = self.expires_at is not None and now >= self.expires_at
        return self.revoked_at is None and not is_over


@dataclass(frozen=True)
class NewKey:
    """A key that was just made: its id and, this once, itself."""

    key_id: str
    secret: str


def create(
    stores: Stores,
    tenant_id: str,
    scopes: Iterable[str],
    now: datetime,
    expires_at: datetime | None = None,
) -> NewKey:
    """Make a key. Raises ValueError for an unknown scope."""
    secret = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    authorize.issue(
        stores,
        key=secret,
        tenant_id=tenant_id,
        scopes=scopes,
        expires_at=expires_at,
        created_at=now,
    )
    return NewKey(authorize.key_id_of(authorize.digest_of(secret)), secret)


def listed(stores: Stores, tenant_id: str) -> list[Key]:
    """List a tenant's keys, the oldest first."""
    found = [
        _key_from(digest, item)
        for digest in stores.tenants.digests_of(tenant_id)
        if (item := stores.tenants.key(digest))
    ]
    return sorted(found, key=lambda key: (str(key.created_at or ""), key.key_id))


def rotate(
    stores: Stores, tenant_id: str, key_id: str, now: datetime, overlap: timedelta
) -> NewKey:
    """Make a key with the same scopes; the old one ends after *overlap*.

    The new one has as long a life as the old one had. Raises KeyNotFoundError.
    """
    digest, old = _find(stores, tenant_id, key_id)
    if not old.opens(now):
        raise KeyNotFoundError
    life = None
    if old.expires_at:
        life = old.expires_at - (old.created_at or now)
    made = create(stores, tenant_id, old.scopes, now, now + life if life else None)
    stores.tenants.end_key(digest, now + overlap)
    return made


def revoke(stores: Stores, tenant_id: str, key_id: str, now: datetime) -> None:
    """Revoke a key at once; an answer of the authorizer stays valid for 60 s.

    Raises KeyNotFoundError.
    """
    digest, _ = _find(stores, tenant_id, key_id)
    stores.tenants.revoke_key(digest, now)


def _find(stores: Stores, tenant_id: str, key_id: str) -> tuple[str, Key]:
    digest = stores.tenants.digest_of(tenant_id, key_id)
    item = stores.tenants.key(digest) if digest else None
    if digest is None or item is None:
        raise KeyNotFoundError
    return digest, _key_from(digest, item)


def _key_from(digest: str, item: Item) -> Key:
    def at(name: str) -> datetime | None:
        return parse_stamp(item[name]) if name in item else None

    return Key(
        key_id=authorize.key_id_of(digest),
        tenant_id=item["tenant_id"],
        scopes=tuple(item["scopes"]),
        created_at=at("created_at"),
        expires_at=at("expires_at"),
        last_used_at=at("last_used_at"),
        revoked_at=at("revoked_at"),
    )
