"""The command that opens the console."""

from __future__ import annotations

import sys

import click

from operate.arguments import example
from operate.deployment import Target
from operate.failures import RefusedError


@click.command("console", epilog=example("maskline console"))
@click.pass_obj
def console_command(target: Target) -> None:
    """Look at sessions, numbers, dead letters and alarms in a terminal."""
    if not sys.stdout.isatty():
        raise RefusedError("The console needs a terminal; run it in one.")
    # Only this command needs what draws on a terminal.
    from operate.console.app import Console
    from operate.console.reads import Reads

    Console(Reads(target.deployment)).run()
