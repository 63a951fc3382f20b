"""Show, rotate and retire the secret that a tenant's webhooks are signed with."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from masking.domain import webhook_signing
from masking.storage.stores import Stores
from masking.tenants import webhook_secrets
from masking.wiring import derived
from operate import plivo
from operate.deployment import Deployment
from operate.keys import tenant_id


def add_to(commands: Any) -> None:
    """Add the command to a parser's."""
    parser = commands.add_parser("webhooks", help="a tenant's webhook secret")
    doings = parser.add_subparsers(dest="doing", required=True)
    for name, text in (
        ("show", "show what signs now, the newest first"),
        ("rotate", "begin the next secret; the last one goes on signing"),
        ("retire", "let the newest one sign alone"),
    ):
        doings.add_parser(name, help=text).add_argument("tenant", type=tenant_id)


def run(
    found: Deployment, stores: Stores, options: argparse.Namespace
) -> Iterator[str]:
    """Do what was asked; give the lines to be shown. Raises StaleStateError."""
    match options.doing:
        case "rotate":
            webhook_secrets.change_generations(
                stores, options.tenant, webhook_signing.rotated
            )
        case "retire":
            webhook_secrets.change_generations(
                stores, options.tenant, webhook_signing.retired
            )
    root = plivo.secret(
        found.client("secretsmanager"), found.outputs["SigningSecretArn"]
    )
    yield from webhook_secrets.webhook_secrets(
        stores, derived(root, "webhooks"), options.tenant
    )
