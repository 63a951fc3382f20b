"""PINs that are guessed over many calls: counted once each, told of once a day."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.on_session_event import app as on_session_event
from functions.publish_changes import app as publish_changes
from masking.core import times
from masking.core.key_space import Item
from masking.domain.bus_events import Event
from masking.domain.sessions import Session
from masking.stream import pin_guessing
from masking.wiring import Services
from tests.support.embedded_aws import Deployment
from tests.support.raw_callbacks import (
    FIRST,
    VIRTUAL,
    active_session,
    path_of,
    signed_form,
)

THRESHOLD = 5
STRANGER = "12025550166"
NOON = "2026-11-23T12:00:00.000000Z"
MIDNIGHT = "2026-11-24T00:00:00.000000Z"

FAILURE = {
    "EventName": "SessionPinAuthenticationStatus",
    "PinAuthenticationStatus": "failed",
    "From": STRANGER,
}


def _item(number: int, at: str = NOON, **attributes: str) -> Item:
    return {
        "sk": f"E#{number:016x}{'f' * 48}",
        "received_at": at,
        "attributes": {**FAILURE, **attributes},
    }


def _count(services: Services, session: Session, item: Item) -> Event | None:
    return pin_guessing.after_callback(
        services.stores, b"a key", THRESHOLD, item, session
    )


def _fail(services: Services, session: Session, **attributes: str) -> None:
    form = [*FAILURE.items(), *attributes.items()]
    request = signed_form(path_of(services, session), form)
    assert on_session_event.lambda_handler(request, None)["statusCode"] == 200


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seen=st.lists(st.integers(0, THRESHOLD + 2), max_size=25))
def test_every_failure_counts_once_however_often_and_in_whatever_order_it_is_seen(
    services: Services, seen: list[int]
) -> None:
    session = active_session(services, tenant_id=str(uuid.uuid4()))

    told = [event for n in seen if (event := _count(services, session, _item(n)))]

    assert bool(told) == (len(set(seen)) >= THRESHOLD)
    assert len({event.id for event in told}) <= 1
    assert {event.data["failures"] for event in told} <= {THRESHOLD}


def test_failures_over_several_sessions_are_added_up(
    deployment: Deployment, services: Services
) -> None:
    for number in range(THRESHOLD):
        session = active_session(services, callback_url="https://app.example.com/cb")
        _fail(services, session, SequenceNumber=str(number))

    records = {"Records": deployment.stream()}
    publish_changes.lambda_handler(records, None)
    publish_changes.lambda_handler(records, None)

    told = [e for e in deployment.published() if e["type"] == "pin.guessing"]
    assert len({event["id"] for event in told}) == 1
    for event in told:
        assert event["failures"] == THRESHOLD
        assert event["virtual_number"] == VIRTUAL
        assert event["from"] == "unknown"
        assert event["webhook"] == "callback_url"


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({}, {"From": FIRST}),
        ({}, {"From": ""}),
        ({}, {"at": MIDNIGHT}),
    ],
    ids=["another caller", "a caller without a number", "another day"],
)
def test_failures_of_something_else_are_not_added(
    services: Services, first: dict[str, Any], then: dict[str, Any]
) -> None:
    session = active_session(services)
    for number in range(THRESHOLD - 1):
        assert _count(services, session, _item(number, **first)) is None

    assert _count(services, session, _item(THRESHOLD, **then)) is None
    assert _count(services, session, _item(THRESHOLD, **first)) is not None


def test_failures_of_another_tenants_sessions_are_not_added(
    services: Services,
) -> None:
    ours = active_session(services)
    theirs = active_session(services, tenant_id="umbrella")
    for number in range(THRESHOLD - 1):
        _count(services, ours, _item(number))

    assert _count(services, theirs, _item(THRESHOLD)) is None


def test_callers_who_hide_their_number_are_counted_together(
    services: Services,
) -> None:
    session = active_session(services)
    senders = ["anonymous", "", "restricted", "unknown", "private"]

    told = [
        _count(services, session, _item(number, From=sender))
        for number, sender in enumerate(senders)
    ]

    last = told.pop()
    assert told == [None] * (THRESHOLD - 1)
    assert last is not None
    assert last.data["from"] == "anonymous"


def test_callers_who_hide_in_another_session_are_other_people(
    services: Services,
) -> None:
    ours = active_session(services)
    others = active_session(services)
    assert ours.virtual_number == others.virtual_number
    for number in range(THRESHOLD - 1):
        assert _count(services, ours, _item(number, From="anonymous")) is None

    assert _count(services, others, _item(THRESHOLD, From="anonymous")) is None
    assert _count(services, ours, _item(THRESHOLD, From="Restricted")) is not None


@pytest.mark.parametrize(
    "written",
    ["+1 (202) 555-0188", "0012025550188", "tel:+12025550188", "(202) 555-0188"],
)
def test_a_caller_is_counted_as_one_however_the_number_is_written(
    services: Services, written: str
) -> None:
    session = active_session(services)
    for number in range(THRESHOLD - 1):
        assert _count(services, session, _item(number, From="12025550188")) is None

    last = _count(services, session, _item(THRESHOLD, From=written))

    assert last is not None
    assert last.data["from"] == "unknown"


@pytest.mark.parametrize(
    "attributes",
    [
        {"PinAuthenticationStatus": "success"},
        {"EventName": "SessionFirstPartyHangup"},
    ],
)
def test_nothing_else_costs_a_write(
    services: Services, attributes: dict[str, str]
) -> None:
    session = active_session(services)
    table: Any = None

    item = _item(1, **attributes)
    event = pin_guessing.after_callback(table, b"a key", THRESHOLD, item, session)

    assert event is None


def test_no_key_and_no_event_holds_the_callers_number(
    deployment: Deployment, services: Services
) -> None:
    session = active_session(services)
    told = [_count(services, session, _item(number)) for number in range(THRESHOLD)]

    found = deployment.aws.client("dynamodb").scan(
        TableName=services.settings.table_name,
        FilterExpression="begins_with(pk, :guess)",
        ExpressionAttributeValues={":guess": {"S": "GUESS#"}},
    )["Items"]
    assert len(found) == 1
    assert (
        int(found[0]["purge_at"]["N"])
        == times.parse_stamp(NOON).timestamp() + 2 * 86_400
    )
    assert STRANGER[1:] not in str(found)
    assert STRANGER[1:] not in str(told)


def test_what_dynamodb_refuses_otherwise_is_not_swallowed(
    services: Services,
) -> None:
    session = active_session(services)
    services.stores.table.name = "no-such-table"

    with pytest.raises(ClientError, match="ResourceNotFound"):
        _count(services, session, _item(1))
