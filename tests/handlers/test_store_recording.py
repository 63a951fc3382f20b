"""A finished recording is streamed into the bucket: once, checked, never whole."""

from __future__ import annotations

import base64
import hashlib
import json
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError

from functions.store_recording import app
from masking import wiring
from masking.api import callback_requests
from masking.core.errors import RecordingNotReadyError, RecordingRefusedError
from masking.domain import recording_transitions, recordings
from masking.domain.recordings import Recording, Status
from masking.domain.sessions import Session
from masking.plivo.download import Download
from masking.plivo.media import Media
from masking.recording.announce import Announcer
from masking.recording.copy_recording import CopyRecording
from masking.storage.bucket import Bucket
from masking.storage.queues import Queue
from masking.storage.stores import Stores
from masking.wiring import Services
from operate.redrive import redrive
from proofs.http_listener import Answer, HttpListener, in_chunks, reply, reset
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.maskline import deployment_on
from tests.support.payloads import sample
from tests.support.sessions_there import planted

RECORDING = "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c"
MP3 = b"ID3\x04" + bytes(range(256)) * 400
WAV = b"RIFF" + (100_008).to_bytes(4, "little") + b"WAVEfmt " + bytes(100_000)


@pytest.fixture
def session(stores: Stores, clock: Clock) -> Session:
    """Return the session that was recorded."""
    return planted(stores, clock)


@pytest.fixture
def copying(services: Services, wire: HttpListener, clock: Clock) -> CopyRecording:
    """Return the store as a function has it, with the wire as origin."""
    origin = Media((wire.origin,), ("MAEXAMPLEACCOUNT0000", "a-token"))
    return CopyRecording(services.stores, services.bucket, origin, clock)


Announced = tuple[str, str]


def announce(
    stores: Stores, session: Session, clock: Clock, url: str, **fields: str
) -> Announced:
    """Announce a finished recording as its callback does; give the names it has."""
    attributes = {
        "EventName": "SessionRecordingCompleted",
        "RecordingUUID": RECORDING,
        "RecordingURL": url,
        "RecordingFormat": ".mp3",
        "RecordingDuration": "18",
        **fields,
    }
    digest = callback_requests.digest_of(list(attributes.items()))
    Announcer(stores, clock, 365).from_callback(attributes, digest, session)
    return session.session_uuid, RECORDING


def known(stores: Stores, session: Session) -> Recording:
    """Return what the table knows of the recording."""
    found = stores.recordings.get(session.session_uuid, RECORDING)
    assert found, "the table knows nothing of the recording"
    return found


def unsaid(stores: Stores, session: Session, url: str) -> None:
    """Make a stored recording look like one whose storer was killed before he said."""
    stored = known(stores, session)
    before = replace(
        stored,
        status=Status.STORING,
        version=stored.version + 1,
        url=url,
        key=None,
        lease_until=None,
    )
    stores.recordings.replace(stored, before)


def objects(aws: EmbeddedAws, deployment: Deployment) -> dict[str, bytes]:
    """Return what is in the bucket."""
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
    copying: CopyRecording,
    session: Session,
    clock: Clock,
    wire: HttpListener,
    aws: EmbeddedAws,
    deployment: Deployment,
    answer: Answer,
    audio: bytes,
    kind: str,
) -> None:
    wire.answers(answer)
    announced = announce(
        copying.stores, session, clock, f"{wire.origin}/a", RecordingFormat=f".{kind}"
    )

    assert copying.copy(*announced)

    key = (
        f"recordings/acme/{clock():%Y/%m/%d}/{session.session_uuid}/{RECORDING}.{kind}"
    )
    assert objects(aws, deployment) == {key: audio}
    stored = known(copying.stores, session)
    assert stored.status is Status.STORED
    assert (stored.bucket, stored.key) == (deployment.bucket_name, key)
    assert stored.format == kind
    assert stored.bytes == len(audio)
    assert stored.sha256 == hashlib.sha256(audio).hexdigest()
    assert stored.duration == 18
    assert stored.stored_at == clock()
    assert stored.lease_until is None
    assert stored.url is None


def test_the_object_has_its_type_and_a_checksum(
    copying: CopyRecording,
    session: Session,
    clock: Clock,
    wire: HttpListener,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    wire.answers(reply(200, MP3))
    copying.copy(*announce(copying.stores, session, clock, f"{wire.origin}/a"))

    head = aws.client("s3").head_object(
        Bucket=deployment.bucket_name,
        Key=str(known(copying.stores, session).key),
        ChecksumMode="ENABLED",
    )

    expected = base64.b64encode(zlib.crc32(MP3).to_bytes(4, "big")).decode()
    assert head["ContentType"] == "audio/mpeg"
    assert head["ChecksumCRC32"] == expected


def test_a_recording_of_unknown_duration_is_stored_without_one(
    copying: CopyRecording, session: Session, clock: Clock, wire: HttpListener
) -> None:
    wire.answers(reply(200, MP3))

    copying.copy(
        *announce(
            copying.stores, session, clock, f"{wire.origin}/a", RecordingDuration=""
        )
    )

    assert known(copying.stores, session).duration is None


def test_a_second_run_fetches_nothing(
    copying: CopyRecording, session: Session, clock: Clock, wire: HttpListener
) -> None:
    wire.answers(reply(200, MP3))
    announced = announce(copying.stores, session, clock, f"{wire.origin}/a")
    copying.copy(*announced)

    assert copying.copy(*announced) is False
    assert len(wire.requests) == 1


def test_two_at_once_make_one_object_and_one_of_them_comes_again(
    copying: CopyRecording,
    session: Session,
    clock: Clock,
    wire: HttpListener,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    wire.answers(reply(200, MP3))
    announced = announce(copying.stores, session, clock, f"{wire.origin}/a")

    def run(_: int) -> str:
        try:
            return "stored" if copying.copy(*announced) else "done already"
        except RecordingNotReadyError:
            return "come again"

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(run, range(4)))

    assert outcomes.count("stored") == 1
    assert list(objects(aws, deployment).values()) == [MP3]


def test_who_was_killed_while_storing_is_taken_over_after_his_lease(
    copying: CopyRecording, session: Session, clock: Clock, wire: HttpListener
) -> None:
    wire.answers(reset(), reply(200, MP3))
    announced = announce(copying.stores, session, clock, f"{wire.origin}/a")
    begun = known(copying.stores, session)
    claimed = recording_transitions.claim(begun, clock())
    assert claimed
    copying.stores.recordings.replace(begun, claimed)

    with pytest.raises(RecordingNotReadyError, match="another invocation"):
        copying.copy(*announced)
    assert wire.requests == []
    clock.advance(minutes=17)
    with pytest.raises(RecordingNotReadyError):
        copying.copy(*announced)
    clock.advance(seconds=1)

    assert copying.copy(*announced)


def test_what_was_stored_by_one_who_was_killed_before_saying_so_is_accepted(
    copying: CopyRecording,
    session: Session,
    clock: Clock,
    wire: HttpListener,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    wire.answers(reply(200, MP3))
    announced = announce(copying.stores, session, clock, f"{wire.origin}/a")
    copying.copy(*announced)
    unsaid(copying.stores, session, f"{wire.origin}/a")

    assert copying.copy(*announced)
    assert list(objects(aws, deployment).values()) == [MP3]
    assert known(copying.stores, session).status is Status.STORED


@pytest.mark.parametrize(
    "answer",
    [reply(200, MP3 + b"x"), in_chunks(MP3 + b"x"), reply(200, MP3[:-1] + b"x")],
    ids=["longer", "longer in chunks", "same length"],
)
def test_another_file_under_the_same_key_is_never_overwritten(
    copying: CopyRecording,
    session: Session,
    clock: Clock,
    wire: HttpListener,
    aws: EmbeddedAws,
    deployment: Deployment,
    answer: Answer,
) -> None:
    wire.answers(reply(200, MP3), answer)
    announced = announce(copying.stores, session, clock, f"{wire.origin}/a")
    copying.copy(*announced)
    unsaid(copying.stores, session, f"{wire.origin}/a")

    with pytest.raises(RecordingNotReadyError, match="another file"):
        copying.copy(*announced)

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
    copying: CopyRecording,
    session: Session,
    clock: Clock,
    wire: HttpListener,
    aws: EmbeddedAws,
    deployment: Deployment,
    answer: Answer,
) -> None:
    wire.answers(answer, reply(200, MP3))
    announced = announce(copying.stores, session, clock, f"{wire.origin}/a")

    with pytest.raises((RecordingNotReadyError, HTTPClientError)):
        copying.copy(*announced)

    assert objects(aws, deployment) == {}
    assert known(copying.stores, session).status is Status.STORING
    uploads = aws.client("s3").list_multipart_uploads(Bucket=deployment.bucket_name)
    assert uploads.get("Uploads", []) == []
    clock.advance(seconds=1)

    assert copying.copy(*announced)


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
    copying: CopyRecording,
    session: Session,
    clock: Clock,
    wire: HttpListener,
    url: str,
    fields: dict[str, str],
) -> None:
    announced = announce(copying.stores, session, clock, url, **fields)

    with pytest.raises(RecordingRefusedError):
        copying.copy(*announced)

    assert wire.requests == []


def test_an_announcement_without_its_callback_is_refused(
    copying: CopyRecording, session: Session
) -> None:
    with pytest.raises(RecordingRefusedError, match="not in the table"):
        copying.copy(session.session_uuid, RECORDING)


# The bucket


class Zeros:
    """A source of many bytes that are never there at once."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, amount: int, /) -> bytes:
        """Return the next of them."""
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

    sent = redrive(deployment_on(deployment, aws), "recordings", said.append)

    assert sent == 1
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
