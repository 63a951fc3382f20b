"""Ids in paths that are none: not found, whatever the route, and nobody is asked."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest

from masking.wiring import Services
from stack.environments import ROOT
from stack.routes import Route, routes
from tests.handlers.payloads import EVERY_SCOPE, Context
from tests.handlers.simulated_plivo import SimulatedPlivo

ROUTES = [each for each in routes(ROOT) if each.scope and "{" in each.path]
UUID = "00000000-0000-4000-8000-000000000001"
BAD = [
    "..%2f..%2fNumber",
    "../../Number",
    f"{UUID}/",
    f"{UUID}\x00",
    UUID.upper() + "A",
]

BODIES: dict[str, dict[str, Any]] = {"update_session": {"record": True}}


def _event(route: Route, text: str) -> dict[str, Any]:
    parameter = route.path.partition("{")[2].partition("}")[0]
    caller = {"tenant_id": "acme", "scopes": EVERY_SCOPE}
    return {
        "rawPath": route.path,
        "headers": {"content-type": "application/json"},
        "pathParameters": {parameter: text},
        "body": json.dumps(BODIES.get(route.function, {})),
        "requestContext": {
            "http": {"method": route.method.upper()},
            "authorizer": {"lambda": caller},
        },
    }


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.function)
@pytest.mark.parametrize("text", BAD)
def test_a_bad_id_is_not_found_and_plivo_is_not_asked(
    services: Services, plivo: SimulatedPlivo, route: Route, text: str
) -> None:
    assert services.settings.table_name
    app = importlib.import_module(f"functions.{route.function}.app")

    answer = app.lambda_handler(_event(route, text), Context())

    assert answer["statusCode"] == 404
    assert plivo.requests() == []
