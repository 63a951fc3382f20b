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
from tests.support.stores import stores_over

PATIENCE_SECONDS = 20.0

Limit = Callable[[str, str, int], httpx.Client]


@pytest.fixture
def stores(stack: RunningStack) -> Stores:
    """Give the deployed table."""
    return stores_over(stack.aws.client("dynamodb"), stack.outputs["TableName"])


@pytest.fixture
def limit(stack: RunningStack, stores: Stores) -> Iterator[Limit]:
    """Give what sets a quota of a tenant, and gives a client with a key of its."""

    def begin(tenant: str, quota: str, most: int) -> httpx.Client:
        Command(stack).lines("tenants", "set", tenant, quota, str(most))
        key = api_keys.create(stores, tenant, authorize.SCOPES, datetime.now(UTC))
        return clients.enter_context(
            httpx.Client(
                base_url=stack.addresses.api_url,
                headers={"authorization": f"Bearer {key.secret}"},
                timeout=40,
                trust_env=False,
            )
        )

    with ExitStack() as clients:
        yield begin


def create(api: httpx.Client, number: int) -> httpx.Response:
    """Create the session of a number; sending it again is a replay."""
    return api.post(
        "/v1/sessions",
        headers={"idempotency-key": f"n-{number}"},
        json={
            "first_party": f"+1212556{number:04d}",
            "second_party": f"+1213556{number:04d}",
        },
    )


def start_of_a_minute() -> None:
    """Wait until the minute has some time left."""
    second = datetime.now(UTC).second
    if second > 40:
        time.sleep(61 - second)


@pytest.mark.usefixtures("simulator")
def test_a_create_beyond_the_minutes_quota_is_429_and_a_replay_is_not(
    limit: Limit,
) -> None:
    api = limit("minutely", "--creates-per-minute", 2)
    start_of_a_minute()

    answers = [create(api, number) for number in (1, 2, 3)]
    replay = create(api, 1)

    assert [answer.status_code for answer in answers] == [201, 201, 429]
    told = answers[2].json()
    assert (told["code"], told["quota"]) == ("quota_exceeded", "creates_per_minute")
    assert told["outcome"] == "not_created"
    assert 1 <= int(answers[2].headers["retry-after"]) <= 60
    assert replay.status_code == 200
    assert replay.headers["idempotent-replayed"] == "true"


@pytest.mark.usefixtures("simulator")
def test_live_sessions_are_counted_by_the_stream_as_they_begin_and_end(
    limit: Limit, stores: Stores
) -> None:
    api = limit("lively", "--live-sessions", 1)

    def wait_for(count: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while stores.tenants.live("lively") != count:
            assert time.monotonic() < deadline, f"there were never {count}"
            time.sleep(0.1)

    first = create(api, 11)
    wait_for(1)
    refused = create(api, 12)
    api.delete(first.headers["location"]).raise_for_status()
    wait_for(0)
    second = create(api, 12)

    assert first.status_code == second.status_code == 201
    assert (refused.status_code, refused.json()["quota"]) == (429, "live_sessions")
