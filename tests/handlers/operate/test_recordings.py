"""The command lets a recording in that was refused."""

from __future__ import annotations

import pytest

from masking.domain import recording_transitions
from masking.domain.recordings import Recording, Status
from masking.domain.sessions import Session
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.maskline import Command
from tests.support.recorded_calls import announced
from tests.support.sessions_there import planted

URL = "https://elsewhere.example.com/x.wav"


@pytest.fixture
def session(services: Services, clock: Clock) -> Session:
    """Return a session that was recorded."""
    return planted(services.stores, clock)


@pytest.fixture
def refused(services: Services, clock: Clock, session: Session) -> Recording:
    """Return a recording that was refused."""
    begun = announced(services, session, clock, URL)
    failed = recording_transitions.give_up(begun, "host_refused", "no", clock())
    services.stores.recordings.replace(begun, failed)
    return failed


def test_a_refused_recording_is_announced_again_and_accepted(
    command: Command, services: Services, session: Session, refused: Recording
) -> None:
    lines = command.lines("recordings", "accept", refused.recording_uuid)

    [known] = services.stores.recordings.of_session(session.session_uuid)
    assert lines == [f"{refused.recording_uuid} will be fetched and stored as it is"]
    assert (known.status, known.accepted) == (Status.ANNOUNCED, True)
    assert known.urls == (URL,)
    # Without one more the table's stream would tell nobody.
    assert known.nudges == refused.nudges + 1


def test_another_address_can_be_named(
    command: Command, services: Services, session: Session, refused: Recording
) -> None:
    other = "https://files.example.com/x.wav"

    shown = command.json("recordings", "accept", refused.recording_uuid, "--url", other)

    [known] = services.stores.recordings.of_session(session.session_uuid)
    assert known.urls == (other, URL)
    assert shown == {
        "recording_uuid": refused.recording_uuid,
        "session_uuid": session.session_uuid,
        "status": "announced",
    }


def test_what_is_not_there_or_needs_no_help_is_refused_by_a_sentence(
    command: Command, services: Services, refused: Recording
) -> None:
    stores = services.stores.recordings
    unknown = command.run(
        "recordings", "accept", "0b0c7e0a-5a7e-4a53-9d5e-000000000000"
    )
    unsafe = command.run(
        "recordings", "accept", refused.recording_uuid, "--url", "http://x.example.com"
    )
    claimed = recording_transitions.claim(refused, services.now())
    assert claimed
    stores.replace(refused, claimed)
    busy = command.run("recordings", "accept", refused.recording_uuid)
    stored = recording_transitions.store(claimed, {"key": "k"}, services.now())
    stores.replace(claimed, stored)
    done = command.run("recordings", "accept", refused.recording_uuid)

    assert [each.status for each in (unknown, unsafe, busy, done)] == [1, 2, 1, 1]
    assert "There is no recording" in unknown.err
    assert "https://" in unsafe.err
    assert "is being stored" in busy.err
    assert "needs no help" in done.err


def test_one_without_any_address_needs_one(
    command: Command, services: Services, session: Session, clock: Clock
) -> None:
    known = announced(services, session, clock, "")

    ended = command.run("recordings", "accept", known.recording_uuid)

    assert (ended.status, known.status) == (1, Status.FAILED)
    assert "--url" in ended.err
