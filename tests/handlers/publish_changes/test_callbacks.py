"""A callback becomes one event that tells of roles and of no number."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from functions.check_sessions import app as check_sessions
from masking.core import key_space, numbers
from masking.domain import (
    session_changes,
)
from masking.domain.callback_event import CallbackEvent
from masking.storage import session_items
from masking.storage.stores import Stores
from masking.storage.table import written_item
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment
from tests.support.publishing import PERSONAL, Publish, active, keep, post_all, publish
from tests.support.raw_callbacks import (
    FIRST,
    active_session,
)
from tests.support.sessions_there import planted
from tests.support.signed_callbacks import ANSWERED
from tests.support.simulated_calls import play


def test_a_callback_is_told_by_roles_and_without_numbers(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock, labels={"order": "17"})
    publish_new()
    digest = keep(stores, session, clock, ANSWERED, "events")

    [event] = publish_new()

    detail = event["detail"]
    assert detail["type"] == "call.answered"
    assert (detail["from"], detail["to"]) == ("first", "second")
    assert detail["callback"] == digest
    assert detail["labels"] == {"order": "17"}
    assert detail["version"] == session.version
    assert detail["carrier_event"]["EventName"] == "SessionSecondPartyAnswer"
    assert "From" not in detail["carrier_event"]
    assert not any(number in json.dumps(event) for number in PERSONAL)


def test_a_strangers_call_is_told_as_unknown_and_can_be_found(
    services: Services, stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    publish_new()
    keep(stores, session, clock, {**ANSWERED, "From": "12025550177"}, "events")

    [event] = publish_new()

    hashed = numbers.hashed(services.number_key, "+12025550177")
    assert event["detail"]["from"] == "unknown"
    assert "2025550177" not in json.dumps(event)
    assert stores.links.has(
        key_space.caller_key("acme", hashed), session_items.created_key(session)
    )


@pytest.mark.parametrize(
    "caller", ["12025550100", "12025550101", "12025550180", "anonymous", ""]
)
def test_a_party_the_virtual_number_and_nobody_are_no_strangers(
    stores: Stores, clock: Clock, caller: str
) -> None:
    session = active(stores, clock)

    event = CallbackEvent("0" * 64, {"From": caller})

    assert session_changes.strangers_in(event, session) == []


@pytest.mark.parametrize("name", ["SessionFirstPartyHangup", "SessionTimeout"])
def test_some_callbacks_are_history_alone(
    stores: Stores, clock: Clock, publish_new: Publish, name: str
) -> None:
    session = active(stores, clock)
    publish_new()
    keep(stores, session, clock, {**ANSWERED, "EventName": name}, "events")

    assert publish_new(expected=0) == []


def test_a_callback_whose_session_is_gone_is_dropped(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    ghost = planted(stores, clock)
    publish_new()
    keep(stores, ghost, clock, ANSWERED, "events")
    for part in (key_space.STATE, key_space.REQUEST):
        stores.table.client.delete_item(
            TableName=stores.table.name,
            Key=written_item({"pk": f"S#{ghost.session_uuid}", "sk": part}),
        )

    assert publish_new(expected=0) == []


@pytest.mark.parametrize("generation", ["2023", "2024", "current"])
def test_the_end_of_a_call_is_told_once_in_every_vocabulary(
    deployment: Deployment, services: Services, generation: str
) -> None:
    session = active_session(services)
    told = play(
        [{"from": FIRST, "gap": 0, "talk_seconds": 2}],
        switches={"generation": generation},
        settings={},
    )
    # One after the other, each published before the next comes.
    seen = 0
    for callback in told.callbacks:
        post_all(services, session, replace(told, callbacks=(callback,)))
        seen = publish(deployment, seen)
    checks = deployment.taken(deployment.environment["CHECK_QUEUE_URL"])
    for check in checks:
        check_sessions.lambda_handler({"Records": [{"body": json.dumps(check)}]}, None)

    ended = [e for e in deployment.published() if e["type"] == "call.ended"]
    assert len({each["id"] for each in ended}) == 1
    assert ended[0]["call"]["outcome"] == "connected"
