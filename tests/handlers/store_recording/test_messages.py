"""Each message ends as stored, postponed, or a dead letter that says why."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.store_recording import app
from masking import wiring
from masking.domain import recordings
from masking.domain.recordings import Status
from masking.domain.sessions import Session
from masking.storage.queues import Queue
from masking.wiring import Services
from operate.redrive import redrive
from proofs.http_listener import HttpListener, reply
from tests.support.announced_recordings import (
    MP3,
    RECORDING,
    Announced,
    announce,
    known,
    objects,
)
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.maskline import deployment_on
from tests.support.payloads import sample


def message(
    services: Services, announced: Announced, received: int = 1, **body: Any
) -> Any:
    """Send an event through a queue and give what Lambda hands to the function."""
    url = services.settings.recording_queue_url
    sqs = services.recording_queue._client
    event = sample("store_recording")
    detail = dict(zip(("session_uuid", "recording_uuid"), announced, strict=True))
    sent = json.loads(event["Records"][0]["body"]) | {"detail": detail} | body
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(sent))
    [taken] = sqs.receive_message(QueueUrl=url, VisibilityTimeout=300)["Messages"]
    event["Records"][0] |= {
        "messageId": taken["MessageId"],
        "receiptHandle": taken["ReceiptHandle"],
        "body": taken["Body"],
    }
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = str(received)
    return event


def dead_letters(services: Services) -> list[dict[str, Any]]:
    """Take what has been given up: each one's detail and why."""
    answer = services.recording_dead_letters._client.receive_message(
        QueueUrl=services.settings.recording_dead_letters_url,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
    )
    return [
        {
            "detail": json.loads(letter["Body"])["detail"],
            **{
                name: value["StringValue"]
                for name, value in letter["MessageAttributes"].items()
            },
        }
        for letter in answer.get("Messages", [])
    ]


def test_the_function_stores_and_reports_nothing_failed(
    services: Services,
    session: Session,
    clock: Clock,
    wire: HttpListener,
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    aws: EmbeddedAws,
) -> None:
    monkeypatch.setenv("RECORDING_HOSTS", f"*.plivo.com, {wire.origin}")
    wire.answers(reply(200, MP3))
    announced = announce(services.stores, session, clock, f"{wire.origin}/a")

    answer = app.lambda_handler(message(services, announced), None)

    assert answer == {"batchItemFailures": []}
    assert list(objects(aws, deployment).values()) == [MP3]
    assert '"RecordingStored":[1.0]' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("received", "again_after"), [(1, 15), (2, 30), (9, 900), (12, 900)]
)
def test_a_recording_that_is_not_there_yet_comes_again_after_a_growing_pause(
    services: Services,
    session: Session,
    clock: Clock,
    wire: HttpListener,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    aws: EmbeddedAws,
    received: int,
    again_after: int,
) -> None:
    monkeypatch.setenv("RECORDING_HOSTS", wire.origin)
    pauses: list[int] = []

    class Noting(Queue):
        """A queue that keeps for how long messages were postponed."""

        def postpone(self, _receipt: str, seconds: int) -> None:
            pauses.append(seconds)

    queue = Noting(aws.client("sqs"), services.settings.recording_queue_url)
    wiring.services().recording_queue = queue
    url = f"{wire.origin}/secret-address-of-audio"
    event = message(services, announce(services.stores, session, clock, url), received)

    answer = app.lambda_handler(event, None)

    emitted = capsys.readouterr().out
    assert answer == {
        "batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]
    }
    assert pauses == [again_after]
    assert '"RecordingNotStored":[1.0]' in emitted
    assert "secret-address" not in emitted


def test_after_the_last_try_it_is_a_dead_letter_and_failed(
    services: Services,
    session: Session,
    clock: Clock,
    wire: HttpListener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RECORDING_HOSTS", wire.origin)
    wire.answers(reply(404))
    announced = announce(services.stores, session, clock, f"{wire.origin}/a")
    event = message(services, announced, recordings.TRIES)

    answer = app.lambda_handler(event, None)

    assert answer == {"batchItemFailures": []}
    [letter] = dead_letters(services)
    assert letter["detail"]["recording_uuid"] == RECORDING
    assert letter["explanation"] == "the origin answered 404"
    failed = known(services.stores, session)
    assert failed.status is Status.FAILED
    assert failed.reason == "not_available"


def test_a_refused_host_is_a_dead_letter_at_once_that_names_host_and_setting(
    services: Services,
    session: Session,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RECORDING_HOSTS", "*.plivo.com")
    url = "https://elsewhere.example.com/a.mp3"
    announced = announce(services.stores, session, clock, url)

    app.lambda_handler(message(services, announced), None)

    [letter] = dead_letters(services)
    assert letter["host"] == "elsewhere.example.com"
    assert letter["setting"] == "RecordingHosts"
    failed = known(services.stores, session)
    assert failed.explanation == (
        "the host elsewhere.example.com is not among the setting RecordingHosts"
    )


def test_a_redriven_recording_is_stored_once_the_setting_allows_its_host(
    services: Services,
    session: Session,
    clock: Clock,
    wire: HttpListener,
    aws: EmbeddedAws,
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RECORDING_HOSTS", "*.plivo.com")
    wire.answers(reply(200, MP3))
    announced = announce(services.stores, session, clock, f"{wire.origin}/a")
    app.lambda_handler(message(services, announced), None)
    assert objects(aws, deployment) == {}
    monkeypatch.setenv("RECORDING_HOSTS", wire.origin)
    said: list[str] = []

    done = redrive(deployment_on(deployment, aws), "recordings", said.append)

    assert done.sent == 1
    assert "RecordingHosts" in said[0]
    [again] = services.recording_queue._client.receive_message(
        QueueUrl=services.settings.recording_queue_url
    )["Messages"]
    event = sample("store_recording")
    event["Records"][0] |= {
        "body": again["Body"],
        "receiptHandle": again["ReceiptHandle"],
    }
    assert app.lambda_handler(event, None) == {"batchItemFailures": []}
    assert list(objects(aws, deployment).values()) == [MP3]
    assert known(services.stores, session).status is Status.STORED
    assert known(services.stores, session).reason is None


@pytest.mark.parametrize("body", ["no json", "[]", "{}", '{"detail": {}}'])
def test_a_message_that_is_none_of_ours_is_a_dead_letter(
    services: Services, session: Session, body: str
) -> None:
    event = message(services, (session.session_uuid, RECORDING))
    event["Records"][0]["body"] = body

    assert app.lambda_handler(event, None) == {"batchItemFailures": []}

    answer = services.recording_dead_letters._client.receive_message(
        QueueUrl=services.settings.recording_dead_letters_url
    )
    assert [letter["Body"] for letter in answer["Messages"]] == [body]


def test_a_postponed_message_is_visible_again_after_its_pause(
    services: Services, session: Session
) -> None:
    event = message(services, (session.session_uuid, RECORDING))
    record = event["Records"][0]

    services.recording_queue.postpone(record["receiptHandle"], 0)

    again = services.recording_queue._client.receive_message(
        QueueUrl=services.settings.recording_queue_url
    )
    assert [found["MessageId"] for found in again["Messages"]] == [record["messageId"]]
