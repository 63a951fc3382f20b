"""Quotas at the deployed API, with the counters that the deployed functions keep."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import httpx
import pytest

from masking.storage.stores import Stores
from masking.tenants import api_keys, authorize
from stack.running import RunningStack
from tests.support.maskline import Command
from tests.support.stack_api import api_client
from tests.support.stores import stores_over

PATIENCE_SECONDS = 20.0

# A quota counts from minute to minute; whoever meets the turn of one begins again.
ATTEMPTS = 3

Limit = Callable[[str, str, int], httpx.Client]


@pytest.fixture
def stores(stack: RunningStack) -> Stores:
    """Return the stores of the deployed table."""
    return stores_over(stack.aws.client("dynamodb"), stack.outputs["TableName"])


@pytest.fixture
def limit(stack: RunningStack, stores: Stores) -> Iterator[Limit]:
    """Return a function that sets a quota and returns the tenant's client."""

    def begin(tenant: str, quota: str, most: int) -> httpx.Client:
        key = api_keys.create(stores, tenant, authorize.SCOPES, datetime.now(UTC))
        Command(stack).lines("tenants", "set", tenant, quota, str(most))
        return clients.enter_context(api_client(stack, key.secret))

    with ExitStack() as clients:
        yield begin


def create(api: httpx.Client, number: int) -> httpx.Response:
    """Create the session of a number; sending it again is a replay."""
    return api.post(
        "/v1/sessions",
        headers={"idempotency-key": f"n-{number}"},
        json={
            "first_party": "+12025550160",
            "second_party": f"+120255501{number:02d}",
        },
    )


def test_a_create_beyond_the_minutes_quota_is_429_and_a_replay_is_not(
    limit: Limit,
) -> None:
    for attempt in range(ATTEMPTS):
        api = limit(f"minutely-{attempt}", "--creates-per-minute", 2)
        first = 10 * attempt
        minute = datetime.now(UTC).minute
        answers = [create(api, first + number) for number in (1, 2, 3)]
        replay = create(api, first + 1)
        if datetime.now(UTC).minute == minute:
            break

    assert [answer.status_code for answer in answers] == [201, 201, 429]
    told = answers[2].json()
    assert (told["code"], told["quota"]) == ("quota_exceeded", "creates_per_minute")
    assert told["outcome"] == "not_created"
    assert 1 <= int(answers[2].headers["retry-after"]) <= 60
    assert replay.status_code == 200
    assert replay.headers["idempotent-replayed"] == "true"


def test_live_sessions_are_counted_by_the_stream_as_they_begin_and_end(
    limit: Limit, stores: Stores
) -> None:
    api = limit("lively", "--live-sessions", 1)

    def wait_for(count: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while stores.tenants.live("lively") != count:
            assert time.monotonic() < deadline, f"there were never {count}"
            time.sleep(0.1)

    first = create(api, 41)
    wait_for(1)
    refused = create(api, 42)
    api.delete(first.headers["location"]).raise_for_status()
    wait_for(0)
    second = create(api, 42)

    assert first.status_code == second.status_code == 201
    assert (refused.status_code, refused.json()["quota"]) == (429, "live_sessions")
