"""Functions die anywhere; the next run completes the work, and nothing happens twice.

A function is killed before and after each of its requests in turn, to the table and to
Plivo. What a test asserts in the end is the same for every place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest

from masking.domain import due_work, sessions, transitions
from masking.domain.sessions import Session, Status
from masking.plivo.errors import CarrierError
from tests.support.harness import NOWHERE_DOMAIN, TENANT, Harness
from tests.support.harness_parts import KilledError
from tests.support.people import pair_of
from tests.support.proof_size import size


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_killed_sweep_is_completed_by_the_next(
    harness: Harness, *, after: bool
) -> None:
    number = 0
    for place in range(1, 60, size(3, 1)):
        made = [harness.create(number + n, session_expiry=60) for n in range(4)]
        number += 4
        harness.advance(seconds=61)

        killed = _die_at(harness, place, harness.sweep, after=after)
        harness.publish()
        harness.sweep()
        harness.publish()

        for session in made:
            assert harness.load(session).status is Status.EXPIRED
        if not killed:
            break
    assert not killed
    _each_event_once(harness, "session.expired", number)
    print(f"sweep killed at {number // 4 - 1} places, {number} sessions ended once")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_killed_run_is_completed_by_the_next(
    harness: Harness, *, after: bool
) -> None:
    number = 0
    for place in range(2 if after else 1, 90, size(6, 1)):
        left = _leave_work(harness, number)
        number += 10
        harness.advance(minutes=16)
        harness.sweep()
        harness.publish()

        killed = _die_at(harness, place, harness.reconcile, after=after)
        harness.check_queue.messages.clear()
        harness.run_quarters(4)

        _is_over(harness, left)
        if not killed:
            break
    assert not killed
    count = number // 10
    _each_event_once(harness, "session.expired", 4 * count)
    _each_event_once(harness, "session.settled", 4 * count)
    _each_event_once(harness, "session.created", 4 * count)
    print(f"run killed at {count - 1} places, {count} times 4 sessions completed")


def _die_at(
    harness: Harness, place: int, run: Callable[[], object], *, after: bool
) -> bool:
    harness.kill.plan(place, after=after)
    died = True
    with suppress(KilledError):
        run()
        died = False
    harness.kill.plan(None)
    return died


def _leave_work(harness: Harness, number: int) -> list[Session]:
    """Leave one session of each kind of due work behind: four that will end."""
    lost = _created_without_answer(harness, number)
    updated = harness.create(number + 1, session_expiry=600)
    changes = {"session_expiry": 700}
    begun = transitions.begin_update(updated, changes, harness.now())
    harness.stores.sessions.replace(updated, begun)
    harness.carrier.update(str(updated.carrier_session_uuid), changes)
    harness.stores.sessions.replace(begun, transitions.doubt(begun))
    ending = harness.create(number + 2, session_expiry=86_000)
    begun = transitions.begin_ending(ending, harness.now())
    harness.stores.sessions.replace(ending, begun)
    harness.stores.sessions.replace(begun, transitions.doubt(begun))
    talked = harness.create(number + 3, session_expiry=600)
    harness.call(talked, talk_seconds=30, answer=True)
    return [lost, updated, ending, talked]


def _created_without_answer(harness: Harness, number: int) -> Session:
    from masking.api import requests

    faults = {"create_5xx_after_commit": {"times": 1}, "list_5xx": {"times": 2}}
    harness.ask_simulator("PUT", "faults", faults)
    with suppress(CarrierError):
        harness.services.create_session.create(
            requests.parse_create({**pair_of(number), "session_expiry": 600}),
            tenant_id=TENANT,
            idempotency_key=f"key {number}",
            domain=NOWHERE_DOMAIN,
        )
    uuid = sessions.session_uuid_for(TENANT, f"key {number}")
    found = harness.stores.sessions.load(uuid)
    assert found is not None
    assert found.status is Status.RESERVED
    return found


def _is_over(harness: Harness, left: list[Session]) -> None:
    for before in left:
        session = harness.load(before)
        assert session.status is Status.EXPIRED
        assert session.settled is not None
        assert due_work.due_work_of(session) is None
        assert not harness.is_live(session)
    assert harness.load(left[3]).settings["total_call_count"] == 2


def _each_event_once(harness: Harness, kind: str, count: int) -> None:
    times = Counter(event["session_uuid"] for event in harness.bus.of_type(kind))
    ids = {event["id"] for event in harness.bus.of_type(kind)}
    assert (len(times), len(ids)) == (count, count)
