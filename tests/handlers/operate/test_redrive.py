"""The command sends the dead letters of each queue back to it."""

from __future__ import annotations

import pytest

from operate.deployment import NEEDED
from operate.redrive import ROUTES
from tests.support.embedded_aws import Deployment, EmbeddedAws, make_queue
from tests.support.maskline import command_on


@pytest.mark.parametrize("queue", sorted(ROUTES))
def test_letters_go_back_with_their_body_and_their_reasons_are_told(
    deployment: Deployment, aws: EmbeddedAws, queue: str
) -> None:
    sqs = aws.client("sqs")
    dead, alive = (make_queue(sqs, name) for name in ("dead", "alive"))
    command = command_on(
        deployment, aws, **dict(zip(ROUTES[queue], (dead, alive), strict=True))
    )
    explained = {"explanation": {"DataType": "String", "StringValue": "no such host"}}
    sqs.send_message(QueueUrl=dead, MessageBody="1", MessageAttributes=explained)
    sqs.send_message(QueueUrl=dead, MessageBody="2")

    ended = command.run("redrive", queue)

    assert (ended.status, ended.err) == (0, "")
    *reasons, summary = ended.out.splitlines()
    assert sorted(reasons) == ["  its function died", "  no such host"]
    assert summary == f"2 sent back to {queue}"
    back = sqs.receive_message(QueueUrl=alive, MaxNumberOfMessages=10)["Messages"]
    assert sorted(letter["Body"] for letter in back) == ["1", "2"]
    again = command.json("redrive", queue)
    assert again == {"queue": queue, "sent": 0, "reasons": []}


def test_a_letter_that_comes_back_at_once_is_sent_once(
    deployment: Deployment, aws: EmbeddedAws
) -> None:
    sqs = aws.client("sqs")
    dead = make_queue(sqs, "dead")
    # Whoever works the queue off puts them back as fast as they are sent.
    command = command_on(deployment, aws, **dict.fromkeys(ROUTES["changes"], dead))
    for body in "123":
        sqs.send_message(QueueUrl=dead, MessageBody=body)

    ended = command.json("redrive", "changes")

    assert ended["sent"] == 3


@pytest.mark.parametrize("queue", sorted(ROUTES))
def test_a_stack_without_one_of_its_queues_is_refused(queue: str) -> None:
    assert {*ROUTES[queue]} <= NEEDED
