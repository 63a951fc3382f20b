"""Whatever breaks while a session is being ended: we never say expired of one alive."""

from __future__ import annotations

from contextlib import suppress

import pytest

from masking.core.errors import MasklineError
from masking.domain.sessions import Status
from masking.plivo.errors import CarrierError
from plivo_simulator.fault_catalogue import FAULTS as CATALOGUE
from tests.support.harness import Harness

FAULTS = [fault.name for fault in CATALOGUE.values() if fault.point == "delete"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_delete_completes_and_nothing_expired_is_live_at_plivo(
    harness: Harness, fault: str
) -> None:
    session = harness.create(session_expiry=86_000)
    harness.carrier = harness.new_carrier(timeout=(0.5, 0.5))
    settings: dict[str, object] = {"times": 3}
    if "timeout" in fault or "slow" in fault:
        settings["seconds"] = 0.8
    harness.ask_simulator("PUT", "faults", {fault: settings})

    with suppress(CarrierError):
        harness.end(session)
    _is_never_said_of_one_alive(harness, session.session_uuid)
    for _ in range(4):
        harness.advance(seconds=75)
        harness.publish()
        harness.run_checks()
        _is_never_said_of_one_alive(harness, session.session_uuid)
    harness.run_quarters(2)

    assert harness.load(session).status is Status.EXPIRED
    assert not harness.is_live(session)
    harness.publish()
    assert len(harness.bus.of_type("session.expired")) == 1


def test_a_delete_that_is_killed_at_any_step_completes(harness: Harness) -> None:
    from masking.domain import transitions

    for step in ("marked", "ended at Plivo"):
        session = harness.create(len(step), session_expiry=86_000)
        ending = transitions.begin_ending(session, harness.now())
        harness.stores.sessions.replace(session, ending)
        if step == "ended at Plivo":
            harness.carrier.expire(str(session.carrier_session_uuid))
        harness.publish()
        harness.advance(seconds=75)
        harness.run_checks()

        assert harness.load(session).status is Status.EXPIRED
        assert not harness.is_live(session)


def test_a_delete_that_is_repeated_is_refused_or_completes(harness: Harness) -> None:
    session = harness.create(session_expiry=86_000)
    harness.ask_simulator("PUT", "faults", {"delete_5xx_before_commit": {"times": 2}})

    with pytest.raises(MasklineError):
        harness.end(session)
    harness.advance(seconds=61)
    ended = harness.end(session)

    assert ended.status is Status.EXPIRED
    assert not harness.is_live(session)


def _is_never_said_of_one_alive(harness: Harness, session_uuid: str) -> None:
    session = harness.stores.sessions.load(session_uuid)
    assert session is not None
    assert not (session.status is Status.EXPIRED and harness.is_live(session))
