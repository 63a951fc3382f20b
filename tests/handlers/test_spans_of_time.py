"""A span of time that holds nothing is an empty page; one that can't be is refused."""

from __future__ import annotations

import base64

import pytest

from functions.search_sessions import app
from masking.storage.stores import Stores
from tests.support.clock import Clock
from tests.support.payloads import http, problem, read
from tests.support.sessions_there import planted

OLD_KEY = b"2020-01-01T00:00:00.000000Z#0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f"


@pytest.mark.parametrize(
    "body",
    [
        {
            "created_time__gt": "2026-03-02T00:00:00Z",
            "created_time__lt": "2026-03-01T00:00:00Z",
        },
        {"cursor": base64.urlsafe_b64encode(OLD_KEY).decode().rstrip("=")},
    ],
    ids=["ends before it begins", "cursor older than the window"],
)
def test_a_span_that_holds_nothing_is_an_empty_page(
    stores: Stores, clock: Clock, body: dict[str, str]
) -> None:
    planted(stores, clock)

    answer = app.lambda_handler(http("search_sessions", body=body), None)

    assert answer["statusCode"] == 200
    assert read(answer)["objects"] == []
    assert read(answer)["meta"]["next"] is None


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize(
    "value",
    [
        "0183-12-06T10:54:18Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59Z",
        "1969-12-31T23:59:59Z",
    ],
)
@pytest.mark.parametrize("name", ["created_time", "expiry_time__lt"])
def test_a_time_beyond_all_sessions_is_refused(name: str, value: str) -> None:
    answer = app.lambda_handler(http("search_sessions", body={name: value}), None)

    assert problem(answer) == (400, "invalid_request", None)
