"""A create of unknown outcome: called so, cleared up, never doubled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from masking.core.problems import (
    CreateAbandonedError,
    CreateInProgressError,
    PairAlreadyActiveError,
)
from masking.domain import sessions
from masking.domain.sessions import Status
from masking.lifecycle.create_session import CreateSession
from masking.plivo.client import Listing
from masking.plivo.errors import CarrierError, CarrierTimeoutError
from masking.storage.stores import Stores
from plivo_simulator.fault_catalogue import FAULTS
from tests.support.clock import Clock
from tests.support.creating import (
    SESSION,
    attempt,
    create,
    outcome_of,
    reserve,
)
from tests.support.simulated_plivo import SimulatedPlivo

# Faults after which Plivo may or may not have made a session.
DONE = ["create_5xx_after_commit", "create_reset_after_commit", "create_non_json"]
NOT_DONE = ["create_5xx_before_commit", "create_reset_before_commit"]


# Nobody knows


@pytest.mark.parametrize("fault", DONE)
def test_what_plivo_made_without_saying_so_is_found_and_matched(
    flow: CreateSession, plivo: SimulatedPlivo, fault: str
) -> None:
    plivo.arm(**{fault: {"times": 1}})

    created = create(flow)

    [there] = plivo.sessions()
    assert created.session.carrier_session_uuid == there["session_uuid"]
    assert not created.replayed
    assert len(plivo.requests("create")) == 1


def test_what_plivo_made_in_silence_is_found_and_matched(
    impatient: CreateSession, plivo: SimulatedPlivo
) -> None:
    plivo.arm(create_timeout_after_commit={"times": 1, "seconds": 4})

    created = create(impatient)

    [there] = plivo.sessions()
    assert created.session.carrier_session_uuid == there["session_uuid"]
    assert len(plivo.requests("create")) == 1


@pytest.mark.parametrize("fault", NOT_DONE)
def test_an_unknown_outcome_is_called_so_and_cleared_up_after_the_lease(
    flow: CreateSession, plivo: SimulatedPlivo, stores: Stores, clock: Clock, fault: str
) -> None:
    plivo.arm(**{fault: {"times": 1}})

    with pytest.raises(CarrierError) as unknown:
        create(flow)

    left = stores.sessions.load(SESSION)
    assert outcome_of(unknown.value) == "unknown"
    assert unknown.value.members["session_uuid"] == SESSION
    assert unknown.value.retry_after == 61
    assert left
    assert left.status is Status.RESERVED

    with pytest.raises(CreateInProgressError):
        create(flow)
    clock.advance(seconds=60)
    created = create(flow)

    [there] = plivo.sessions()
    assert created.session.attempt == 2
    assert created.session.carrier_session_uuid == there["session_uuid"]
    assert not created.replayed


def test_silence_is_a_time_out_of_unknown_outcome(
    impatient: CreateSession, plivo: SimulatedPlivo
) -> None:
    plivo.arm(create_timeout_before_commit={"times": 1, "seconds": 4})

    with pytest.raises(CarrierTimeoutError) as unknown:
        create(impatient)

    assert outcome_of(unknown.value) == "unknown"
    assert unknown.value.status == 504


def test_a_listing_that_lags_delays_the_match_and_makes_no_second_session(
    flow: CreateSession, plivo: SimulatedPlivo, clock: Clock
) -> None:
    plivo.arm(
        create_5xx_after_commit={"times": 1}, list_lag={"times": 1, "seconds": 30}
    )
    with pytest.raises(CarrierError) as unknown:
        create(flow)
    clock.advance(seconds=60)

    adopted = create(flow)

    [there] = plivo.sessions()
    assert outcome_of(unknown.value) == "unknown"
    assert adopted.replayed
    assert adopted.session.carrier_session_uuid == there["session_uuid"]
    assert len(plivo.requests("create")) == 1


def test_if_even_the_listing_fails_nothing_is_sent_again(
    flow: CreateSession, plivo: SimulatedPlivo, stores: Stores, clock: Clock
) -> None:
    plivo.arm(create_5xx_after_commit={"times": 1}, list_5xx={})
    with pytest.raises(CarrierError) as first:
        create(flow)
    clock.advance(seconds=60)
    with pytest.raises(CarrierError) as second:
        create(flow)

    left = stores.sessions.load(SESSION)
    assert outcome_of(first.value) == outcome_of(second.value) == "unknown"
    assert left
    assert left.status is Status.RESERVED
    assert len(plivo.requests("create")) == 1

    plivo.arm()

    assert create(flow).replayed
    assert len(plivo.sessions()) == 1


def test_a_listing_that_is_not_whole_proves_nothing(
    flow: CreateSession, plivo: SimulatedPlivo, stores: Stores, clock: Clock
) -> None:
    reserve(stores, clock)
    clock.advance(seconds=60)

    class Endless:
        def listing(self, **_: object) -> Listing:
            return Listing((), complete=False)

    endless: Any = Endless()

    with pytest.raises(CreateInProgressError) as unknown:
        create(replace(flow, carrier=endless))

    assert outcome_of(unknown.value) == "unknown"
    assert unknown.value.retry_after == 60
    assert plivo.requests() == []


def test_a_session_that_ended_before_it_was_found_is_answered_as_ended(
    flow: CreateSession, plivo: SimulatedPlivo, clock: Clock
) -> None:
    plivo.arm(create_5xx_after_commit={"times": 1}, list_5xx={"times": 2})
    with pytest.raises(CarrierError):
        create(flow)
    plivo.end(plivo.sessions()[0]["session_uuid"])
    clock.advance(seconds=60)

    found = create(flow)

    assert found.replayed
    assert found.session.status is Status.EXPIRED
    assert len(plivo.requests("create")) == 1


@pytest.mark.parametrize("fault", NOT_DONE)
def test_a_create_that_rings_a_phone_is_never_sent_again(
    flow: CreateSession, plivo: SimulatedPlivo, stores: Stores, clock: Clock, fault: str
) -> None:
    plivo.arm(**{fault: {"times": 1}})
    with pytest.raises(CarrierError):
        create(flow, initiate_call_to_first_party=True)
    clock.advance(seconds=60)

    for _ in range(2):
        with pytest.raises(CreateAbandonedError) as abandoned:
            create(flow, initiate_call_to_first_party=True)
        assert outcome_of(abandoned.value) == "unknown"

    left = stores.sessions.load(SESSION)
    assert left
    assert left.status is Status.ABANDONED
    assert len(plivo.requests("create")) == 1


def test_a_phone_that_rang_without_an_answer_to_us_rings_once(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    plivo.arm(create_5xx_after_commit={"times": 1})

    created = create(flow, initiate_call_to_first_party=True)

    rang = [r for r in plivo.requests("create") if r["committed"]["rang"]]
    assert created.session.status is Status.ACTIVE
    assert len(rang) == 1


@pytest.mark.parametrize(
    "fault", sorted(name for name, fault in FAULTS.items() if fault.point == "create")
)
@pytest.mark.parametrize("times", [1, 3])
def test_whatever_plivo_does_the_outcome_is_true_and_in_the_end_there_is_one_session(
    impatient: CreateSession,
    plivo: SimulatedPlivo,
    clock: Clock,
    fault: str,
    times: int,
) -> None:
    spec: dict[str, Any] = {"times": times}
    if "seconds" in FAULTS[fault].parameters:
        spec["seconds"] = 2 if "slow" in fault or "timeout" in fault else 1
    plivo.arm(**{fault: spec})

    for _ in range(times + 1):
        created, outcome = attempt(impatient)
        live = [session["session_uuid"] for session in plivo.live()]
        if created:
            assert live == [created.session.carrier_session_uuid]
        elif outcome == "not_created":
            assert live == []
        else:
            assert outcome == "unknown"
            assert len(live) <= 1
        clock.advance(seconds=60)

    assert create(impatient).replayed
    assert len(plivo.live()) == 1


# The pair is active already


def test_a_pair_that_plivo_already_connects_is_refused_and_left_alone(
    flow: CreateSession, plivo: SimulatedPlivo, stores: Stores
) -> None:
    plivo.switch(duplicate_pair="same")
    first = create(flow).session

    with pytest.raises(PairAlreadyActiveError) as refused:
        create(flow, key="order-18")

    [there] = plivo.live()
    second = stores.sessions.load(sessions.session_uuid_for("acme", "order-18"))
    assert outcome_of(refused.value) == "not_created"
    assert there["session_uuid"] == first.carrier_session_uuid
    assert stores.sessions.load(SESSION) == first
    assert second
    assert second.status is Status.FAILED


def test_a_second_attempt_that_is_answered_with_the_firsts_session_matches_it(
    flow: CreateSession, plivo: SimulatedPlivo, clock: Clock
) -> None:
    plivo.switch(duplicate_pair="same")
    plivo.arm(
        create_5xx_after_commit={"times": 1}, list_lag={"times": 2, "seconds": 300}
    )
    with pytest.raises(CarrierError):
        create(flow)
    clock.advance(seconds=60)

    created = create(flow)

    [there] = plivo.sessions()
    assert created.session.carrier_session_uuid == there["session_uuid"]
    assert len(plivo.requests("create")) == 2
