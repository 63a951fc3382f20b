"""Twenty at once for one party: each gets a number of its own, the next a clean no."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

# What the simulator rents in the United States.
NUMBERS = 20


def create(api: httpx.Client, counterpart: int) -> httpx.Response:
    """Create a session of the one party with a counterpart."""
    body = {
        "first_party": "+12125550100",
        "second_party": f"+1213555{100 + counterpart:04d}",
    }
    key = f"twenty-{counterpart}"
    return api.post("/v1/sessions", json=body, headers={"idempotency-key": key})


def test_twenty_at_once_get_twenty_numbers_and_the_next_ones_a_clean_no(
    api: httpx.Client, simulator: httpx.Client
) -> None:
    with ThreadPoolExecutor(NUMBERS) as pool:
        answers = list(pool.map(lambda n: create(api, n), range(NUMBERS)))
        refused = list(pool.map(lambda n: create(api, n), range(NUMBERS, NUMBERS + 5)))

    numbers = {answer.json()["session"]["virtual_number"] for answer in answers}
    assert [answer.status_code for answer in answers] == [201] * NUMBERS
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
