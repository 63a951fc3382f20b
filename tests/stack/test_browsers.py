"""A page of another origin gets nothing out of the API."""

from __future__ import annotations

import httpx
import pytest

from stack.running import RunningStack

ORIGIN = {"origin": "https://app.example.com"}
PREFLIGHT = {
    **ORIGIN,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization",
}


def invites(answer: httpx.Response) -> list[str]:
    """Return the headers that would let a browser show an answer to a page."""
    return [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "path", ["/v1/sessions", "/v1/health", "/v1/plivo/answer", "/v1/x"]
)
def test_a_preflight_is_refused(stack: RunningStack, path: str) -> None:
    url = f"{stack.addresses.api_url}{path}"

    answer = httpx.options(url, headers=PREFLIGHT, trust_env=False, timeout=40)

    assert answer.status_code in (403, 404)
    assert answer.json().keys() == {"message"}
    assert invites(answer) == []


@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/health"])
def test_an_answer_says_nothing_to_browsers(stack: RunningStack, path: str) -> None:
    headers = {**ORIGIN, "authorization": f"Bearer {stack.api_key}"}
    url = f"{stack.addresses.api_url}{path}"

    answer = httpx.get(url, headers=headers, trust_env=False, timeout=40)

    assert answer.status_code == 200
    assert invites(answer) == []
