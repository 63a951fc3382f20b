"""The rules of recordings: announced, named, retried, recognized."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from masking.core.errors import RecordingRefusedError
from masking.domain import audio_files, recording_transitions, recordings
from masking.domain.recordings import (
    Announcement,
    Recording,
    Source,
    Status,
    recording_uuid_of,
)

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


@pytest.mark.parametrize(
    ("url", "written", "audio"),
    [
        ("https://media.plivo.com/a", None, ""),
        ("https://media.plivo.com/a", ".ogg", ""),
        (URL, ".ogg", "mp3"),
        ("https://media.plivo.com/a.mp3?x=1.y", None, "mp3"),
        ("https://media.plivo.com/a.wav", " WAV ", "wav"),
    ],
)
def test_a_format_that_nobody_knows_is_left_for_the_bytes_to_tell(
    url: str, written: str | None, audio: str
) -> None:
    attributes = {"RecordingURL": url, "RecordingFormat": written or ""}

    assert recordings.announcement_of(attributes).format == audio


@pytest.mark.parametrize(
    "duration", ["", "1.5", "-1", "long", "\u0661", "1_000", "9" * 10, "9" * 5001]
)
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
        {"RecordingURL": " ", "RecordingFormat": ".mp3"},
    ],
    ids=repr,
)
def test_an_announcement_without_an_address_is_refused(
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
    resource = f"https://api.plivo.com/v1/Account/MA/Recording/{RECORDING}/"
    assert recording_uuid_of({"RecordingResourceURL": resource}) == RECORDING


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


# Until when it is shown

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def announced(url: str = URL, **changes: object) -> Recording:
    """Return a recording that has been announced."""
    begun = recording_transitions.announce(
        Announcement(RECORDING, url, "mp3", 17),
        session_uuid="0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f",
        tenant_id="acme",
        retention_days=7,
        source=Source.CALLBACK,
        now=NOW,
    )
    return replace(begun, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("days", "length", "expected"),
    [
        (90, 128 * 1024, "GLACIER_IR"),
        (3650, None, "GLACIER_IR"),
        (30, 128 * 1024, "STANDARD"),
        (365, 128 * 1024 - 1, "STANDARD"),
    ],
)
def test_the_cold_class_is_for_what_is_large_and_kept_for_long(
    days: int, length: int | None, expected: str
) -> None:
    recording = announced(retention_days=days)

    assert recordings.storage_class(recording, length) == expected


def test_a_recording_is_hidden_from_the_very_moment_that_its_retention_ends() -> None:
    known = announced()
    ends = NOW + timedelta(days=7)

    assert known.expires_at == ends
    assert not recordings.is_hidden(known, ends - MICROSECOND)
    assert recordings.is_hidden(known, ends)


def test_a_held_recording_is_never_hidden() -> None:
    assert not recordings.is_hidden(announced(held=True), NOW + timedelta(days=9999))


def test_a_lease_has_run_out_at_its_very_end() -> None:
    known = announced(lease_until=NOW)

    assert recordings.is_leased(known, NOW - MICROSECOND)
    assert not recordings.is_leased(known, NOW)


# A later and better announcement

DEAD = "https://media.plivo.com/dead.mp3"


def failed(reason: str = "malformed", **changes: object) -> Recording:
    """Return a recording that failed and has no address."""
    begun = recording_transitions.announce_failure(
        RECORDING,
        session_uuid="0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f",
        tenant_id="acme",
        retention_days=7,
        reason=reason,
        explanation="Plivo said so",
        source=Source.CALLBACK,
        now=NOW,
    )
    return replace(begun, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("source", Source)
@pytest.mark.parametrize("reason", ["malformed", "not_recorded"])
def test_one_that_failed_is_announced_again_when_an_address_comes(
    reason: str, source: Source
) -> None:
    found = Announcement(RECORDING, URL, "mp3", 17, "another-id", {"from": "first"})

    better = recording_transitions.improve(failed(reason), found, source)

    assert better
    assert better.status is Status.ANNOUNCED
    assert (better.url, better.format, better.duration) == (URL, "mp3", 17)
    assert (better.carrier_id, better.call) == ("another-id", {"from": "first"})
    assert (better.reason, better.explanation, better.failed_at) == (None, None, None)
    # Its callback is the event; of what was found at Plivo we tell ourselves.
    assert better.nudges == (1 if source is Source.CARRIER else 0)


def test_one_that_failed_at_a_dead_address_is_announced_again_with_both() -> None:
    gone = recording_transitions.give_up(announced(DEAD), "not_available", "404", NOW)

    better = recording_transitions.improve(
        gone, Announcement(RECORDING, URL, "", None), Source.CARRIER
    )

    assert better
    assert better.status is Status.ANNOUNCED
    assert better.urls == (URL, DEAD)
    assert (better.format, better.duration) == ("mp3", 17)


def test_the_same_announcement_again_changes_nothing() -> None:
    same = Announcement(RECORDING, URL, "mp3", 17)

    for known in (
        announced(),
        recording_transitions.give_up(announced(), "not_available", "404", NOW),
        announced(status=Status.STORING, lease_until=NOW),
    ):
        assert recording_transitions.improve(known, same, Source.CARRIER) is None


def test_addresses_are_known_whatever_the_order_in_which_they_were_told() -> None:
    urls = ["https://media.plivo.com/1", "https://media.plivo.com/2", DEAD]

    for first, *later in permutations(urls):
        known = announced(first)
        for url in later:
            found = Announcement(RECORDING, url, "mp3", 17)
            better = recording_transitions.improve(known, found, Source.CALLBACK)
            assert better
            known = better
        assert sorted(known.urls) == sorted(urls)


def test_no_more_addresses_are_kept_than_are_tried() -> None:
    known = announced()
    for number in range(9):
        found = Announcement(RECORDING, f"{URL}?{number}", "mp3", 17)
        known = recording_transitions.improve(known, found, Source.CALLBACK) or known

    assert known.urls == (f"{URL}?8", f"{URL}?7", f"{URL}?6")


def test_what_is_being_stored_learns_an_address_and_goes_on() -> None:
    busy = announced(status=Status.STORING, lease_until=NOW, suspect="x", sightings=4)

    better = recording_transitions.improve(
        busy, Announcement(RECORDING, DEAD, "mp3", 17), Source.CALLBACK
    )

    assert better
    assert (better.status, better.lease_until) == (Status.STORING, NOW)
    assert (better.suspect, better.sightings) == (None, 0)


def test_of_a_stored_one_only_what_was_unknown_is_filled_in() -> None:
    findings = {"bucket": "b", "key": "k", "bytes": 1, "sha256": "x"}
    stored = recording_transitions.store(announced(duration=None), findings, NOW)

    better = recording_transitions.improve(
        stored, Announcement(RECORDING, DEAD, "wav", 9), Source.CALLBACK
    )
    again = recording_transitions.improve(
        better or stored, Announcement(RECORDING, DEAD, "wav", 10), Source.CALLBACK
    )

    assert better
    assert (better.status, better.url) == (Status.STORED, None)
    assert (better.duration, better.format) == (9, "mp3")
    assert again is None


@pytest.mark.parametrize("status", [Status.DELETING, Status.DELETED])
def test_nothing_brings_a_deleted_recording_back(status: Status) -> None:
    gone = replace(announced(status=status), url=None)
    found = Announcement(RECORDING, URL, "mp3", 17)

    assert recording_transitions.improve(gone, found, Source.CARRIER) is None


def test_an_operator_lets_a_recording_in_from_where_he_says() -> None:
    gone = recording_transitions.give_up(announced(DEAD), "not_audio", "html", NOW)

    accepted = recording_transitions.accept(gone, URL)

    assert (accepted.status, accepted.accepted) == (Status.ANNOUNCED, True)
    assert accepted.urls == (URL, DEAD)
    assert accepted.nudges == 1
    assert accepted.reason is None
    assert recording_transitions.accept(gone).urls == (DEAD,)
