"""The command `maskline`: its global options, its commands and its errors."""

from __future__ import annotations

from typing import Any

import click

from operate.audit import audit_command
from operate.check import check_command
from operate.console.command import console_command
from operate.deployment import LOCAL, Account, Target, nothing_runs
from operate.failures import explain
from operate.hold import hold_group
from operate.keys import keys_group
from operate.numbers import numbers_group
from operate.probe import probe_command
from operate.recordings import recordings_group
from operate.redrive import redrive_command
from operate.smoke import smoke_command
from operate.tenants import tenants_group
from operate.webhooks import webhooks_group

SECTIONS = {
    "Deployment": (check_command, console_command, smoke_command),
    "Tenants": (keys_group, tenants_group, webhooks_group),
    "Plivo": (numbers_group, audit_command, probe_command),
    "Recordings and queues": (hold_group, recordings_group, redrive_command),
}


class _Maskline(click.Group):
    """List commands by section, and end with a sentence in place of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            sentence = explain(error)
            if sentence is None:
                raise
            raise click.ClickException(sentence) from error

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        del ctx
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl(
                    [(str(each.name), str(each.help)) for each in commands]
                )


@click.group(
    cls=_Maskline, epilog="\b\nExample:\n  maskline --stack maskline keys list acme"
)
@click.option(
    "--stack",
    default="maskline",
    show_default=True,
    help=f"CloudFormation stack; {LOCAL} is the one that runs on this machine.",
)
@click.option("--region", help="AWS region, in place of the profile's.")
@click.option("--profile", help="AWS profile, in place of AWS_PROFILE.")
@click.pass_context
def maskline(
    ctx: click.Context, stack: str, region: str | None, profile: str | None
) -> None:
    """Operate a deployment of Maskline, in AWS or on this machine."""
    ctx.obj = Target(stack, Account(profile, region), ctx.obj or nothing_runs)


for _commands in SECTIONS.values():
    for _command in _commands:
        maskline.add_command(_command)
