"""Show and set what holds for a tenant: quotas, retention, a sub-account."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import click

from masking.core.settings import RETENTION_DAYS
from masking.storage.stores import Stores
from masking.tenants import live_sessions, tenant_settings
from operate.arguments import (
    NOTHING,
    NUMBER,
    SUBACCOUNT,
    TENANT,
    as_json,
    demand_tenant,
    example,
    print_json,
)
from operate.deployment import Target


@click.group("tenants")
def tenants_group() -> None:
    """Show and set what holds for a tenant: quotas, retention, a sub-account."""


@tenants_group.command("show", epilog=example("maskline tenants show acme"))
@click.argument("tenant", type=TENANT)
@as_json
@click.pass_obj
def show_tenant(target: Target, tenant: str, as_json: bool) -> None:
    """Show what is set for a tenant, and what is counted."""
    demand_tenant(target.services.stores, tenant)
    _print(target.services.stores, tenant, as_json=as_json)


@tenants_group.command(
    "set",
    epilog=example(
        "maskline tenants set acme --live-sessions 500 --creates-per-minute none"
    ),
)
@click.argument("tenant", type=TENANT)
@click.option("--creates-per-minute", type=NUMBER, help="Most creates in a minute.")
@click.option("--live-sessions", type=NUMBER, help="Most sessions at once, about.")
@click.option("--retention-days", type=NUMBER, help="How long sessions are kept.")
@click.option("--subaccount", type=SUBACCOUNT, help="Plivo sub-account of sessions.")
@click.option(
    "--recording-retention-days",
    type=click.Choice([str(days) for days in RETENTION_DAYS]),
    help="How long new recordings are kept.",
)
@as_json
@click.pass_obj
def set_tenant(
    target: Target,
    /,
    tenant: str,
    recording_retention_days: str | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Set what is named, and leave the rest; `none` takes a setting away.

    Functions know this within a minute.
    """
    stores = target.services.stores
    changes = {
        name: None if value == NOTHING else value
        for name, value in asked.items()
        if value is not None
    }
    if not changes and recording_retention_days is None:
        raise click.UsageError("name at least one setting, such as --live-sessions 500")
    demand_tenant(stores, tenant)
    if changes:
        before = tenant_settings.load(stores.tenants, tenant, consistent=True)
        tenant_settings.save(stores.tenants, tenant, replace(before, **changes))
    if recording_retention_days is not None:
        stores.recordings.put_retention(tenant, int(recording_retention_days))
    click.echo("functions know this within a minute", err=as_json)
    if "live_sessions" in changes:
        live_sessions.recount(stores, tenant)
        note = "the stream counts from then on: recount after that minute"
        click.echo(note, err=as_json)
    _print(stores, tenant, as_json=as_json)


@tenants_group.command("recount", epilog=example("maskline tenants recount acme"))
@click.argument("tenant", type=TENANT)
@as_json
@click.pass_obj
def recount_tenant(target: Target, tenant: str, as_json: bool) -> None:
    """Count a tenant's live sessions anew."""
    demand_tenant(target.services.stores, tenant)
    live_sessions.recount(target.services.stores, tenant)
    _print(target.services.stores, tenant, as_json=as_json)


def _print(stores: Stores, tenant: str, *, as_json: bool) -> None:
    settings = tenant_settings.load(stores.tenants, tenant, consistent=True)
    shown: dict[str, Any] = asdict(settings)
    shown["recording_retention_days"] = stores.recordings.retention_of(tenant)
    if settings.live_sessions is not None:
        shown["live_now"] = stores.tenants.live(tenant, consistent=True)
    if as_json:
        print_json(shown)
        return
    for name, value in shown.items():
        click.echo(f"{name:<24} {NOTHING if value is None else value}")
