"""Create, list, rotate and revoke API keys.

A key is shown once, when it is made; the table keeps only its SHA-256.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from masking.core.errors import KeyNotFoundError
from masking.tenants import api_keys, authorize
from masking.tenants.api_keys import Key, NewKey
from operate.arguments import (
    DAYS,
    HOURS,
    SCOPES,
    TENANT,
    as_json,
    demand_tenant,
    example,
    print_json,
)
from operate.deployment import Target
from operate.failures import RefusedError

COLUMNS = ("key_id", "state", "created_at", "expires_at", "last_used_at", "scopes")


@click.group("keys")
def keys_group() -> None:
    """Create, list, rotate and revoke a tenant's API keys."""


@keys_group.command("list", epilog=example("maskline keys list acme"))
@click.argument("tenant", type=TENANT)
@as_json
@click.pass_obj
def list_keys(target: Target, tenant: str, as_json: bool) -> None:
    """List a tenant's keys by their ids, never the keys themselves."""
    demand_tenant(target.services.stores, tenant)
    now = datetime.now(UTC)
    listed = [_row(key, now) for key in api_keys.listed(target.services.stores, tenant)]
    if as_json:
        print_json(listed)
        return
    click.echo("".join(f"{name:<22}" for name in COLUMNS).rstrip())
    for row in listed:
        cells = [*(row[name] or "-" for name in COLUMNS[:-1])]
        click.echo("".join(f"{cell:<22}" for cell in cells) + " ".join(row["scopes"]))


@keys_group.command(
    "create",
    epilog=example("maskline keys create acme --scopes sessions:read --days 90"),
)
@click.argument("tenant", type=TENANT)
@click.option("--scopes", type=SCOPES, help="What it may do; all scopes if not given.")
@click.option("--days", type=DAYS, help="How long it opens; unlimited if not given.")
@as_json
@click.pass_obj
def create_key(
    target: Target,
    tenant: str,
    scopes: list[str] | None,
    days: int | None,
    as_json: bool,
) -> None:
    """Create a key and show it, this once."""
    now = datetime.now(UTC)
    ends = now + timedelta(days=days) if days else None
    made = api_keys.create(
        target.services.stores, tenant, scopes or authorize.SCOPES, now, ends
    )
    _print_new(made, as_json=as_json)


@keys_group.command(
    "rotate", epilog=example("maskline keys rotate acme 0123456789ab --hours 24")
)
@click.argument("tenant", type=TENANT)
@click.argument("key_id")
@click.option(
    "--hours",
    type=HOURS,
    default=24.0,
    show_default=True,
    help="How long the old key still opens.",
)
@as_json
@click.pass_obj
def rotate_key(
    target: Target, tenant: str, key_id: str, hours: float, as_json: bool
) -> None:
    """Create a key like another, which ends after some hours."""
    overlap = timedelta(hours=hours)
    try:
        made = api_keys.rotate(
            target.services.stores, tenant, key_id, datetime.now(UTC), overlap
        )
    except KeyNotFoundError:
        raise _unknown(tenant, key_id) from None
    _print_new(made, as_json=as_json)


@keys_group.command("revoke", epilog=example("maskline keys revoke acme 0123456789ab"))
@click.argument("tenant", type=TENANT)
@click.argument("key_id")
@as_json
@click.pass_obj
def revoke_key(target: Target, tenant: str, key_id: str, as_json: bool) -> None:
    """End a key, within a minute."""
    try:
        api_keys.revoke(target.services.stores, tenant, key_id, datetime.now(UTC))
    except KeyNotFoundError:
        raise _unknown(tenant, key_id) from None
    if as_json:
        print_json({"revoked": key_id})
    else:
        click.echo(f"{'revoked':<8} {key_id}")


def _unknown(tenant: str, key_id: str) -> RefusedError:
    return RefusedError(
        f"{tenant} has no key {key_id} that opens anything; see: "
        f"maskline keys list {tenant}"
    )


def _row(key: Key, now: datetime) -> dict[str, Any]:
    state = "open" if key.opens(now) else "ended"
    return {
        "key_id": key.key_id,
        "state": "revoked" if key.revoked_at else state,
        "created_at": _time(key.created_at),
        "expires_at": _time(key.expires_at),
        "last_used_at": _time(key.last_used_at),
        "scopes": list(key.scopes),
    }


def _time(at: datetime | None) -> str | None:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else None


def _print_new(made: NewKey, *, as_json: bool) -> None:
    shown = {"key_id": made.key_id, "key": made.secret}
    if as_json:
        print_json(shown)
        return
    for name, value in shown.items():
        click.echo(f"{name:<8} {value}")
    click.echo("It is not shown again.")
