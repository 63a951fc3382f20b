"""Show, rotate and retire the secret that a tenant's webhooks are signed with."""

from __future__ import annotations

import click

from masking.domain import webhook_signing
from masking.tenants import webhook_secrets
from operate.arguments import TENANT, as_json, demand_tenant, example, print_json
from operate.deployment import Target


@click.group("webhooks")
def webhooks_group() -> None:
    """Show, rotate and retire the secret of a tenant's webhooks."""


@webhooks_group.command("show", epilog=example("maskline webhooks show acme"))
@click.argument("tenant", type=TENANT)
@as_json
@click.pass_obj
def show_secrets(target: Target, tenant: str, as_json: bool) -> None:
    """Show the secrets that sign now, newest first."""
    demand_tenant(target.services.stores, tenant)
    _print(target, tenant, as_json=as_json)


@webhooks_group.command("rotate", epilog=example("maskline webhooks rotate acme"))
@click.argument("tenant", type=TENANT)
@as_json
@click.pass_obj
def rotate_secret(target: Target, tenant: str, as_json: bool) -> None:
    """Begin the next secret; the last one goes on signing."""
    demand_tenant(target.services.stores, tenant)
    webhook_secrets.change_generations(
        target.services.stores, tenant, webhook_signing.rotated
    )
    _print(target, tenant, as_json=as_json)


@webhooks_group.command("retire", epilog=example("maskline webhooks retire acme"))
@click.argument("tenant", type=TENANT)
@as_json
@click.pass_obj
def retire_secret(target: Target, tenant: str, as_json: bool) -> None:
    """Let the newest secret sign alone."""
    demand_tenant(target.services.stores, tenant)
    webhook_secrets.change_generations(
        target.services.stores, tenant, webhook_signing.retired
    )
    _print(target, tenant, as_json=as_json)


def _print(target: Target, tenant: str, *, as_json: bool) -> None:
    secrets = target.services.webhook_secrets_of(tenant)
    if as_json:
        print_json(secrets)
    else:
        click.echo("\n".join(secrets))
