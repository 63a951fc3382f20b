"""openapi.yaml says what the template deploys and the handlers do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from masking.api import request_models, session_views
from masking.api.search_requests import PARTIES, Search
from masking.tenants import authorize
from stack.openapi.document import OF_A_ROUTE, build, routes, written
from stack.openapi.page import render

ROOT = Path(__file__).resolve().parents[2]

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "openapi.yaml").read_text())
ROUTES = list(routes(ROOT))
OPERATIONS = {
    operation["operationId"]: operation
    for methods in DOCUMENT["paths"].values()
    for operation in methods.values()
}
SCHEMAS = DOCUMENT["components"]["schemas"]


def test_the_file_is_as_the_models_and_the_template_make_it() -> None:
    fresh = written(build(ROOT))

    assert (ROOT / "openapi.yaml").read_text() == fresh, "run: make openapi"


def test_it_has_exactly_the_routes_of_the_template() -> None:
    documented = {
        (method, path) for path, each in DOCUMENT["paths"].items() for method in each
    }

    assert documented == {(route.method, route.path) for route in ROUTES}


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_route_needs_the_scope_that_its_handler_enforces(route: Any) -> None:
    operation = OPERATIONS[route.function]

    if route.scope is None:
        assert operation["security"] == []
    else:
        assert route.scope in authorize.SCOPES
        assert route.scope in operation["description"]
        assert "security" not in operation


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_route_says_what_api_gateway_answers_by_itself(route: Any) -> None:
    responses = OPERATIONS[route.function]["responses"]

    for status in OF_A_ROUTE:
        if route.scope or status not in (401, 403):
            content = responses[str(status)]["content"]["application/json"]
            assert content["schema"]["$ref"].endswith("/GatewayMessage")


def test_a_create_takes_every_attribute_of_the_page_and_no_other() -> None:
    assert set(SCHEMAS["CreateSession"]["properties"]) == set(
        request_models.CreateSessionRequest.model_fields
    )
    assert SCHEMAS["CreateSession"]["additionalProperties"] is False


def test_every_rule_across_fields_is_told() -> None:
    told = SCHEMAS["CreateSession"]["description"]

    assert all(
        rule.text in told and rule.field in told for rule in request_models.RULES
    )


def test_no_number_can_be_asked_for_in_a_query() -> None:
    names = {each["name"] for each in OPERATIONS["list_sessions"]["parameters"]}

    assert names == set(Search.model_fields) - PARTIES - {"labels"} | {"label"}


def test_a_session_has_every_attribute_that_the_view_writes() -> None:
    assert set(session_views.ATTRIBUTES) <= set(SCHEMAS["Session"]["properties"])


def test_the_page_shows_every_route_and_loads_nothing() -> None:
    page = render(DOCUMENT)

    assert all(f'id="{name}"' in page for name in (*OPERATIONS, *SCHEMAS))
    assert not any(word in page for word in ("<script", "<link", "src=", "@import"))


def test_the_stack_serves_page_and_file(api: httpx.Client) -> None:
    page, file = api.get("/docs"), api.get("/docs/openapi.yaml")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "POST</span><code>/v1/sessions</code>" in page.text
    assert yaml.safe_load(file.text) == DOCUMENT


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/docs/nothing.html", 404),
        ("GET", "/docs/../api-id", 404),
        ("GET", "/docs/..%2Fapi-id", 404),
        ("GET", "/docs/stack.json", 404),
        ("POST", "/docs", 405),
    ],
)
def test_nothing_else_is_served_there(
    api: httpx.Client, method: str, path: str, status: int
) -> None:
    assert api.request(method, path).status_code == status
