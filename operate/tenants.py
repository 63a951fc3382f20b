"""Show and set what holds for a tenant: quotas, retention, a sub-account."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from masking.api.fields import Subaccount
from masking.storage.stores import Stores
from masking.tenants import live_sessions, tenant_settings
from masking.tenants.tenant_settings import TenantSettings
from operate.keys import tenant_id

NOTHING = "none"

MOST = 100_000


def add_to(commands: Any) -> None:
    """Add the command to a parser's."""
    parser = commands.add_parser("tenants", help="show or set what holds for a tenant")
    doings = parser.add_subparsers(dest="doing", required=True)
    for name, text in (
        ("show", "show what is set, and what is counted"),
        ("set", "set some of it; none takes a setting away"),
        ("recount", "count the live sessions anew"),
    ):
        doing = doings.add_parser(name, help=text)
        doing.add_argument("tenant", type=tenant_id)
        if name == "set":
            doing.add_argument("--creates-per-minute", type=_number)
            doing.add_argument("--live-sessions", type=_number)
            doing.add_argument("--retention-days", type=_number)
            doing.add_argument("--subaccount", type=_subaccount)


def run(stores: Stores, options: argparse.Namespace) -> Iterator[str]:
    """Do what was asked; give the lines to be shown."""
    settings = tenant_settings.load(stores.tenants, options.tenant, consistent=True)
    match options.doing:
        case "set":
            settings = replace(settings, **_changes(options))
            tenant_settings.save(stores.tenants, options.tenant, settings)
            yield "functions know this within a minute"
            if "live_sessions" in _changes(options):
                live_sessions.recount(stores, options.tenant)
                yield "the stream counts from then on: recount after that minute"
        case "recount":
            live_sessions.recount(stores, options.tenant)
    yield from _shown(stores, options.tenant, settings)


def _changes(options: argparse.Namespace) -> dict[str, Any]:
    asked = {name: getattr(options, name) for name in tenant_settings.NAMES}
    return {
        name: None if value == NOTHING else value
        for name, value in asked.items()
        if value is not None
    }


def _shown(stores: Stores, tenant: str, settings: TenantSettings) -> Iterator[str]:
    for name, value in asdict(settings).items():
        yield f"{name:<20} {NOTHING if value is None else value}"
    if settings.live_sessions is not None:
        yield f"{'live now':<20} {stores.tenants.live(tenant, consistent=True)}"


def _number(text: str) -> int | str:
    if text == NOTHING:
        return text
    number = int(text)
    if not 0 < number <= MOST:
        message = f"must be {NOTHING}, or from 1 to {MOST}"
        raise argparse.ArgumentTypeError(message)
    return number


def _subaccount(text: str) -> str:
    if text == NOTHING:
        return text
    try:
        return str(TypeAdapter(Subaccount).validate_python(text))
    except ValidationError:
        message = "must be a Plivo sub-account id: SA and 18 letters or digits"
        raise argparse.ArgumentTypeError(message) from None
