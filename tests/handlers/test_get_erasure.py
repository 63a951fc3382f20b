"""get_erasure: tells how far an erasure is, to its tenant alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from masking.domain import erasures
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.erasures import (
    PERSON,
    get_erasure,
    request_erasure,
)
from tests.support.payloads import problem, read


def test_what_is_complete_is_not_taken_back(services: Services, clock: Clock) -> None:
    stores = services.stores
    running = stores.erasures.get(read(request_erasure())["erasure"]["erasure_id"])
    assert running
    stores.erasures.put(erasures.close(running, [], clock()))

    stores.erasures.put(erasures.sweep(running, clock()))
    stores.erasures.put(erasures.close(running, [], clock() + timedelta(hours=1)))

    found = stores.erasures.get(running.erasure_id)
    assert found
    assert found.completed_at == clock()


@pytest.mark.usefixtures("deployment")
def test_two_tenants_erase_the_same_number_each_for_itself() -> None:
    mine = read(request_erasure(tenant="acme"))["erasure"]
    theirs = read(request_erasure(tenant="umbrella"))["erasure"]

    assert mine["erasure_id"] != theirs["erasure_id"]
    assert problem(get_erasure(theirs["erasure_id"], tenant="acme"))[:2] == (
        404,
        "erasure_not_found",
    )


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize("name", ["", "nobody", "../x", PERSON, "5B1F0A52" * 4])
def test_what_names_no_erasure_is_not_found(name: str) -> None:
    assert problem(get_erasure(name))[:2] == (404, "erasure_not_found")
