"""No two live sessions of one virtual number have an equal PIN."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from masking.domain import transitions
from masking.domain.sessions import Session, Status
from masking.lifecycle.create_session import CreateSession
from masking.plivo.errors import CarrierError, PinsInUseError
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.creating import create, outcome_of
from tests.support.simulated_plivo import SimulatedPlivo

PINS = {
    "is_pin_authentication_required": True,
    "first_party_pin": "1234",
    "second_party_pin": "5678",
    "pin_prompt_play": "https://app.example.com/prompt.mp3",
}


@pytest.fixture
def flow(services: Services, plivo: SimulatedPlivo, clock: Clock) -> CreateSession:
    """Return the use case, at a Plivo that gives every pair the same number."""
    assert plivo.sessions() == []
    return at(services, clock).create_session


def made(flow: CreateSession, pair: int, **body: Any) -> Session:
    """Create a session with PINs for a pair of its own."""
    parties = {
        "first_party": f"+120255501{pair:02d}",
        "second_party": f"+120255501{pair + 1:02d}",
    }
    return create(flow, key=f"pair-{pair}", **{**PINS, **parties, **body}).session


def live(plivo: SimulatedPlivo) -> list[str]:
    """List the first parties of the sessions that are alive at Plivo."""
    return [s["first_party"] for s in plivo.sessions() if s["status"] == "active"]


@pytest.mark.parametrize(
    "pins",
    [
        {},
        {"first_party_pin": "5678", "second_party_pin": "1111"},
        {"first_party_pin": "1111", "second_party_pin": "1234"},
    ],
    ids=["both", "the other's", "one"],
)
def test_a_session_with_a_pin_that_is_taken_is_ended_and_not_created(
    flow: CreateSession, plivo: SimulatedPlivo, stores: Stores, pins: dict[str, str]
) -> None:
    first = made(flow, 10)

    with pytest.raises(PinsInUseError) as refused:
        made(flow, 20, **pins)

    assert outcome_of(refused.value) == "not_created"
    assert live(plivo) == ["+12025550110"]
    found = stores.sessions.load(first.session_uuid)
    assert found
    assert found.status is Status.ACTIVE


def test_a_key_that_was_freed_takes_other_pins_under_another_number_or_later(
    flow: CreateSession, stores: Stores, clock: Clock
) -> None:
    first = made(flow, 10)
    with pytest.raises(PinsInUseError):
        made(flow, 20)

    stores.sessions.replace(first, transitions.expire(first, clock()))

    assert made(flow, 20).status is Status.ACTIVE


def test_a_pin_is_in_use_for_as_long_as_its_session_was_extended(
    flow: CreateSession, stores: Stores, clock: Clock
) -> None:
    first = made(flow, 10, session_expiry=60)
    assert first.expiry_time
    later = replace(first, version=first.version + 1, expiry_time=clock())
    stores.sessions.replace(first, later)

    assert made(flow, 20).status is Status.ACTIVE
    with pytest.raises(PinsInUseError):
        made(flow, 30)


def test_other_pins_at_the_same_number_are_no_clash(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    one = made(flow, 10)
    other = made(flow, 20, first_party_pin="4321", second_party_pin="8765")

    assert one.virtual_number == other.virtual_number
    assert len(live(plivo)) == 2


def test_equal_pins_at_another_number_are_no_clash(flow: CreateSession) -> None:
    one = made(flow, 10)

    # One party's sessions never share a number.
    other = create(
        flow,
        key="shared",
        **{**PINS, "first_party": "+12025550110", "second_party": "+12025550120"},
    ).session

    assert one.virtual_number != other.virtual_number


def test_of_creates_at_once_with_equal_pins_one_is_made(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    def send(pair: int) -> bool:
        try:
            made(flow, pair)
        except PinsInUseError:
            return False
        return True

    with ThreadPoolExecutor(5) as pool:
        done = list(pool.map(send, (10, 20, 30, 40, 50)))

    assert sum(done) == len(live(plivo)) == 1


@pytest.mark.parametrize(
    "fault", ["create_5xx_after_commit", "create_reset_after_commit"]
)
def test_a_session_that_was_found_at_plivo_is_looked_at_as_well(
    flow: CreateSession, plivo: SimulatedPlivo, fault: str
) -> None:
    made(flow, 10)
    plivo.arm(**{fault: {"times": 1}})

    with pytest.raises(PinsInUseError) as refused:
        made(flow, 20)

    assert outcome_of(refused.value) == "not_created"
    assert live(plivo) == ["+12025550110"]


def test_a_session_that_a_retry_finds_at_plivo_is_looked_at_as_well(
    flow: CreateSession, plivo: SimulatedPlivo, clock: Clock
) -> None:
    made(flow, 10)
    plivo.arm(create_5xx_after_commit={"times": 1}, list_5xx={"times": 3})
    with pytest.raises(CarrierError) as unknown:
        made(flow, 20)
    assert outcome_of(unknown.value) == "unknown"
    plivo.arm()
    clock.advance(seconds=120)

    with pytest.raises(PinsInUseError):
        made(flow, 20)

    assert live(plivo) == ["+12025550110"]


def test_what_could_not_be_ended_is_unknown(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    made(flow, 10)
    plivo.arm(delete_5xx_before_commit={})

    with pytest.raises(CarrierError) as unknown:
        made(flow, 20)

    assert outcome_of(unknown.value) == "unknown"


def test_a_session_that_rings_a_phone_at_once_is_let_be(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    made(flow, 10)

    assert made(flow, 20, initiate_call_to_first_party=True).status is Status.ACTIVE
    assert len(live(plivo)) == 2


def test_the_table_holds_no_pin_in_a_key(flow: CreateSession, stores: Stores) -> None:
    made(flow, 10)

    found = stores.table.client.scan(TableName=stores.table.name)["Items"]

    keys = [item["pk"]["S"] for item in found if item["pk"]["S"].startswith("PIN#")]
    assert len(keys) == 2
    assert not [key for key in keys if "1234" in key or "5678" in key]
