"""Keys at the deployed API: made by the command, cached by the gateway, revoked."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from masking.tenants import authorize
from stack.running import RunningStack
from tests.support.maskline import Command
from tests.support.stack_api import api_client
from tests.support.walks import ROUTES, filled

# For how long the gateway remembers what the authorizer said, and some seconds.
CACHED_SECONDS = 60
SLACK_SECONDS = 10

NO_BODY = frozenset({"get", "delete"})

Run = Callable[..., Any]


@pytest.fixture
def stack(lone_stack: RunningStack) -> RunningStack:
    """Return a stack of one's own: a test counts all that is authorized."""
    return lone_stack


@pytest.fixture
def run(stack: RunningStack) -> Run:
    """Return `maskline keys`; it returns what was printed, as JSON."""
    return partial(Command(stack).json, "keys")


def authorizations(stack: RunningStack) -> int:
    """Count the authorizer's invocations."""
    group = stack.log_groups()["authorize"]
    logs: Any = stack.aws.client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    return sum(
        event["message"].startswith("START ")
        for page in pages
        for event in page["events"]
    )


def asked(stack: RunningStack, key: str, method: str, path: str) -> httpx.Response:
    """Send a request with a key, and a body if the method has one."""
    with api_client(stack, key) as client:
        body: dict[str, str] | None = None if method in NO_BODY else {}
        return client.request(method, path, json=body)


@pytest.mark.parametrize("scope", authorize.SCOPES)
def test_no_route_is_opened_by_what_the_gateway_remembers_of_another(
    stack: RunningStack, run: Run, scope: str
) -> None:
    key = run("create", "walker", "--scopes", scope)["key"]
    before = authorizations(stack)
    began = time.monotonic()

    answers = {
        name: asked(stack, key, route.method, filled(route.path))
        for name, route in ROUTES.items()
    }

    assert time.monotonic() - began < CACHED_SECONDS
    assert authorizations(stack) - before == 1
    for name, answer in answers.items():
        if ROUTES[name].scope == scope:
            assert answer.status_code not in (401, 403), (name, answer.text)
        else:
            told = answer.json()
            assert (answer.status_code, told["code"]) == (403, "scope_missing"), name
            assert told["scope"] == ROUTES[name].scope


def test_a_key_lives_from_its_making_to_its_revocation(
    stack: RunningStack, run: Run
) -> None:
    old = run("create", "acme", "--scopes", "sessions:read")
    new = run("rotate", "acme", old["key_id"], "--hours", "1")

    def opens(key: str) -> bool:
        return asked(stack, key, "get", "/v1/sessions").status_code == 200

    assert opens(old["key"])
    assert opens(new["key"])

    run("revoke", "acme", old["key_id"])
    revoked = time.monotonic()
    while opens(old["key"]):
        assert time.monotonic() - revoked < CACHED_SECONDS + SLACK_SECONDS
        time.sleep(1)
    took = time.monotonic() - revoked

    states = {line["key_id"]: line for line in run("list", "acme")}
    assert opens(new["key"])
    assert states[old["key_id"]]["state"] == "revoked"
    assert states[new["key_id"]]["state"] == "open"
    assert states[new["key_id"]]["last_used_at"]
    assert took <= CACHED_SECONDS + SLACK_SECONDS
    assert not opens(old["key"])


def test_a_key_that_was_never_used_is_revoked_at_once(
    stack: RunningStack, run: Run
) -> None:
    made = run("create", "acme")
    run("revoke", "acme", made["key_id"])

    assert asked(stack, made["key"], "get", "/v1/sessions").status_code == 403
