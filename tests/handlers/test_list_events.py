"""A session's history is paged in order, masked, and shown to its tenant alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.list_events import app as list_events
from functions.on_session_event import app as on_session_event
from masking.wiring import Services
from tests.support.publishing import (
    NUMBERS,
    post_all,
)
from tests.support.raw_callbacks import (
    FIRST,
    SECOND,
    active_session,
    api_event,
    path_of,
    signed_form,
)
from tests.support.simulated_calls import play


def _history(session_uuid: str, query: str = "", tenant: str = "acme") -> Any:
    event = api_event(f"/v1/sessions/{session_uuid}/events", method="GET", query=query)
    event["pathParameters"] = {"session_uuid": session_uuid}
    context = {"tenant_id": tenant, "scopes": "sessions:read"}
    event["requestContext"]["authorizer"] = {"lambda": context}
    answer = list_events.lambda_handler(event, None)
    return answer["statusCode"], json.loads(answer["body"]), answer["body"]


def test_the_history_is_paged_in_order_and_masked(services: Services) -> None:
    session = active_session(services)
    told = play(
        [{"from": FIRST, "gap": 0}, {"from": SECOND, "gap": 3}],
        switches={"sequence": "per_call"},
        settings={"record": True},
    )
    post_all(services, session, told)

    pages, query = [], "limit=5"
    while True:
        status, page, text = _history(session.session_uuid, query)
        assert status == 200
        assert not [number for number in NUMBERS if number in text]
        pages.append(page["objects"])
        if page["meta"]["next"] is None:
            break
        query = f"limit=5&cursor={page['meta']['next']}"

    shown = [each for page in pages for each in page]
    assert [len(page) for page in pages] == [5, 5, 5, 1]
    assert [each["occurred_at"] for each in shown] == sorted(
        each["occurred_at"] for each in shown
    )
    assert [each["call"] for each in shown] == [1] * 8 + [2] * 8
    assert {each["from"] for each in shown} == {"first", "second"}


def test_the_history_is_its_tenants_alone(services: Services) -> None:
    session = active_session(services)

    assert _history(session.session_uuid, tenant="another")[0] == 404


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "cursor=x", "cursor=WzFd", "who=me"]
)
def test_a_page_that_cannot_be_asked_for_is_refused(
    services: Services, query: str
) -> None:
    session = active_session(services)
    path = path_of(services, session)
    form = [("EventName", "SessionTimeout"), ("EventTimestamp", "2026-03-01 12:00:00")]
    on_session_event.lambda_handler(signed_form(path, form), None)

    assert _history(session.session_uuid, query)[0] == 400
