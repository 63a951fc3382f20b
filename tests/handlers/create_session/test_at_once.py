"""Many creates at once, and those who come back too late."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from masking.core.problems import CreateInProgressError
from masking.domain import transitions
from masking.lifecycle.create_session import CreateSession
from masking.plivo.errors import CarrierError
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.creating import (
    SESSION,
    create,
    outcome_of,
)
from tests.support.interrupted import Interrupted
from tests.support.simulated_plivo import SimulatedPlivo


def test_twenty_requests_with_one_key_at_once_make_one_session(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    together = threading.Barrier(20)

    def send(_: int) -> str | None:
        together.wait()
        try:
            return create(flow).session.session_uuid
        except CreateInProgressError:
            return None

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, range(20)))

    assert set(answers) - {None} == {SESSION}
    assert len(plivo.requests("create")) == 1
    assert create(flow).replayed


def test_twenty_sessions_of_one_party_at_once_are_twenty_numbers(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    def send(number: int) -> str | None:
        second = f"+120255501{number:02d}"
        return create(
            flow, key=f"n{number}", second_party=second
        ).session.virtual_number

    with ThreadPoolExecutor(20) as pool:
        numbers = list(pool.map(send, range(20, 40)))

    assert len(set(numbers)) == 20
    assert len(plivo.live()) == 20


def test_many_who_come_after_the_lease_take_over_once(
    flow: CreateSession, plivo: SimulatedPlivo, clock: Clock
) -> None:
    plivo.arm(create_5xx_before_commit={"times": 1})
    with pytest.raises(CarrierError):
        create(flow)
    clock.advance(seconds=60)

    def send(_: int) -> str | None:
        try:
            return create(flow).session.carrier_session_uuid
        except CreateInProgressError:
            return None

    with ThreadPoolExecutor(10) as pool:
        answers = set(pool.map(send, range(10)))

    [there] = plivo.live()
    assert answers - {None} == {there["session_uuid"]}
    assert len(plivo.requests("create")) == 2


def test_who_comes_back_too_late_removes_what_he_made(
    flow: CreateSession, plivo: SimulatedPlivo, clock: Clock
) -> None:
    def overtake() -> None:
        clock.advance(seconds=61)
        plivo.arm(list_lag={"times": 1, "seconds": 300})
        assert create(flow).session.attempt == 2

    late: Any = Interrupted(flow.carrier, overtake)

    created = create(replace(flow, carrier=late))

    [there] = plivo.live()
    assert created.session.attempt == 2
    assert created.session.carrier_session_uuid == there["session_uuid"]
    assert len(plivo.sessions()) == 2


def test_who_comes_back_after_the_reconciler_finds_his_own_session_confirmed(
    flow: CreateSession,
    plivo: SimulatedPlivo,
    services: Services,
    stores: Stores,
    clock: Clock,
) -> None:
    def confirm() -> None:
        clock.advance(seconds=61)
        reconciler = at(services, clock).reconciler
        assert reconciler.work_off(SESSION) == "adopted"

    late: Any = Interrupted(flow.carrier, confirm)

    created = create(replace(flow, carrier=late))

    [there] = plivo.live()
    assert created.session.carrier_session_uuid == there["session_uuid"]
    assert created.session == stores.sessions.load(SESSION)


def test_who_comes_back_while_another_tries_makes_no_promise(
    flow: CreateSession, stores: Stores, clock: Clock
) -> None:
    def retake() -> None:
        session = stores.sessions.load(SESSION)
        assert session
        stores.sessions.replace(session, transitions.retake(session, clock()))

    late: Any = Interrupted(flow.carrier, retake)

    with pytest.raises(CreateInProgressError) as unknown:
        create(replace(flow, carrier=late))

    assert outcome_of(unknown.value) == "unknown"
