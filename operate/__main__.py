"""The operator's commands: ``python -m operate --stack maskline redrive recordings``.

The stack `maskline-local` is the one that runs on this machine.
"""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Callable, Sequence

from masking.core.errors import StaleStateError
from masking.core.settings import RETENTION_DAYS
from masking.storage.bucket import Bucket
from masking.storage.stores import Stores
from operate import deployment, hold, redrive, tenants, webhooks
from operate.deployment import Deployment, NoDeploymentError


def main(
    arguments: Sequence[str], find: Callable[[str], Deployment] = deployment.find
) -> int:
    """Run one command; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        found = find(options.stack)
    except NoDeploymentError as error:
        print(error, file=sys.stderr)
        return 1
    try:
        _run(found, options)
    except StaleStateError:
        print("somebody else changed it at the same time", file=sys.stderr)
        return 1
    return 0


def _run(found: Deployment, options: argparse.Namespace) -> None:
    stores = Stores(found.client("dynamodb"), found.outputs["TableName"])
    match options.command:
        case "redrive":
            sent = redrive.redrive(
                found, options.queue, lambda line: print("  " + line)
            )
            print(f"{sent} sent back to {options.queue}")
        case "hold":
            _hold(found, stores, str(options.session_uuid), held=options.state == "on")
        case "tenants":
            print(*tenants.run(stores, options), sep="\n")
        case "webhooks":
            print(*webhooks.run(found, stores, options), sep="\n")
        case _:
            stores.recordings.put_retention(options.tenant, options.days)
            print(f"new recordings of {options.tenant} are kept {options.days} days")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m operate")
    parser.add_argument(
        "--stack", default="maskline", help="a CloudFormation stack, or maskline-local"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    again = commands.add_parser("redrive", help="send dead letters back")
    again.add_argument("queue", choices=sorted(redrive.ROUTES))
    held = commands.add_parser("hold", help="put a session's recordings under a hold")
    held.add_argument("session_uuid", type=uuid.UUID)
    held.add_argument("state", choices=["on", "off"])
    kept = commands.add_parser("retain", help="set how long a tenant's are kept")
    kept.add_argument("tenant")
    kept.add_argument("days", type=int, choices=RETENTION_DAYS)
    tenants.add_to(commands)
    webhooks.add_to(commands)
    return parser


def _hold(found: Deployment, stores: Stores, session_uuid: str, *, held: bool) -> None:
    bucket = Bucket(found.client("s3"), found.outputs["BucketName"])
    outcomes = hold.hold(stores, bucket, session_uuid, held=held)
    for outcome, count in sorted(outcomes.items()):
        print(f"{count} {outcome}")
    print(f"hold is {'on' if held else 'off'} for {session_uuid}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
