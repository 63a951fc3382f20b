"""Twenty at once for one party: each gets a number of its own, the next a clean no."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx
import pytest

from stack.running import RunningStack

# What the simulator rents in the United States.
NUMBERS = 20

PATIENCE_SECONDS = 150.0


@pytest.fixture
def stack(lone_stack: RunningStack) -> RunningStack:
    """Return a stack of one's own: all of its numbers must be free."""
    return lone_stack


def create(api: httpx.Client, counterpart: int) -> httpx.Response:
    """Create a session of the one party with a counterpart, as a client would.

    Twenty functions start at once; on a busy machine API Gateway may lose patience
    with one, and then the client sends the request again with its key.
    """
    body = {
        "first_party": "+12125550100",
        "second_party": f"+1213555{100 + counterpart:04d}",
    }
    key = {"idempotency-key": f"twenty-{counterpart}"}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            answer = api.post("/v1/sessions", json=body, headers=key)
            code = answer.json().get("code")
            unfinished = answer.status_code >= 500 and code is None
            if not unfinished and code != "create_in_progress":
                return answer
        time.sleep(1)
    raise TimeoutError(f"no answer about {key}")


def test_twenty_at_once_get_twenty_numbers_and_the_next_ones_a_clean_no(
    api: httpx.Client, simulator: httpx.Client
) -> None:
    with ThreadPoolExecutor(NUMBERS) as pool:
        answers = list(pool.map(lambda n: create(api, n), range(NUMBERS)))
        refused = list(pool.map(lambda n: create(api, n), range(NUMBERS, NUMBERS + 5)))

    assert {answer.status_code for answer in answers} <= {200, 201}
    numbers = {answer.json()["session"]["virtual_number"] for answer in answers}
    assert len(numbers) == NUMBERS
    assert [_told(answer) for answer in refused] == [
        (503, "number_pool_exhausted", "not_created", "60")
    ] * 5
    assert simulator.get("/_sim/health").json()["sessions"] == NUMBERS


def _told(answer: httpx.Response) -> tuple[Any, ...]:
    problem = answer.json()
    return (
        answer.status_code,
        problem["code"],
        problem["outcome"],
        answer.headers["retry-after"],
    )
