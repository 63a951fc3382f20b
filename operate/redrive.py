"""Send dead letters back to the queue that they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import click

from operate.arguments import as_json, example, print_json
from operate.deployment import Deployment, Target

# A queue of dead letters and the queue that they go back to, as the template's outputs.
ROUTES: Mapping[str, tuple[str, str]] = {
    "recordings": ("RecordingDeadLettersUrl", "RecordingQueueUrl"),
    "webhooks": ("WebhookDeadLettersUrl", "WebhookQueueUrl"),
    "erasures": ("ErasureDeadLettersUrl", "ErasureQueueUrl"),
    "changes": ("ChangeDeadLettersUrl", "ChangeQueueUrl"),
}

# The most that one run sends, in case they come back as fast as they are sent.
MOST_LETTERS = 100_000

# Seconds within which a sent letter must be deleted, or it is sent once more.
VISIBILITY = 60


@click.command("redrive", epilog=example("maskline redrive recordings"))
@click.argument("queue", type=click.Choice(sorted(ROUTES)))
@as_json
@click.pass_obj
def redrive_command(target: Target, queue: str, as_json: bool) -> None:
    """Send the dead letters of a queue back to it."""
    reasons: list[str] = []

    def note(reason: str) -> None:
        reasons.append(reason)
        if not as_json:
            click.echo(f"  {reason}")

    sent = redrive(target.deployment, queue, note)
    if as_json:
        print_json({"queue": queue, "sent": sent, "reasons": reasons})
    else:
        click.echo(f"{sent} sent back to {queue}")


def redrive(
    deployment: Deployment, name: str, say: Callable[[str], None] = lambda _: None
) -> int:
    """Send all dead letters of a queue back; return how many there were.

    Each is sent before it is deleted: if this is killed, one may be sent twice, which
    does no harm. One that comes back meanwhile stays until the next run, or this might
    never end. *say* gets the reason that each letter carries.
    """
    dead, alive = (deployment.outputs[output] for output in ROUTES[name])
    queues = deployment.client("sqs")
    moved = 0
    sent: set[bytes] = set()
    while moved < MOST_LETTERS:
        letters = queues.receive_message(
            QueueUrl=dead,
            MaxNumberOfMessages=10,
            VisibilityTimeout=VISIBILITY,
            WaitTimeSeconds=1,
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        if not letters:
            return moved
        for letter in letters:
            digest = hashlib.sha256(letter["Body"].encode()).digest()
            if digest in sent:
                continue
            sent.add(digest)
            queues.send_message(QueueUrl=alive, MessageBody=letter["Body"])
            queues.delete_message(QueueUrl=dead, ReceiptHandle=letter["ReceiptHandle"])
            moved += 1
            say(_why(letter.get("MessageAttributes", {})))
    return moved


def _why(attributes: Mapping[str, Mapping[str, str]]) -> str:
    explanation = attributes.get("explanation", {}).get("StringValue")
    return explanation or "its function died"
