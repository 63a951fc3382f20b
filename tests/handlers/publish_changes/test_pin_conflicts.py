"""An app is told of PINs that another session has at the same virtual number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from masking.domain import transitions
from masking.domain.sessions import Session
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.pin_sessions import (
    NUMBER,
    OTHER_NUMBER,
    PINS,
    claims,
    confirmed,
)
from tests.support.publishing import Publish


@pytest.fixture
def holder(services: Services, clock: Clock) -> Session:
    """Return a session that has claimed its PINs, as a create does."""
    stores = services.stores
    session = confirmed(stores, clock, NUMBER, "11111111-2b1c-4d7b-8a51-2f6e5c4b3a29")
    assert claims(services, session, clock)
    return session


def renumber(services: Services, session: Session, number: str) -> None:
    """Let a session have another virtual number, as a callback does."""
    services.stores.sessions.replace(session, transitions.renumber(session, number))


LATER = "22222222-2b1c-4d7b-8a51-2f6e5c4b3a29"


def test_a_session_that_is_given_a_number_where_its_pins_are_taken_is_told(
    services: Services, holder: Session, clock: Clock, publish_new: Publish
) -> None:
    session = confirmed(services.stores, clock, OTHER_NUMBER, LATER)
    publish_new(expected=2)

    renumber(services, session, NUMBER)
    [told] = publish_new()

    detail = told["detail"]
    assert detail["type"] == "pin.conflict"
    assert detail["session_uuid"] == session.session_uuid != holder.session_uuid
    assert detail["virtual_number"] == NUMBER
    assert detail["webhook"] == "callback_url"
    assert not [pin for pin in PINS.values() if pin in str(detail["labels"])]


def test_it_has_its_pins_there_if_nobody_else_has(
    services: Services, holder: Session, clock: Clock, publish_new: Publish
) -> None:
    session = confirmed(services.stores, clock, OTHER_NUMBER, LATER)
    services.stores.sessions.replace(holder, transitions.expire(holder, clock()))
    publish_new(expected=3)

    renumber(services, session, NUMBER)

    assert publish_new(expected=0) == []
    # From now on whoever is created there is refused.
    assert not claims(services, holder, clock)


@pytest.mark.parametrize(
    ("change", "body"),
    [
        (lambda s: transitions.repaired(s, "create_adopted"), {}),
        (lambda s: s, {"initiate_call_to_first_party": True}),
    ],
    ids=["found by the reconciler", "rings a phone at once"],
)
@pytest.mark.usefixtures("holder")
def test_a_session_whose_create_did_not_look_is_told(
    services: Services,
    clock: Clock,
    publish_new: Publish,
    change: Callable[[Session], Session],
    body: dict[str, Any],
) -> None:
    publish_new()

    confirmed(services.stores, clock, NUMBER, LATER, change, **body)
    told = [event["detail"]["type"] for event in publish_new(2 if body else 3)]

    assert told.count("pin.conflict") == 1
    assert "session.created" in told


def test_an_ordinary_create_and_a_session_without_pins_cost_no_claim(
    services: Services, clock: Clock, publish_new: Publish
) -> None:
    confirmed(services.stores, clock, NUMBER, LATER)
    publish_new()

    table = services.stores.table
    found = table.client.scan(TableName=table.name)["Items"]
    assert not [each for each in found if each["pk"]["S"].startswith("PIN#")]
