"""Callbacks that Plivo did not send cost nothing but the function's time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from functions.on_recording_event import app as on_recording_event
from functions.on_session_event import app as on_session_event
from masking.domain.sessions import Session
from masking.plivo import callback_urls
from masking.wiring import Services
from tests.support.raw_callbacks import active_session, api_event, path_of, signed_form
from tests.support.stores import stores_with_client

FLOOD = 40
FORM = [("EventName", "SessionFirstPartyAnswer"), ("From", "12025550100")]


class Counting:
    """A client of DynamoDB's that counts what it is asked for."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.asked = Counter[str]()

    def __getattr__(self, name: str) -> Any:
        self.asked[name] += 1
        return getattr(self._client, name)


@pytest.fixture(name="session")
def _session(services: Services) -> Session:
    return active_session(services)


@pytest.fixture(name="asked")
def _asked(
    services: Services, session: Session, monkeypatch: pytest.MonkeyPatch
) -> Counter[str]:
    assert session.session_uuid
    counting = Counting(services.stores.table.client)
    stores = stores_with_client(services.stores, counting)
    monkeypatch.setitem(services.__dict__, "stores", stores)
    return counting.asked


@pytest.mark.parametrize("kind", ["events", "recordings"])
def test_without_our_token_nothing_is_read(
    session: Session, asked: Counter[str], kind: str
) -> None:
    handler = on_session_event if kind == "events" else on_recording_event
    key = b"a key of somebody else's"
    statuses = Counter[int]()

    for attempt in range(1, FLOOD + 1):
        token = callback_urls.token_for(key, session.session_uuid, attempt)
        path = callback_urls.path_for(session.session_uuid, attempt, token, kind)
        for request in (
            signed_form(path, FORM),
            api_event(path, body=b"x" * 20_000),
            api_event(path.replace(session.session_uuid, "..%2f..%2f"), body=b"{}"),
        ):
            statuses[handler.lambda_handler(request, None)["statusCode"]] += 1

    assert statuses == {403: 3 * FLOOD}
    assert asked == {}


def test_with_a_wrong_signature_nothing_is_written(
    services: Services, session: Session, asked: Counter[str]
) -> None:
    path = path_of(services, session)
    statuses = Counter[int]()

    for number in range(FLOOD):
        form = [*FORM, ("SequenceNumber", str(number))]
        request = signed_form(path, form, token="somebody else's token")
        statuses[on_session_event.lambda_handler(request, None)["statusCode"]] += 1

    assert statuses == {403: FLOOD}
    assert asked == {"get_item": FLOOD}


def test_a_body_that_is_too_large_is_refused_before_anything_is_read(
    services: Services, session: Session, asked: Counter[str]
) -> None:
    path = path_of(services, session)
    request = signed_form(path, [*FORM, ("Padding", "x" * 17_000)])

    assert on_session_event.lambda_handler(request, None)["statusCode"] == 413
    assert asked == {}
