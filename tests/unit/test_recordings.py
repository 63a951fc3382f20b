"""The rules of recordings: announced, named, retried, recognized."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from masking.core.errors import RecordingRefusedError
from masking.domain import audio_files, recordings
from masking.domain.recordings import recording_uuid_of

RECORDING = "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c"
URL = "https://media.plivo.com/v1/Recording/5d0f4a3b.mp3"


def test_an_announcement_is_read_from_a_callback() -> None:
    found = recordings.announcement_of(
        {
            "RecordingUUID": RECORDING,
            "RecordingURL": URL,
            "RecordingFormat": ".mp3",
            "RecordingDuration": "17",
        }
    )

    assert found == recordings.Announcement(RECORDING, URL, "mp3", 17)


@pytest.mark.parametrize(
    ("url", "written", "audio"),
    [
        (URL, ".mp3", "mp3"),
        (URL, "mp3", "mp3"),
        (URL, ".WAV", "wav"),
        ("https://media.plivo.com/a.wav", None, "wav"),
        ("https://media.plivo.com/a.wav", "", "wav"),
    ],
)
def test_the_format_is_read_with_its_dot_or_from_the_url(
    url: str, written: str | None, audio: str
) -> None:
    attributes = {"RecordingURL": url}
    if written is not None:
        attributes["RecordingFormat"] = written

    assert recordings.announcement_of(attributes).format == audio


@pytest.mark.parametrize("duration", ["", "1.5", "-1", "long"])
def test_a_duration_that_is_no_number_of_seconds_is_unknown(duration: str) -> None:
    found = recordings.announcement_of(
        {"RecordingURL": URL, "RecordingDuration": duration}
    )

    assert found.duration is None


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"RecordingURL": ""},
        {"RecordingURL": "https://media.plivo.com/a"},
        {"RecordingURL": URL, "RecordingFormat": ".ogg"},
    ],
    ids=repr,
)
def test_an_announcement_without_url_or_known_format_is_refused(
    attributes: dict[str, str],
) -> None:
    with pytest.raises(RecordingRefusedError):
        recordings.announcement_of(attributes)


def test_a_recording_without_a_uuid_gets_one_of_its_url() -> None:
    named = recording_uuid_of({"RecordingUUID": RECORDING, "RecordingURL": URL})
    unnamed = recording_uuid_of({"RecordingURL": URL})
    misnamed = recording_uuid_of({"RecordingUUID": "../x", "RecordingURL": URL})

    assert named == RECORDING
    assert unnamed == misnamed == str(uuid.UUID(unnamed))
    assert unnamed != recording_uuid_of({"RecordingURL": URL + "?2"})


def test_a_recording_is_kept_under_tenant_day_and_session() -> None:
    found = recordings.announcement_of(
        {"RecordingUUID": RECORDING, "RecordingURL": URL}
    )

    key = recordings.key_of(
        found,
        tenant_id="acme",
        session_uuid="0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f",
        day=datetime(2026, 3, 1, 23, 59, tzinfo=UTC),
    )

    assert key == (
        "recordings/acme/2026/03/01/0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f/"
        f"{RECORDING}.mp3"
    )


def test_the_pauses_between_tries_grow_and_end() -> None:
    pauses = [recordings.pause_after(received) for received in range(14)]

    assert pauses == sorted(pauses)
    assert pauses[:3] == [15, 15, 30]
    assert pauses[-1] == 900


def test_all_tries_together_last_about_two_hours() -> None:
    assert (
        timedelta(hours=1.5)
        < timedelta(seconds=sum(recordings.PAUSES))
        < timedelta(hours=2.5)
    )


def test_a_recordings_lease_outlasts_the_longest_function() -> None:
    assert timedelta(minutes=15) < recordings.LEASE


@pytest.mark.parametrize(
    ("audio", "start", "alike"),
    [
        ("wav", b"RIFF\x24\x00\x00\x00WAVE", True),
        ("wav", b"RIFF\x24\x00\x00\x00AVI ", False),
        ("wav", b"ID3\x04", False),
        ("mp3", b"ID3\x04\x00\x00\x00\x00\x00\x00\x00\x00", True),
        ("mp3", b"\xff\xfb\x90\x00", True),
        ("mp3", b"\xff\xe3\x18\xc4", True),
        ("mp3", b"\xff\x1b", False),
        ("mp3", b"\xff", False),
        ("mp3", b"<!DOCTYPE ht", False),
        ("wav", b"<!DOCTYPE ht", False),
        ("mp3", b"", False),
        ("wav", b"", False),
    ],
    ids=repr,
)
def test_audio_is_known_by_how_it_begins(audio: str, start: bytes, alike: bool) -> None:
    assert audio_files.looks_like(audio, start) is alike
