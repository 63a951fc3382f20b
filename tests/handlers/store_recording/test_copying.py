"""A finished recording is streamed into the bucket: once, checked, never whole."""

from __future__ import annotations

import base64
import hashlib
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import HTTPClientError

from masking.core.errors import RecordingNotReadyError, RecordingRefusedError
from masking.domain import recording_transitions
from masking.domain.recordings import Status
from masking.domain.sessions import Session
from masking.recording.copy_recording import CopyRecording
from proofs.http_listener import Answer, HttpListener, in_chunks, reply, reset
from tests.support.announced_recordings import (
    MP3,
    RECORDING,
    WAV,
    announce,
    known,
    objects,
    unsaid,
)
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment, EmbeddedAws


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
        ("x.mp3", {}),
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
