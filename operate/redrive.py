"""Send dead letters back to what they were on their way to.

A letter of a queue goes back to that queue. A letter of a rule of the bus is the event
itself, with attributes that name the target which did not take it (`TARGET_ARN`, and
`ERROR_CODE` and `ERROR_MESSAGE` for why): docs.aws.amazon.com/eventbridge/latest/
userguide/eb-rule-dlq.html. It goes to that target and to no other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from operate.arguments import as_json, example, print_json
from operate.deployment import Deployment, Target

# A queue of dead letters and the queue that they go back to, as the template's outputs.
ROUTES: Mapping[str, tuple[str, str]] = {
    "checks": ("CheckDeadLettersUrl", "CheckQueueUrl"),
    "recordings": ("RecordingDeadLettersUrl", "RecordingQueueUrl"),
    "webhooks": ("WebhookDeadLettersUrl", "WebhookQueueUrl"),
    "erasures": ("ErasureDeadLettersUrl", "ErasureQueueUrl"),
    "changes": ("ChangeDeadLettersUrl", "ChangeQueueUrl"),
}

# The dead letters of rules, the queues that rules send to, and the topic.
RULES = "rules"
OF_RULES = "RuleDeadLettersUrl"
QUEUES_OF_RULES = ("RecordingQueueUrl", "WebhookQueueUrl")
TOPIC_OF_RULES = "AlarmsTopicArn"

# What the template's RecordingFailedRule makes of an event for the topic.
NOTICE = (
    "Recording {recording_uuid} of session {session_uuid} could not be stored: "
    "{explanation}. Mend that, then: make redrive STACK={stack}"
)

QUEUES = sorted([*ROUTES, RULES])

# The most that one run sends, in case they come back as fast as they are sent.
MOST_LETTERS = 100_000

# Seconds within which a sent letter must be deleted, or it is sent once more.
VISIBILITY = 60

Letter = Mapping[str, Any]


@dataclass(frozen=True)
class Redriven:
    """How many letters were sent back, and how many are left because nobody takes them.

    A letter of a rule is left if its target is none of this deployment's.
    """

    sent: int
    left: int = 0


@click.command(
    "redrive",
    epilog=example("maskline redrive recordings")
    + "\n\nThe exit status is 1 if letters are left whose target is not known.",
)
@click.argument("queue", type=click.Choice(QUEUES))
@as_json
@click.pass_context
def redrive_command(ctx: click.Context, queue: str, as_json: bool) -> None:
    """Send the dead letters of a queue, or of the rules, back."""
    target: Target = ctx.obj
    reasons: list[str] = []

    def note(reason: str) -> None:
        reasons.append(reason)
        if not as_json:
            click.echo(f"  {reason}")

    done = redrive(target.deployment, queue, note)
    if as_json:
        print_json(
            {"queue": queue, "sent": done.sent, "left": done.left, "reasons": reasons}
        )
    else:
        click.echo(f"{done.sent} sent back to {queue}")
        if done.left:
            click.echo(f"{done.left} left: their target is not of this deployment")
    ctx.exit(1 if done.left else 0)


def redrive(
    deployment: Deployment, name: str, say: Callable[[str], None] = lambda _: None
) -> Redriven:
    """Send all dead letters back; return how many there were.

    Each is sent before it is deleted: if this is killed, one may be sent twice, which
    does no harm. One that comes back meanwhile stays until the next run, or this might
    never end. *say* gets the reason that each letter carries.
    """
    dead = deployment.outputs[dead_letters_of(name)]
    queues = deployment.client("sqs")
    moved = left = 0
    seen: set[bytes] = set()
    while moved < MOST_LETTERS:
        letters = queues.receive_message(
            QueueUrl=dead,
            MaxNumberOfMessages=10,
            VisibilityTimeout=VISIBILITY,
            WaitTimeSeconds=1,
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        if not letters:
            break
        for letter in letters:
            digest = hashlib.sha256(f"{_target(letter)} {letter['Body']}".encode())
            if digest.digest() in seen:
                continue
            seen.add(digest.digest())
            if not _send(deployment, name, letter):
                left += 1
                continue
            queues.delete_message(QueueUrl=dead, ReceiptHandle=letter["ReceiptHandle"])
            moved += 1
            say(why(letter))
    return Redriven(moved, left)


def dead_letters_of(name: str) -> str:
    """Return the output that names a queue of dead letters."""
    return OF_RULES if name == RULES else ROUTES[name][0]


def why(letter: Letter) -> str:
    """Return why a letter is dead, as far as it says so itself."""
    explanation = _attribute(letter, "explanation") or _attribute(
        letter, "ERROR_MESSAGE"
    )
    return explanation or _attribute(letter, "ERROR_CODE") or "its function failed"


def _send(deployment: Deployment, name: str, letter: Letter) -> bool:
    """Send a letter back; return whether there is something that takes it."""
    body = letter["Body"]
    if name != RULES:
        _to_queue(deployment, deployment.outputs[ROUTES[name][1]], body)
        return True
    target = _target(letter)
    if target == deployment.outputs[TOPIC_OF_RULES]:
        notice = NOTICE.format(stack=deployment.name, **json.loads(body)["detail"])
        deployment.client("sns").publish(TopicArn=target, Message=notice)
        return True
    for output in QUEUES_OF_RULES:
        url = deployment.outputs[output]
        if target.endswith(":" + url.rpartition("/")[2]):
            _to_queue(deployment, url, body)
            return True
    return False


def _to_queue(deployment: Deployment, url: str, body: str) -> None:
    deployment.client("sqs").send_message(QueueUrl=url, MessageBody=body)


def _target(letter: Letter) -> str:
    """Return the ARN of the target that a rule could not reach; empty for a queue's."""
    return _attribute(letter, "TARGET_ARN")


def _attribute(letter: Letter, name: str) -> str:
    return str(letter.get("MessageAttributes", {}).get(name, {}).get("StringValue", ""))
