"""A killed function's update or ending is looked at again a minute later."""

from __future__ import annotations

import pytest

from functions.check_sessions import app as check_app
from masking.api import requests
from masking.domain import due_work, sessions, transitions
from masking.domain.due_work import Action
from masking.domain.sessions import Status
from masking.lifecycle.reconcile import Reconciler
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.payloads import PAIR, Context, sample
from tests.support.reconciling import go_round
from tests.support.sessions_there import (
    DOMAIN,
    created,
    reserved,
    stored,
)
from tests.support.simulated_plivo import SimulatedPlivo


@pytest.fixture
def reconciler(services: Services, plivo: SimulatedPlivo, clock: Clock) -> Reconciler:
    """Return the reconciler, with a clock of the test's."""
    assert plivo.sessions() == []
    return at(services, clock).reconciler


def test_an_update_whose_function_was_killed_is_settled_by_the_check(
    reconciler: Reconciler, services: Services, clock: Clock
) -> None:
    session = created(services, clock)
    begun = transitions.begin_update(session, {"record": True}, clock())
    services.stores.sessions.replace(session, begun)

    assert reconciler.check(session.session_uuid) == "left"
    clock.advance(seconds=60)
    assert reconciler.check(session.session_uuid) == "checked"
    assert stored(services.stores, session).pending is None


def test_an_ending_whose_function_was_killed_is_finished_by_the_check(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    session = created(services, clock)
    services.stores.sessions.replace(
        session, transitions.begin_ending(session, clock())
    )
    clock.advance(seconds=60)

    assert reconciler.check(session.session_uuid) == "ended"
    assert plivo.live() == []


def test_what_the_check_cannot_settle_is_left_to_the_rule(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    session = created(services, clock)
    begun = transitions.begin_update(session, {"record": True}, clock())
    services.stores.sessions.replace(session, begun)
    clock.advance(seconds=60)
    plivo.arm(get_5xx={})

    assert reconciler.check(session.session_uuid) == "left"

    left = stored(services.stores, session)
    due = due_work.due_work_of(left)
    assert left.doubted
    assert due
    assert due.kind is Action.CHECK_UPDATE
    assert reconciler.check(session.session_uuid) == "left"
    plivo.arm()
    assert go_round(reconciler) == {"checked": 1}


def test_a_check_of_what_came_back_or_is_gone_does_nothing(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    session = created(services, clock)
    asked = len(plivo.requests())

    assert reconciler.check(session.session_uuid) == "left"
    assert reconciler.check(sessions.session_uuid_for("acme", "gone")) == "left"
    assert len(plivo.requests()) == asked


def test_the_check_function_works_off_its_messages(
    services: Services,
    plivo: SimulatedPlivo,
    clock: Clock,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock.advance(minutes=-5)
    flow = at(services, clock).create_session
    session = flow.create(
        requests.parse_create(PAIR),
        tenant_id="local",
        idempotency_key="sample-order-17",
        domain=DOMAIN,
    ).session
    services.stores.sessions.replace(
        session, transitions.begin_ending(session, clock())
    )

    check_app.lambda_handler(sample("check_sessions"), Context())

    assert plivo.live() == []
    assert stored(services.stores, session).status is Status.EXPIRED
    assert '"ReconciledEnded":[1.0]' in capsys.readouterr().out

    check_app.lambda_handler(sample("check_sessions"), Context())

    assert "Reconciled" not in capsys.readouterr().out


def test_a_reserved_session_waits_for_the_rule_and_not_for_the_check(
    reconciler: Reconciler, stores: Stores, clock: Clock
) -> None:
    session = reserved(stores, clock)
    clock.advance(seconds=60)

    assert reconciler.check(session.session_uuid) == "left"
    assert stored(stores, session).status is Status.RESERVED
