"""Create, list, rotate and revoke API keys, on any stage and on this machine.

``python -m operate.keys --stack maskline create acme --scopes sessions:read``

A key is shown once, when it is made; only its SHA-256 is kept.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from masking.core.errors import KeyNotFoundError
from masking.storage.stores import Stores
from masking.tenants import api_keys, authorize
from masking.tenants.api_keys import Key, NewKey
from operate import deployment
from operate.deployment import Deployment, NoDeploymentError

COLUMNS = ("key_id", "state", "created_at", "expires_at", "last_used_at", "scopes")


def run(found: Deployment, options: argparse.Namespace, now: datetime) -> object:
    """Run one command on a deployment; give what is to be shown.

    Raises KeyNotFoundError.
    """
    stores = Stores(found.client("dynamodb"), found.outputs["TableName"])
    match options.command:
        case "create":
            ends = now + timedelta(days=options.days) if options.days else None
            scopes = options.scopes or authorize.SCOPES
            made = api_keys.create(stores, options.tenant, scopes, now, ends)
            return _made(made)
        case "rotate":
            overlap = timedelta(hours=options.hours)
            made = api_keys.rotate(stores, options.tenant, options.key_id, now, overlap)
            return _made(made)
        case "revoke":
            api_keys.revoke(stores, options.tenant, options.key_id, now)
            return {"revoked": options.key_id}
        case _:
            return [_shown(key, now) for key in api_keys.listed(stores, options.tenant)]


def main(
    arguments: Sequence[str], find: Callable[[str], Deployment] = deployment.find
) -> int:
    """Run one command; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        shown = run(find(options.stack), options, datetime.now(UTC))
    except NoDeploymentError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyNotFoundError:
        print(f"{options.tenant} has no such key that opens anything", file=sys.stderr)
        return 1
    _print(shown, as_json=options.json)
    return 0


def _made(made: NewKey) -> dict[str, str]:
    return {"key_id": made.key_id, "key": made.secret}


def _shown(key: Key, now: datetime) -> dict[str, Any]:
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


def _print(shown: object, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(shown, indent=2))
    elif isinstance(shown, dict):
        for name, value in shown.items():
            print(f"{name:<8} {value}")
        if "key" in shown:
            print("It is not shown again.")
    elif isinstance(shown, list):
        print("".join(f"{name:<22}" for name in COLUMNS).rstrip())
        for line in shown:
            cells = [*(line[name] or "-" for name in COLUMNS[:-1])]
            print("".join(f"{cell:<22}" for cell in cells) + " ".join(line["scopes"]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m operate.keys")
    parser.add_argument(
        "--stack", default="maskline", help="a CloudFormation stack, or maskline-local"
    )
    parser.add_argument("--json", action="store_true")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("create", "make a key and show it, this once"),
        ("list", "list a tenant's keys, never the keys themselves"),
        ("rotate", "make a key like another, which ends after some hours"),
        ("revoke", "end a key within a minute"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("tenant", type=tenant_id)
        if name in ("rotate", "revoke"):
            command.add_argument("key_id")
        if name == "create":
            command.add_argument(
                "--scopes", type=_scopes, help="all, if none are named"
            )
            command.add_argument("--days", type=int, help="how long it opens")
        if name == "rotate":
            command.add_argument("--hours", type=float, default=24.0)
    return parser


def tenant_id(text: str) -> str:
    """Read a tenant's name. Raises ArgumentTypeError for one that breaks the rule."""
    if not authorize.TENANT.fullmatch(text):
        message = "a tenant is 1 to 64 letters, digits or _ . -"
        raise argparse.ArgumentTypeError(message)
    return text


def _scopes(text: str) -> list[str]:
    scopes = [scope for scope in text.split(",") if scope]
    unknown = sorted(set(scopes) - set(authorize.SCOPES))
    if unknown or not scopes:
        message = f"scopes are {', '.join(authorize.SCOPES)}"
        raise argparse.ArgumentTypeError(message)
    return scopes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
