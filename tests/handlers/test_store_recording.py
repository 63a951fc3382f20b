"""A finished recording is streamed into the bucket: once, checked, never whole."""

from __future__ import annotations

import base64
import hashlib
import json
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError

from functions.store_recording import app
from masking import events, items
from masking.bucket import Bucket
from masking.errors import RecordingNotReadyError, RecordingRefusedError
from masking.origin import Download, Origin
from masking.sessions import Session
from masking.store import Store
from masking.table import Table
from masking.wiring import Services
from tests.handlers.clock import Clock
from tests.handlers.embedded_aws import Deployment, EmbeddedAws
from tests.handlers.payloads import sample
from tests.handlers.sessions_there import planted
from tests.unit.wire import Answer, Wire, in_chunks, reply, reset

RECORDING = "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c"
MP3 = b"ID3\x04" + bytes(range(256)) * 400
WAV = b"RIFF\x24\x90\x01\x00WAVEfmt " + bytes(100_000)


@pytest.fixture
def session(table: Table, clock: Clock) -> Session:
    """Give the session that was recorded."""
    return planted(table, clock)


@pytest.fixture
def store(services: Services, wire: Wire, clock: Clock) -> Store:
    """Give the store as a function has it, with the wire as origin."""
    origin = Origin((wire.origin,), ("MAEXAMPLEACCOUNT0000", "a-token"))
    return Store(services.table, services.bucket, origin, clock)


def announce(
    table: Table, session: Session, clock: Clock, url: str, **fields: str
) -> dict[str, Any]:
    """Keep the callback of a finished recording; give the event that announces it."""
    attributes = {
        "EventName": "SessionRecordingCompleted",
        "RecordingUUID": RECORDING,
        "RecordingURL": url,
        "RecordingFormat": ".mp3",
        "RecordingDuration": "18",
        **fields,
    }
    digest = events.digest_of(list(attributes.items()))
    table.put_callback(
        session.session_uuid,
        digest,
        kind="recordings",
        tenant_id=session.tenant_id,
        attempt=1,
        attributes=attributes,
        received_at=clock(),
    )
    return {"session_uuid": session.session_uuid, "callback": digest}


def known(table: Table, session: Session) -> dict[str, Any]:
    """Give what the table knows of the recording."""
    item = table.recording(session.session_uuid, RECORDING)
    assert item, "the table knows nothing of the recording"
    return item


def objects(aws: EmbeddedAws, deployment: Deployment) -> dict[str, bytes]:
    """Give what is in the bucket."""
    s3 = aws.client("s3")
    listed = s3.list_objects_v2(Bucket=deployment.bucket_name).get("Contents", [])
    return {
        found["Key"]: s3.get_object(Bucket=deployment.bucket_name, Key=found["Key"])[
            "Body"
        ].read()
        for found in listed
    }


# Storing


@pytest.mark.parametrize(
    ("answer", "audio", "kind"),
    [
        (reply(200, MP3), MP3, "mp3"),
        (in_chunks(MP3), MP3, "mp3"),
        (reply(200, WAV), WAV, "wav"),
        (in_chunks(WAV), WAV, "wav"),
    ],
    ids=["mp3", "mp3 in chunks", "wav", "wav in chunks"],
)
def test_the_object_is_the_origins_file_byte_for_byte(
    store: Store,
    session: Session,
    clock: Clock,
    wire: Wire,
    aws: EmbeddedAws,
    deployment: Deployment,
    answer: Answer,
    audio: bytes,
    kind: str,
) -> None:
    wire.answers(answer)
    announced = announce(
        store.table, session, clock, f"{wire.origin}/a", RecordingFormat=f".{kind}"
    )

    assert store.store(announced)

    key = (
        f"recordings/acme/{clock():%Y/%m/%d}/{session.session_uuid}/{RECORDING}.{kind}"
    )
    assert objects(aws, deployment) == {key: audio}
    item = known(store.table, session)
    assert item["status"] == "stored"
    assert item["bucket"] == deployment.bucket_name
    assert item["key"] == key
    assert item["format"] == kind
    assert item["bytes"] == len(audio)
    assert item["sha256"] == hashlib.sha256(audio).hexdigest()
    assert item["duration"] == 18
    assert item["stored_at"] == items.stamp(clock())
    assert "lease_until" not in item


def test_the_object_has_its_type_and_a_checksum(
    store: Store,
    session: Session,
    clock: Clock,
    wire: Wire,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    wire.answers(reply(200, MP3))
    store.store(announce(store.table, session, clock, f"{wire.origin}/a"))

    head = aws.client("s3").head_object(
        Bucket=deployment.bucket_name,
        Key=known(store.table, session)["key"],
        ChecksumMode="ENABLED",
    )

    expected = base64.b64encode(zlib.crc32(MP3).to_bytes(4, "big")).decode()
    assert head["ContentType"] == "audio/mpeg"
    assert head["ChecksumCRC32"] == expected


def test_a_recording_of_unknown_duration_is_stored_without_one(
    store: Store, session: Session, clock: Clock, wire: Wire
) -> None:
    wire.answers(reply(200, MP3))

    store.store(
        announce(
            store.table, session, clock, f"{wire.origin}/a", RecordingDuration=""
        )
    )

    assert "duration" not in known(store.table, session)


def test_a_second_run_fetches_nothing(
    store: Store, session: Session, clock: Clock, wire: Wire
) -> None:
    wire.answers(reply(200, MP3))
    announced = announce(store.table, session, clock, f"{wire.origin}/a")
    store.store(announced)

    assert store.store(announced) is False
    assert len(wire.asked) == 1


def test_two_at_once_make_one_object_and_one_of_them_comes_again(
    store: Store,
    session: Session,
    clock: Clock,
    wire: Wire,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    wire.answers(reply(200, MP3))
    announced = announce(store.table, session, clock, f"{wire.origin}/a")

    def run(_: int) -> str:
        try:
            return "stored" if store.store(announced) else "done already"
        except RecordingNotReadyError:
            return "come again"

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(run, range(4)))

    assert outcomes.count("stored") == 1
    assert list(objects(aws, deployment).values()) == [MP3]


def test_who_was_killed_while_storing_is_taken_over_after_his_lease(
    store: Store, session: Session, clock: Clock, wire: Wire
) -> None:
    wire.answers(reset(), reply(200, MP3))
    announced = announce(store.table, session, clock, f"{wire.origin}/a")
    claimed = {
        "tenant_id": "acme",
        "lease_until": items.stamp(clock.at.replace(year=clock.at.year + 1)),
    }
    store.table.claim_recording(session.session_uuid, RECORDING, claimed, clock())

    with pytest.raises(RecordingNotReadyError, match="another invocation"):
        store.store(announced)
    assert wire.asked == []
    clock.advance(days=366)
    with pytest.raises(RecordingNotReadyError):
        store.store(announced)
    clock.advance(seconds=1)

    assert store.store(announced)


def test_what_was_stored_by_one_who_was_killed_before_saying_so_is_accepted(
    store: Store,
    session: Session,
    clock: Clock,
    wire: Wire,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    wire.answers(reply(200, MP3))
    announced = announce(store.table, session, clock, f"{wire.origin}/a")
    store.store(announced)
    stored = known(store.table, session)
    store.table.close_recording(
        session.session_uuid,
        RECORDING,
        {**stored, "status": "storing", "lease_until": items.stamp(clock())},
        clock(),
    )
    clock.advance(seconds=1)

    assert store.store(announced)
    assert list(objects(aws, deployment).values()) == [MP3]
    assert known(store.table, session)["status"] == "stored"


@pytest.mark.parametrize(
    "answer",
    [reply(200, MP3 + b"x"), in_chunks(MP3 + b"x"), reply(200, MP3[:-1] + b"x")],
    ids=["longer", "longer in chunks", "same length"],
)
def test_another_file_under_the_same_key_is_never_overwritten(
    store: Store,
    session: Session,
    clock: Clock,
    wire: Wire,
    aws: EmbeddedAws,
    deployment: Deployment,
    answer: Answer,
) -> None:
    wire.answers(reply(200, MP3), answer)
    announced = announce(store.table, session, clock, f"{wire.origin}/a")
    store.store(announced)
    stored = known(store.table, session)
    store.table.close_recording(
        session.session_uuid,
        RECORDING,
        {**stored, "status": "storing", "lease_until": items.stamp(clock())},
        clock(),
    )
    clock.advance(seconds=1)

    with pytest.raises(RecordingNotReadyError, match="another file"):
        store.store(announced)

    assert list(objects(aws, deployment).values()) == [MP3]


# Not yet, and never


@pytest.mark.parametrize(
    "answer",
    [
        reply(404),
        reply(503),
        reply(200, b""),
        reply(200, b"<!DOCTYPE html><html>not found</html>"),
        in_chunks(b"<!DOCTYPE html><html>not found</html>"),
        reply(200, MP3[:-1], length=len(MP3)),
        reply(200, MP3[:9], length=len(MP3)),
        reset(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nID3" + bytes(20)),
        reset(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nID3\0\0\r\n"),
        reset(),
    ],
    ids=[
        *("404", "503", "empty", "html", "html in chunks", "cut off", "cut off early"),
        *("reset", "reset in chunks", "no answer"),
    ],
)
def test_what_is_not_whole_is_not_stored_and_the_next_try_begins_at_once(
    store: Store,
    session: Session,
    clock: Clock,
    wire: Wire,
    aws: EmbeddedAws,
    deployment: Deployment,
    answer: Answer,
) -> None:
    wire.answers(answer, reply(200, MP3))
    announced = announce(store.table, session, clock, f"{wire.origin}/a")

    with pytest.raises((RecordingNotReadyError, HTTPClientError)):
        store.store(announced)

    assert objects(aws, deployment) == {}
    assert known(store.table, session)["status"] == "storing"
    uploads = aws.client("s3").list_multipart_uploads(Bucket=deployment.bucket_name)
    assert uploads.get("Uploads", []) == []
    clock.advance(seconds=1)

    assert store.store(announced)


@pytest.mark.parametrize(
    ("url", "fields"),
    [
        ("https://elsewhere.example.com/a.mp3", {}),
        ("http://169.254.169.254/latest/meta-data.mp3", {}),
        ("", {}),
        ("/a", {"RecordingFormat": ".ogg"}),
    ],
)
def test_a_recording_from_nowhere_we_know_is_refused(
    store: Store,
    session: Session,
    clock: Clock,
    wire: Wire,
    url: str,
    fields: dict[str, str],
) -> None:
    announced = announce(store.table, session, clock, url, **fields)

    with pytest.raises(RecordingRefusedError):
        store.store(announced)

    assert wire.asked == []


def test_an_announcement_without_its_callback_is_refused(
    store: Store, session: Session
) -> None:
    with pytest.raises(RecordingRefusedError, match="not in the table"):
        store.store({"session_uuid": session.session_uuid, "callback": "none"})


# The bucket


class Zeros:
    """A source of many bytes that are never there at once."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, amount: int, /) -> bytes:
        """Give the next of them."""
        piece = bytes(min(amount, self._left, 65_536))
        self._left -= len(piece)
        return piece


@pytest.mark.parametrize("promised", [True, False], ids=["with length", "in parts"])
def test_memory_does_not_hold_the_file(services: Services, promised: bool) -> None:
    size = 48 * 1024 * 1024
    bucket = services.bucket
    download = Download(Zeros(size), size if promised else None)
    tracemalloc.start()
    try:
        bucket.put("recordings/large.wav", download, "audio/wav")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert download.bytes_read == size
    assert peak < (4 if promised else 28) * 1024 * 1024


def test_parts_are_put_together_as_one_checked_object(
    services: Services, aws: EmbeddedAws, deployment: Deployment
) -> None:
    size = 17 * 1024 * 1024
    services.bucket.put("recordings/x.wav", Download(Zeros(size), None), "audio/wav")

    head = aws.client("s3").head_object(
        Bucket=deployment.bucket_name, Key="recordings/x.wav", ChecksumMode="ENABLED"
    )

    assert head["ContentLength"] == size
    assert head["ContentType"] == "audio/wav"


def test_a_bucket_that_fails_otherwise_is_told_by_its_own_error(
    aws: EmbeddedAws,
) -> None:
    bucket = Bucket(aws.client("s3"), "no-such-bucket-anywhere")

    with pytest.raises(ClientError, match="NoSuchBucket"):
        bucket.put("recordings/x.wav", Download(Zeros(5), 5), "audio/wav")


# The handler


def message(services: Services, detail: dict[str, Any], received: int = 1) -> Any:
    """Send an event through a queue and give what Lambda hands to the function."""
    url = services.settings.recording_queue_url
    sqs = services.recording_queue._client
    event = sample("store_recording")
    body = json.loads(event["Records"][0]["body"]) | {"detail": detail}
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))
    [taken] = sqs.receive_message(QueueUrl=url, VisibilityTimeout=300)["Messages"]
    event["Records"][0] |= {
        "messageId": taken["MessageId"],
        "receiptHandle": taken["ReceiptHandle"],
        "body": taken["Body"],
    }
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = str(received)
    return event


def test_the_function_stores_and_reports_nothing_failed(
    services: Services,
    session: Session,
    clock: Clock,
    wire: Wire,
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    aws: EmbeddedAws,
) -> None:
    monkeypatch.setenv("RECORDING_HOSTS", f"*.plivo.com, {wire.origin}")
    wire.answers(reply(200, MP3))
    announced = announce(services.table, session, clock, f"{wire.origin}/a")

    answer = app.lambda_handler(message(services, announced), None)

    assert answer == {"batchItemFailures": []}
    assert list(objects(aws, deployment).values()) == [MP3]
    assert '"RecordingStored":[1.0]' in capsys.readouterr().out


@pytest.mark.parametrize(("received", "pause"), [(1, 15), (2, 30), (9, 900)])
def test_a_recording_that_is_not_there_yet_comes_again_after_a_growing_pause(
    services: Services,
    session: Session,
    clock: Clock,
    wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    received: int,
    pause: int,
) -> None:
    monkeypatch.setenv("RECORDING_HOSTS", wire.origin)
    url = f"{wire.origin}/secret-address-of-audio"
    event = message(
        services, announce(services.table, session, clock, url), received
    )

    answer = app.lambda_handler(event, None)

    emitted = capsys.readouterr().out
    assert answer == {
        "batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]
    }
    assert f'"pause_seconds":{pause}' in emitted
    assert '"RecordingNotStored":[1.0]' in emitted
    assert "secret-address" not in emitted


def test_a_refused_recording_comes_again_at_once_until_the_queue_gives_it_up(
    services: Services,
    session: Session,
    clock: Clock,
    capsys: pytest.CaptureFixture[str],
) -> None:
    announced = announce(
        services.table, session, clock, "https://elsewhere.example.com/a.mp3"
    )

    answer = app.lambda_handler(message(services, announced), None)

    assert len(answer["batchItemFailures"]) == 1
    emitted = capsys.readouterr().out
    assert '"pause_seconds":1' in emitted
    assert "RecordingRefusedError" in emitted


def test_a_postponed_message_is_visible_again_after_its_pause(
    services: Services, session: Session
) -> None:
    event = message(services, {"session_uuid": session.session_uuid})
    record = event["Records"][0]

    services.recording_queue.postpone(record["receiptHandle"], 0)

    again = services.recording_queue._client.receive_message(
        QueueUrl=services.settings.recording_queue_url
    )
    assert [found["MessageId"] for found in again["Messages"]] == [record["messageId"]]
