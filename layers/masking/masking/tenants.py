"""Tenants: who a bearer key belongs to and what it may do; their webhooks' secrets.

A key is kept as its SHA-256 alone; it is long and random, so no slow hash is needed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from masking import webhook_signing
from masking.items import moment, stamp

if TYPE_CHECKING:
    from masking.table import Table

SCOPES = (
    "sessions:read",
    "sessions:write",
    "recordings:read",
    "recordings:write",
    "admin",
)

BEARER = re.compile(r"bearer +([\x21-\x7e]{1,512})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Caller:
    """Who calls, and what the key allows."""

    tenant_id: str
    scopes: tuple[str, ...]


def issue(
    table: Table,
    *,
    key: str,
    tenant_id: str,
    scopes: Iterable[str],
    expires_at: datetime | None = None,
) -> None:
    """Let *key* open the API for a tenant. Raises ValueError for an unknown scope."""
    granted = sorted(set(scopes))
    unknown = [scope for scope in granted if scope not in SCOPES]
    if unknown:
        message = f"unknown scopes: {', '.join(unknown)}"
        raise ValueError(message)
    item: dict[str, object] = {"tenant_id": tenant_id, "scopes": granted}
    if expires_at is not None:
        item["expires_at"] = stamp(expires_at)
    table.put_key(_digest(key), item)


def caller_of(table: Table, authorization: str, now: datetime) -> Caller | None:
    """Say whose key an Authorization header carries; None if it opens nothing."""
    match = BEARER.fullmatch(authorization.strip())
    item = table.key(_digest(match[1])) if match else None
    if item is None:
        return None
    expires_at = item.get("expires_at")
    if expires_at is not None and now >= moment(expires_at):
        return None
    return Caller(item["tenant_id"], tuple(item["scopes"]))


def webhook_secrets(table: Table, tenant_id: str) -> list[str]:
    """Give the secrets that a tenant's webhooks are signed with, made at first use."""
    found = table.webhook_secrets(tenant_id)
    if found:
        return found
    made = [webhook_signing.new_secret()]
    if table.put_webhook_secrets(tenant_id, made, only_first=True):
        return made
    return table.webhook_secrets(tenant_id)


def rotate_webhook_secret(table: Table, tenant_id: str) -> str:
    """Make a new secret for a tenant; the last one stays valid until the next time."""
    made = webhook_signing.new_secret()
    table.put_webhook_secrets(tenant_id, [made, *table.webhook_secrets(tenant_id)[:1]])
    return made


def retire_webhook_secret(table: Table, tenant_id: str) -> None:
    """End a rotation: from now on only the newest secret signs."""
    table.put_webhook_secrets(tenant_id, table.webhook_secrets(tenant_id)[:1])


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
