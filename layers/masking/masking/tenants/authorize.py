"""Find out whose API key a request carries, and what it may do.

A key is kept as its SHA-256 alone; it is long and random, so no slow hash is needed.
`api_keys` creates and revokes them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from masking.core import telemetry
from masking.core.key_space import Item
from masking.core.times import parse_stamp, stamp

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.storage.stores import Stores


SCOPES = (
    "sessions:read",
    "sessions:write",
    "recordings:read",
    "recordings:write",
    "admin",
)

BEARER = re.compile(r"bearer +([\x21-\x7e]{1,512})", re.ASCII | re.IGNORECASE)

# What a tenant may be called.
TENANT = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)

# Hexadecimal digits of the SHA-256 that are a key's public id.
ID_LENGTH = 12

# How often it is recorded that a key is used.
USE_NOTED_EVERY = timedelta(minutes=10)


@dataclass(frozen=True)
class Caller:
    """Who calls, what the key allows, and when its use was last recorded."""

    tenant_id: str
    scopes: tuple[str, ...]
    digest: str = field(repr=False, compare=False)
    last_used_at: datetime | None = field(default=None, compare=False)


def issue(
    stores: Stores,
    *,
    key: str,
    tenant_id: str,
    scopes: Iterable[str],
    expires_at: datetime | None = None,
    created_at: datetime | None = None,
) -> None:
    """Make *key* valid for a tenant. Raises ValueError for an unknown scope."""
    granted = sorted(set(scopes))
    unknown = [scope for scope in granted if scope not in SCOPES]
    if unknown:
        message = f"unknown scopes: {', '.join(unknown)}"
        raise ValueError(message)
    item: Item = {"tenant_id": tenant_id, "scopes": granted}
    if expires_at is not None:
        item["expires_at"] = stamp(expires_at)
    if created_at is not None:
        item["created_at"] = stamp(created_at)
    digest = digest_of(key)
    # First the link: a valid key that is not listed could not be revoked.
    stores.tenants.link_key(tenant_id, key_id_of(digest), digest)
    stores.tenants.put_key(digest, item)


def caller_of(stores: Stores, authorization: str, now: datetime) -> Caller | None:
    """Return whose key an Authorization header carries; None if it is not valid."""
    match = BEARER.fullmatch(authorization.strip())
    if match is None:
        return None
    digest = digest_of(match[1])
    item = stores.tenants.key(digest)
    if item is None or "revoked_at" in item:
        return None
    expires_at = item.get("expires_at")
    if expires_at is not None and now >= parse_stamp(expires_at):
        return None
    used = item.get("last_used_at")
    return Caller(
        item["tenant_id"],
        tuple(item["scopes"]),
        digest,
        parse_stamp(used) if used else None,
    )


def is_use_due(caller: Caller, now: datetime) -> bool:
    """Return whether it is time to record again that a key is used."""
    used = caller.last_used_at
    return used is None or now - used >= USE_NOTED_EVERY


def note_use(stores: Stores, caller: Caller, now: datetime) -> None:
    """Record that a key is used; a failure of this is counted and ignored."""
    try:
        stores.tenants.note_key_use(caller.digest, now)
    except (BotoCoreError, ClientError):
        telemetry.count("KeyUseNotNoted")


def digest_of(key: str) -> str:
    """Return the SHA-256 by which a key is kept."""
    return hashlib.sha256(key.encode()).hexdigest()


def key_id_of(digest: str) -> str:
    """Return the public id of a key, which reveals nothing of the key."""
    return digest[:ID_LENGTH]


@dataclass(frozen=True)
class Authorize:
    """Finds out whose key a request carries.

    *best_effort* returns stores for a write that may fail.
    """

    stores: Stores
    best_effort: Callable[[], Stores]
    now: Clock

    def caller(self, authorization: str) -> Caller | None:
        """Return whose key an Authorization header carries; None if it is not valid.

        Records every ten minutes that the key is used.
        """
        now = self.now()
        caller = caller_of(self.stores, authorization, now)
        if caller and is_use_due(caller, now):
            note_use(self.best_effort(), caller, now)
        return caller
