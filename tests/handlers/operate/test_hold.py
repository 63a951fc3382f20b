"""The command puts a session's recordings under a legal hold, and lifts it."""

from __future__ import annotations

import pytest

from masking.domain.sessions import Session
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.maskline import Command
from tests.support.recorded_calls import announced
from tests.support.sessions_there import planted

URL = "https://media.plivo.com/x.wav"


@pytest.fixture
def session(services: Services, clock: Clock) -> Session:
    """Return a session with a recording."""
    made = planted(services.stores, clock)
    announced(services, made, clock, URL)
    return made


def test_a_hold_is_set_and_lifted(
    command: Command, services: Services, session: Session
) -> None:
    uuid = session.session_uuid

    held = command.lines("hold", "set", uuid)
    again = command.json("hold", "set", uuid)
    [recording] = services.stores.recordings.of_session(uuid)
    lifted = command.lines("hold", "lift", uuid)

    assert held == ["1 changed", f"hold is set for {uuid}"]
    assert again == {"session_uuid": uuid, "held": True, "recordings": {"as it was": 1}}
    assert recording.held
    assert lifted == ["1 changed", f"hold is lifted for {uuid}"]
    assert not services.stores.recordings.is_held(uuid)
    assert not services.stores.recordings.of_session(uuid)[0].held


def test_what_is_announced_during_a_hold_is_held(
    command: Command, services: Services, session: Session, clock: Clock
) -> None:
    command.lines("hold", "set", session.session_uuid)

    later = announced(services, session, clock, URL, "another")

    assert later.held


def test_a_hold_can_be_lifted_when_nothing_but_the_hold_is_left(
    command: Command, services: Services
) -> None:
    uuid = "0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f"
    services.stores.recordings.put_hold(uuid, held=True)

    assert command.lines("hold", "lift", uuid) == [f"hold is lifted for {uuid}"]

    assert not services.stores.recordings.is_held(uuid)
