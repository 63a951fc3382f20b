"""Recordings of which no callback came are found at Plivo."""

from __future__ import annotations

import pytest

from masking.domain import recording_transitions
from masking.domain.due_work import Action, due_work_of
from masking.domain.recordings import Source, Status
from masking.domain.sessions import Session
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.ended_sessions import ended, reconcile, reconciler_of
from tests.support.payloads import PAIR
from tests.support.recorded_calls import (
    Drain,
    announced,
    called,
    stored_one,
)
from tests.support.sessions_there import created, stored
from tests.support.simulated_plivo import SimulatedPlivo


def test_with_no_webhook_at_all_every_recording_is_found_and_stored(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    drain: Drain,
) -> None:
    for _ in range(2):
        called(plivo, recorded)
    files = {file["recording_id"]: file for file in plivo.recordings()}
    session = ended(services, recorded, clock)
    due = due_work_of(session)
    assert due
    assert due.kind is Action.SETTLE
    assert reconcile(services, clock) == {}
    clock.at = due.at

    assert reconcile(services, clock) == {"fetched": 1}
    told = [e["detail-type"] for e in drain()]

    found = {
        r.recording_uuid: r
        for r in services.stores.recordings.of_session(session.session_uuid)
    }
    assert found.keys() == files.keys()
    for name, kept in found.items():
        assert kept.status is Status.STORED
        assert kept.source is Source.CARRIER
        assert (kept.bytes, kept.sha256) == (
            files[name]["bytes"],
            files[name]["sha256"],
        )
        assert kept.call["call_uuid"]
        assert kept.call["from"] == "first"
    assert told.count("recording.announced") == told.count("recording.stored") == 2
    clock.advance(minutes=10)
    assert reconcile(services, clock) == {"settled": 1}
    assert "recording.announced" not in [e["detail-type"] for e in drain()]
    assert due_work_of(stored(services.stores, session)) is None
    assert reconcile(services, clock) == {}


def test_what_is_known_already_is_not_announced_again_but_what_was_forgotten_is(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    drain: Drain,
) -> None:
    kept = stored_one(services, plivo, recorded, clock, drain)
    name = called(plivo, recorded)
    announced(services, recorded, clock, plivo.recordings()[-1]["url"], name)

    settlement = reconciler_of(services, clock).settlement()
    there = settlement.carrier.get(str(recorded.carrier_session_uuid))
    missing = settlement.recordings.fetch(recorded, there.totals["interaction"])

    assert missing == 1
    again = [e for e in drain() if e["detail-type"] == "recording.announced"]
    assert [event["detail"]["recording_uuid"] for event in again] == [name]
    unchanged = services.stores.recordings.get(
        recorded.session_uuid, kept.recording_uuid
    )
    assert unchanged == kept


@pytest.mark.usefixtures("plivo")
def test_a_session_that_recorded_nothing_is_settled_without_any_recording(
    services: Services, clock: Clock, drain: Drain
) -> None:
    session = ended(services, created(services, clock, **PAIR), clock)
    for _ in range(2):
        clock.advance(minutes=15)
        reconcile(services, clock)

    assert stored(services.stores, session).settled
    assert services.stores.recordings.of_session(session.session_uuid) == []
    assert not [e for e in drain() if e["detail-type"].startswith("recording.")]


@pytest.mark.parametrize("url", ["", "https://elsewhere.example.com/dead.wav"])
def test_one_that_was_announced_badly_is_found_at_plivo_and_stored(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    drain: Drain,
    url: str,
) -> None:
    name = called(plivo, recorded)
    begun = announced(services, recorded, clock, url, name)
    if begun.status is not Status.FAILED:
        failed = recording_transitions.give_up(begun, "host_refused", "no", clock())
        services.stores.recordings.replace(begun, failed)
    drain()
    ended(services, recorded, clock)
    due = due_work_of(stored(services.stores, recorded))
    assert due
    clock.at = due.at

    assert reconcile(services, clock) == {"fetched": 1}
    told = [e["detail-type"] for e in drain()]

    [kept] = services.stores.recordings.of_session(recorded.session_uuid)
    assert (kept.status, kept.reason) == (Status.STORED, None)
    assert kept.sha256 == plivo.recordings()[-1]["sha256"]
    assert told.count("recording.announced") == told.count("recording.stored") == 1
