"""The authorizer says who, each handler what: one answer opens one scope's routes."""

from __future__ import annotations

from typing import Any

import pytest

from functions.authorize import app
from masking.storage.stores import Stores
from masking.tenants import api_keys, authorize
from tests.support.clock import Clock
from tests.support.payloads import problem, read, sample
from tests.support.simulated_plivo import SimulatedPlivo
from tests.support.walks import ROUTES, answer_of, event_for


@pytest.fixture
def cached(stores: Stores, clock: Clock, plivo: SimulatedPlivo) -> Any:
    """Return what the authorizer answers for a key, as a cache holds it."""
    assert plivo.sessions() == []

    def authorize(*scopes: str) -> dict[str, str]:
        key = api_keys.create(stores, "acme", scopes, clock())
        event = sample("authorize")
        event["headers"]["authorization"] = f"Bearer {key.secret}"
        context: dict[str, str] = app.lambda_handler(event, None)["context"]
        return context

    return authorize


@pytest.mark.parametrize("scope", authorize.SCOPES)
def test_one_cached_answer_opens_the_routes_of_its_scope_and_no_other(
    cached: Any, scope: str
) -> None:
    context = cached(scope)

    for name, route in ROUTES.items():
        answer = answer_of(route, event_for(route, context))

        if route.scope == scope:
            assert answer["statusCode"] not in (401, 403), name
        else:
            status, code, _ = problem(answer)
            assert (status, code) == (403, "scope_missing"), name
            assert read(answer)["scope"] == route.scope


@pytest.mark.parametrize("name", ROUTES)
def test_all_other_scopes_together_do_not_open_a_route(cached: Any, name: str) -> None:
    route = ROUTES[name]
    context = cached(*(scope for scope in authorize.SCOPES if scope != route.scope))

    answer = answer_of(route, event_for(route, context))

    assert problem(answer)[:2] == (403, "scope_missing")


@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize(
    "context",
    [
        {},
        {"tenant_id": "acme"},
        {"tenant_id": "acme", "scopes": ""},
        {"tenant_id": "acme", "scopes": "*"},
        {"tenant_id": "acme", "scopes": "sessions recordings Admin"},
        {"tenant_id": "acme", "scopes": "sessions:read,sessions:write"},
    ],
    ids=str,
)
@pytest.mark.usefixtures("deployment")
def test_what_names_no_scope_opens_nothing(name: str, context: dict[str, str]) -> None:
    route = ROUTES[name]

    answer = answer_of(route, event_for(route, context))

    assert problem(answer)[:2] == (403, "scope_missing")


def test_every_route_needs_a_scope_that_keys_can_have() -> None:
    assert {route.scope for route in ROUTES.values()} <= set(authorize.SCOPES)
