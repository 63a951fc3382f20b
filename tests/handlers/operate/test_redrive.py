"""The command sends the dead letters of each queue, and of the rules, back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from operate.deployment import NEEDED
from operate.redrive import (
    OF_RULES,
    QUEUES,
    QUEUES_OF_RULES,
    ROUTES,
    TOPIC_OF_RULES,
    dead_letters_of,
)
from stack.aws.clients import LocalAws
from stack.aws.listeners import listening_queue
from tests.support.embedded_aws import Deployment, EmbeddedAws, make_queue
from tests.support.maskline import Command, command_on

EVENT = {
    "source": "maskline",
    "detail-type": "recording.failed",
    "detail": {
        "recording_uuid": "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c",
        "session_uuid": "0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f",
        "explanation": "no such host",
    },
}


def texts(**attributes: str) -> dict[str, Any]:
    """Return attributes of a message."""
    return {
        name: {"DataType": "String", "StringValue": value}
        for name, value in attributes.items()
    }


def arn_of(sqs: Any, url: str) -> str:
    """Return the ARN of a queue."""
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])


def bodies(sqs: Any, url: str) -> list[str]:
    """Return the bodies of the messages of a queue."""
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return sorted(each["Body"] for each in answer.get("Messages", []))


@pytest.mark.parametrize("queue", sorted(ROUTES))
def test_letters_go_back_with_their_body_and_their_reasons_are_told(
    deployment: Deployment, aws: EmbeddedAws, queue: str
) -> None:
    sqs = aws.client("sqs")
    dead, alive = (make_queue(sqs, name) for name in ("dead", "alive"))
    command = command_on(
        deployment, aws, **dict(zip(ROUTES[queue], (dead, alive), strict=True))
    )
    explained = texts(explanation="no such host")
    sqs.send_message(QueueUrl=dead, MessageBody="1", MessageAttributes=explained)
    sqs.send_message(QueueUrl=dead, MessageBody="2")

    ended = command.run("redrive", queue)

    assert (ended.status, ended.err) == (0, "")
    *reasons, summary = ended.out.splitlines()
    assert sorted(reasons) == ["  its function failed", "  no such host"]
    assert summary == f"2 sent back to {queue}"
    assert bodies(sqs, alive) == ["1", "2"]
    again = command.json("redrive", queue)
    assert again == {"queue": queue, "sent": 0, "left": 0, "reasons": []}


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


# Rules of the bus


class Rules:
    """The dead letters of rules, the queues and the topic that rules send to."""

    def __init__(self, deployment: Deployment, aws: EmbeddedAws) -> None:
        self.sqs = aws.client("sqs")
        self.dead = make_queue(self.sqs, "dead")
        self.queues = {each: make_queue(self.sqs, each) for each in QUEUES_OF_RULES}
        sns = aws.client("sns")
        name = self.dead.rpartition("/")[2]
        self.topic = str(sns.create_topic(Name=name)["TopicArn"])
        self.subscriber, endpoint = listening_queue(
            LocalAws(aws.url, aws.ca_file), f"subscriber-{name}"
        )
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=endpoint)
        outputs = {OF_RULES: self.dead, TOPIC_OF_RULES: self.topic, **self.queues}
        self.command: Command = command_on(deployment, aws, **outputs)

    def park(self, target: str, body: str) -> None:
        """Park an event as EventBridge does that its target did not take."""
        self.sqs.send_message(
            QueueUrl=self.dead,
            MessageBody=body,
            MessageAttributes=texts(
                RULE_ARN="arn:aws:events:us-east-1:000000000000:rule/maskline/r",
                TARGET_ARN=target,
                ERROR_CODE="NO_PERMISSIONS",
                ERROR_MESSAGE="The queue's policy does not allow it.",
            ),
        )


@pytest.fixture
def rules(deployment: Deployment, aws: EmbeddedAws) -> Rules:
    """Return what rules send to, on the test's deployment."""
    return Rules(deployment, aws)


def test_an_event_goes_to_the_target_that_did_not_take_it_and_to_no_other(
    rules: Rules,
) -> None:
    body = json.dumps(EVENT)
    for url in rules.queues.values():
        rules.park(arn_of(rules.sqs, url), body)

    ended = rules.command.run("redrive", "rules")

    assert ended.status == 0
    assert ended.out.splitlines() == [
        *["  The queue's policy does not allow it."] * 2,
        "2 sent back to rules",
    ]
    assert [bodies(rules.sqs, url) for url in rules.queues.values()] == [[body]] * 2
    assert bodies(rules.sqs, rules.subscriber) == []


def test_the_topic_gets_the_words_that_its_rule_would_have_sent(rules: Rules) -> None:
    rules.park(rules.topic, json.dumps(EVENT))

    ended = rules.command.json("redrive", "rules")

    assert ended["sent"] == 1
    [told] = bodies(rules.sqs, rules.subscriber)
    assert json.loads(told)["Message"] == (
        "Recording 5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c of session "
        "0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f could not be stored: no such host. "
        "Mend that, then: make redrive STACK=maskline-local"
    )


def test_an_event_for_a_target_of_somebody_else_stays_and_is_told(rules: Rules) -> None:
    rules.park("arn:aws:sqs:us-east-1:000000000000:another", "{}")

    ended = rules.command.run("redrive", "rules")

    assert ended.status == 1
    assert ended.out.splitlines() == [
        "0 sent back to rules",
        "1 left: their target is not of this deployment",
    ]
    answer = rules.sqs.get_queue_attributes(
        QueueUrl=rules.dead, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
    )
    assert answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1"


@pytest.mark.parametrize("queue", QUEUES)
def test_a_stack_without_one_of_its_queues_is_refused(queue: str) -> None:
    needed = {dead_letters_of(queue), *ROUTES.get(queue, ())}

    assert needed | {*QUEUES_OF_RULES, TOPIC_OF_RULES} <= NEEDED
