"""Sound audio is stored whatever was said of it, and what was said wrongly is noted."""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import replace
from typing import Any

import pytest

from masking.core.errors import RecordingNotReadyError, RecordingRefusedError
from masking.domain import recordings
from masking.domain.recordings import Recording, Status
from masking.domain.sessions import Session
from masking.recording.copy_recording import CopyRecording
from plivo_simulator import audio
from proofs.http_listener import HttpListener, reply
from tests.support.announced_recordings import (
    Announced,
    announce,
    known,
    objects,
    unsaid,
)
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment, EmbeddedAws

WAV = audio.sound("recording", "wav", 3000)
MP3 = audio.sound("recording", "mp3", 3000)
LONG_MP3 = audio.sound("recording", "mp3", 90_000)

# A header that promises a byte more than there is.
MISCOUNTED = WAV[:4] + struct.pack("<I", len(WAV) - 8 + 1) + WAV[8:]


def copied(
    copying: CopyRecording, announced: Announced, clock: Clock, most: int
) -> tuple[Recording, int]:
    """Try to copy a recording until it is stored; return it and how many tries."""
    for tries in range(1, most + 1):
        clock.advance(minutes=15)
        try:
            copying.copy(*announced)
        except RecordingNotReadyError:
            continue
        found = copying.stores.recordings.get(*announced)
        assert found
        return found, tries
    raise AssertionError(f"not stored in {most} tries")


@pytest.mark.parametrize(
    ("content", "headers", "fields", "noted", "tries"),
    [
        # A file that proves to be whole is stored at once.
        (
            WAV,
            {},
            {"RecordingFormat": ".wav", "RecordingDuration": "3000"},
            ["duration"],
            1,
        ),
        (
            WAV,
            {},
            {"RecordingFormat": ".wav", "RecordingDuration": "30"},
            ["duration"],
            1,
        ),
        (LONG_MP3, {}, {"RecordingDuration": "3"}, ["duration"], 1),
        (WAV, {}, {"RecordingFormat": ".mp3"}, ["format"], 1),
        (WAV, {}, {"RecordingFormat": ".ogg"}, [], 1),
        (MP3, {}, {"RecordingFormat": ".wav"}, ["format"], 1),
        (MP3, {"Content-Type": "text/html; x=y"}, {}, ["content_type"], 1),
        (MP3, {"Content-Type": "audio/wav"}, {}, ["content_type"], 1),
        (MP3, {"Content-Type": "Audio/MPEG"}, {}, [], 1),
        (MP3, {"Content-Type": "binary/octet-stream"}, {}, [], 1),
        (
            MP3,
            {"ETag": f'"{hashlib.md5(MP3, usedforsecurity=False).hexdigest()}"'},
            {"RecordingDuration": "30"},
            ["duration"],
            1,
        ),
        # One that may be cut off is, when it has come alike seven times.
        (MP3, {}, {"RecordingDuration": "3000"}, ["duration"], 7),
        (MISCOUNTED, {}, {"RecordingFormat": ".wav"}, ["size"], 7),
        (MP3, {"ETag": f'"{"0" * 32}"'}, {}, ["checksum"], 7),
        (
            MP3,
            {"Content-MD5": base64.b64encode(bytes(16)).decode()},
            {},
            ["checksum"],
            7,
        ),
    ],
    ids=[
        *("3000 for 3 s", "30 for 3 s", "3 for 90 s", "wav as mp3", "wav as ogg"),
        *("mp3 as wav", "html by type", "wav by type", "right type", "no type"),
        *("mp3, 30 for 3 s, by its MD5", "mp3, 3000 for 3 s", "header says more"),
        *("another tag", "another MD5"),
    ],
)
def test_sound_audio_is_stored_and_what_was_said_wrongly_is_noted(
    copying: CopyRecording,
    session: Session,
    clock: Clock,
    wire: HttpListener,
    aws: EmbeddedAws,
    deployment: Deployment,
    content: bytes,
    headers: dict[str, str],
    fields: dict[str, str],
    noted: list[str],
    tries: int,
) -> None:
    wire.answers(reply(200, content, headers))
    announced = announce(
        copying.stores,
        session,
        clock,
        f"{wire.origin}/a",
        **{"RecordingDuration": "3", **fields},
    )

    stored, needed = copied(copying, announced, clock, recordings.TRIES)

    assert stored.status is Status.STORED
    assert stored.contradictions == tuple(noted)
    assert needed == tries
    assert stored.format == ("wav" if content.startswith(b"RIFF") else "mp3")
    assert str(stored.key).endswith(f".{stored.format}")
    assert stored.file_duration in (3, 90)
    assert objects(aws, deployment) == {stored.key: content}


def test_a_file_that_is_cut_off_and_then_whole_is_stored_whole(
    copying: CopyRecording,
    session: Session,
    clock: Clock,
    wire: HttpListener,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    halves = [reply(200, LONG_MP3[: len(LONG_MP3) // 9])] * 6
    wire.answers(*halves, reply(200, LONG_MP3))
    announced = announce(
        copying.stores, session, clock, f"{wire.origin}/a", RecordingDuration="90"
    )

    stored, tries = copied(copying, announced, clock, 7)

    assert tries == 7
    assert stored.contradictions == ()
    assert list(objects(aws, deployment).values()) == [LONG_MP3]


def test_what_an_operator_lets_in_is_stored_whatever_it_is(
    copying: CopyRecording,
    session: Session,
    clock: Clock,
    wire: HttpListener,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    content = b"OggS" + bytes(100)
    wire.answers(reply(200, content))
    announced = announce(copying.stores, session, clock, f"{wire.origin}/a")
    with pytest.raises(RecordingNotReadyError, match="does not begin like"):
        copying.copy(*announced)
    refused = known(copying.stores, session)
    accepted = replace(refused, version=refused.version + 1, accepted=True)
    copying.stores.recordings.replace(refused, accepted)

    assert copying.copy(*announced)

    stored = known(copying.stores, session)
    assert (stored.status, stored.format) == (Status.STORED, "")
    assert stored.contradictions == ("format",)
    assert objects(aws, deployment) == {stored.key: content}
    assert str(stored.key).endswith(".bin")


@pytest.mark.parametrize("is_first", [True, False])
def test_each_address_is_tried_until_one_has_the_file(
    copying: CopyRecording,
    session: Session,
    clock: Clock,
    wire: HttpListener,
    is_first: bool,
) -> None:
    alive, dead = f"{wire.origin}/a", "https://elsewhere.example.com/a.mp3"
    wire.answers(reply(200, MP3))
    fields = {"RecordingDuration": "3"}
    for url in (dead, alive) if is_first else (alive, dead):
        announced = announce(copying.stores, session, clock, url, **fields)

    assert copying.copy(*announced)

    assert known(copying.stores, session).other_urls == ()


@pytest.mark.parametrize("event", ["SessionRecordingFailed", "no address", "dead"])
def test_an_announcement_that_failed_is_corrected_by_a_better_one(
    copying: CopyRecording,
    session: Session,
    clock: Clock,
    wire: HttpListener,
    event: str,
) -> None:
    wire.answers(reply(200, MP3))
    first = {"SessionRecordingFailed": {"EventName": event}}.get(event, {})
    url = "https://elsewhere.example.com/a" if event == "dead" else ""
    announced = announce(copying.stores, session, clock, url, **first)
    with pytest.raises(RecordingRefusedError) as refused:
        copying.copy(*announced)
    copying.give_up(*announced, refused.value.reason, "refused")
    failed = known(copying.stores, session)

    announce(copying.stores, session, clock, f"{wire.origin}/a", RecordingDuration="3")

    assert failed.status is Status.FAILED
    assert known(copying.stores, session).status is Status.ANNOUNCED
    assert copying.copy(*announced)
    assert known(copying.stores, session).reason is None


def test_a_worse_announcement_that_comes_later_changes_nothing(
    copying: CopyRecording, session: Session, clock: Clock
) -> None:
    url = "https://media.plivo.com/a.mp3"
    announce(copying.stores, session, clock, url)
    before = known(copying.stores, session)

    announce(copying.stores, session, clock, "")
    announce(copying.stores, session, clock, "", EventName="SessionRecordingFailed")

    assert known(copying.stores, session) == before


def test_what_is_not_what_was_said_of_it_stays_at_plivo(
    copying: CopyRecording, session: Session, clock: Clock, wire: HttpListener
) -> None:
    deleted: list[str] = []
    deleting = replace(copying, delete_at_carrier=deleted.append)
    wire.answers(reply(200, MP3))
    fields = {"RecordingFormat": ".wav", "RecordingDuration": "3"}
    announced = announce(copying.stores, session, clock, f"{wire.origin}/a", **fields)

    assert deleting.copy(*announced)
    assert deleting.copy(*announced) is False

    assert deleted == []


def test_an_address_that_comes_while_it_is_stored_is_tried_by_the_next_try(
    copying: CopyRecording,
    session: Session,
    clock: Clock,
    wire: HttpListener,
) -> None:
    announced = announce(copying.stores, session, clock, f"{wire.origin}/a")
    late: list[Any] = [lambda: announce(copying.stores, session, clock, "https://x/y")]

    class Telling(type(copying.media)):  # type: ignore[misc]
        """Servers of recordings, during whose answer another address is told."""

        def open(self, *arguments: Any, **named: Any) -> Any:
            while late:
                late.pop()()
            return super().open(*arguments, **named)

    media = Telling((wire.origin,), ("MA", "token"))
    with pytest.raises(RecordingNotReadyError):
        replace(copying, media=media).copy(*announced)

    after = known(copying.stores, session)
    assert after.urls == ("https://x/y", f"{wire.origin}/a")
    assert after.lease_until is None


def test_a_stored_file_of_another_format_is_found_by_who_comes_after_a_kill(
    copying: CopyRecording,
    session: Session,
    clock: Clock,
    wire: HttpListener,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    wire.answers(reply(200, WAV))
    announced = announce(
        copying.stores, session, clock, f"{wire.origin}/a", RecordingDuration="3"
    )
    copying.copy(*announced)
    unsaid(copying.stores, session, f"{wire.origin}/a")

    assert copying.copy(*announced)
    assert list(objects(aws, deployment).values()) == [WAV]
