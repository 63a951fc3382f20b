"""Send dead letters back to the queue that they came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from operate.deployment import Deployment

# Queue of dead letters, and where they belong, by the outputs of the template.
ROUTES: Mapping[str, tuple[str, str]] = {
    "recordings": ("RecordingDeadLettersUrl", "RecordingQueueUrl"),
    "webhooks": ("WebhookDeadLettersUrl", "WebhookQueueUrl"),
    "erasures": ("ErasureDeadLettersUrl", "ErasureQueueUrl"),
    "changes": ("ChangeDeadLettersUrl", "ChangeQueueUrl"),
}

# Bound for one run, in case something puts them back as fast as they are sent.
MOST_LETTERS = 100_000

# Seconds in which a letter that was sent must be deleted, or it is sent once more.
VISIBILITY = 60


def redrive(
    deployment: Deployment, name: str, say: Callable[[str], None] = lambda _: None
) -> int:
    """Send all letters of a queue back, and say how many that were.

    Each is sent before it is deleted: if this is killed one may be sent twice, which
    does no harm. *say* gets a line for each letter, with the reason that it carries.
    """
    dead, alive = (deployment.outputs[output] for output in ROUTES[name])
    queues = deployment.client("sqs")
    moved = 0
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
            queues.send_message(QueueUrl=alive, MessageBody=letter["Body"])
            queues.delete_message(QueueUrl=dead, ReceiptHandle=letter["ReceiptHandle"])
            moved += 1
            say(_why(letter.get("MessageAttributes", {})))
    return moved


def _why(attributes: Mapping[str, Mapping[str, str]]) -> str:
    explanation = attributes.get("explanation", {}).get("StringValue")
    return explanation or "its function died"
