"""create_erasure: begins an erasure of a number, one at a time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from masking.core import numbers
from masking.core.problems import StorageUnavailableError
from masking.domain import erasures
from masking.storage.erasures import ErasureStore
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.erasures import (
    BODY,
    PERSON,
    get_erasure,
    request_erasure,
)
from tests.support.payloads import problem, read
from tests.support.stores import own_stores, stores_over


@pytest.mark.usefixtures("deployment")
def test_an_erasure_is_begun_and_can_be_read() -> None:
    answer = request_erasure()

    erasure = read(answer)["erasure"]
    assert answer["statusCode"] == 202
    assert answer["headers"]["location"] == f"/v1/erasures/{erasure['erasure_id']}"
    assert erasure["status"] == "running"
    assert erasure["found"] is None
    assert erasure["remains"] == []
    assert read(get_erasure(erasure["erasure_id"]))["erasure"] == erasure
    assert "2025550100" not in json.dumps(answer)


@pytest.mark.usefixtures("deployment")
def test_asking_again_while_one_runs_gives_that_one() -> None:
    first, second = (read(request_erasure())["erasure"] for _ in range(2))
    without_plus = read(request_erasure({"phone_number": PERSON.removeprefix("+")}))[
        "erasure"
    ]

    assert first == second == without_plus


def test_when_one_is_complete_another_is_begun(
    services: Services, clock: Clock
) -> None:
    first = read(request_erasure())["erasure"]
    stores = services.stores
    known = stores.erasures.get(first["erasure_id"])
    assert known
    stores.erasures.put(erasures.close(known, [], clock()))

    second = read(request_erasure())["erasure"]

    assert second["erasure_id"] != first["erasure_id"]
    assert read(get_erasure(first["erasure_id"]))["erasure"]["status"] == "completed"


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize(
    "body",
    [
        *({}, {"phone_number": None}, {"phone_number": "0049"}, {"phone_number": 1}),
        {**BODY, "reason": "asked"},
    ],
)
def test_what_is_no_number_is_refused(body: object) -> None:
    assert problem(request_erasure(body))[:2] == (400, "invalid_request")


@pytest.mark.usefixtures("deployment")
def test_only_an_admin_erases() -> None:
    scopes = "sessions:read sessions:write recordings:read recordings:write"

    assert problem(request_erasure(scopes=scopes))[:2] == (403, "scope_missing")
    assert problem(get_erasure("x", scopes=scopes))[:2] == (403, "scope_missing")


def test_a_tombstone_that_is_written_all_the_time_is_reported(
    services: Services, clock: Clock
) -> None:
    class Racing(ErasureStore):
        """Let others always be faster, and done."""

        def begin(self, erasure: Any, seen: Any) -> None:
            stores = services.stores
            current = stores.erasures.tombstone(erasure.tenant_id, erasure.number_hash)
            other = erasures.request(erasure.tenant_id, erasure.number_hash, clock())
            stores.erasures.begin(other, current)
            stores.erasures.put(erasures.close(other, [], clock()))
            super().begin(erasure, seen)

    racing = own_stores(services)
    racing.erasures = Racing(racing.table)

    with pytest.raises(StorageUnavailableError):
        at(services, clock, racing).create_erasure.begin(PERSON, tenant_id="acme")


def test_of_two_requests_at_once_one_begins(services: Services, clock: Clock) -> None:
    stores = services.stores
    hashed = numbers.hashed(services.number_key, PERSON)
    other = erasures.request("acme", hashed, clock())

    class Slow(ErasureStore):
        """Somebody else asks between reading the tombstone and writing it."""

        def begin(self, erasure: Any, seen: Any) -> None:
            if stores.erasures.tombstone("acme", hashed) is None:
                stores.erasures.begin(other, None)
            super().begin(erasure, seen)

    slow = own_stores(services)
    slow.erasures = Slow(slow.table)
    begun = at(services, clock, slow).create_erasure.begin(PERSON, tenant_id="acme")

    assert begun == other


def test_an_error_of_the_storage_is_no_lost_race(
    services: Services, clock: Clock
) -> None:
    from botocore.exceptions import ClientError

    stores = services.stores
    missing = stores_over(stores.table.client, "no-such-table")
    erasure = erasures.request("acme", "hash", clock())

    with pytest.raises(ClientError, match="ResourceNotFound"):
        missing.erasures.begin(erasure, None)
