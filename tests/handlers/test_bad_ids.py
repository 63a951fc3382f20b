"""An id in a path that is no UUID is not found, by any route; Plivo is not asked."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest

from masking.wiring import Services
from tests.support.payloads import EVERY_SCOPE, Context
from tests.support.simulated_plivo import SimulatedPlivo
from tests.support.walks import ROUTES, Route

WITH_IDS = [route for route in ROUTES.values() if "{" in route.path]
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


@pytest.mark.parametrize("route", WITH_IDS, ids=lambda route: route.function)
@pytest.mark.parametrize("text", BAD)
def test_a_bad_id_is_not_found_and_plivo_is_not_asked(
    services: Services, plivo: SimulatedPlivo, route: Route, text: str
) -> None:
    assert services.settings.table_name
    app = importlib.import_module(f"functions.{route.function}.app")

    answer = app.lambda_handler(_event(route, text), Context())

    assert answer["statusCode"] == 404
    assert plivo.requests() == []
