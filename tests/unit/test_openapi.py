"""openapi.yaml is valid, and says what the template deploys and the handlers do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from jsonschema import Draft202012Validator

from masking.plivo.errors import limit_of
from masking.tenants import authorize
from stack.environments import ROOT
from stack.routes import Route, routes
from tests.support.api_document import DOCUMENT, OPERATIONS, SCHEMAS, codes_in
from tests.support.problems import problem_types

ROUTES = list(routes(ROOT))

# What API Gateway answers by itself on every route; 401 and 403 where a key is needed.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop.html
OF_A_ROUTE = (401, 403, 429, 500, 503)

RESPONSES = [
    pytest.param(int(status), response, id=f"{name}-{status}")
    for name, operation in OPERATIONS.items()
    for status, response in operation["responses"].items()
]

LINE = re.compile(r"- `([a-z_]+)`: (.+)")


def operation_of(route: Route) -> Any:
    """Return the operation of a route, without references."""
    operation = DOCUMENT["paths"][route.path][route.method]
    return OPERATIONS[operation["operationId"]]


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of the document."""
    if isinstance(node, dict):
        yield node
    for each in node.values() if isinstance(node, dict) else node:
        if isinstance(each, (dict, list)):
            yield from nodes(each)


# The document


def test_it_is_valid_openapi() -> None:
    schemathesis.openapi.from_dict(DOCUMENT).validate()


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_valid_json_schema(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_every_reference_leads_somewhere_and_every_component_is_referred_to() -> None:
    references = {each["$ref"] for each in nodes(DOCUMENT) if "$ref" in each}

    assert references == {
        f"#/components/{kind}/{name}"
        for kind, components in DOCUMENT["components"].items()
        for name in components
        if kind != "securitySchemes"
    }


# Routes


def test_it_has_exactly_the_routes_of_the_template() -> None:
    documented = {
        (method, path) for path, each in DOCUMENT["paths"].items() for method in each
    }

    assert documented == {(route.method, route.path) for route in ROUTES}


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_an_operation_is_named_after_the_function_of_its_route(route: Route) -> None:
    # Plivo may call back by either method; the same function takes both.
    is_callback = "/plivo/" in route.path
    by_get = "_by_get" if is_callback and route.method == "get" else ""

    fallback = "_fallback" if route.path.endswith("/fallback") else ""

    assert operation_of(route)["operationId"] == route.function + by_get + fallback


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_an_operation_has_the_parameters_of_its_path(route: Route) -> None:
    documented = [
        each["name"]
        for each in operation_of(route).get("parameters", [])
        if each["in"] == "path" and each["required"]
    ]

    assert documented == re.findall(r"{([a-z_]+)}", route.path)


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_route_needs_the_scope_that_its_handler_enforces(route: Route) -> None:
    operation = operation_of(route)

    if route.scope is None:
        assert operation["security"] == []
    else:
        assert route.scope in authorize.SCOPES
        assert f"`{route.scope}`" in operation["description"]
        assert "security" not in operation


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_route_says_what_api_gateway_answers_by_itself(route: Route) -> None:
    operation = operation_of(route)
    takes_a_body = "requestBody" in operation or "/plivo/" in route.path

    for status in (*OF_A_ROUTE, *([413] if takes_a_body else [])):
        if route.scope or status not in (401, 403):
            content = operation["responses"][str(status)]["content"]
            assert content["application/json"]["schema"] == SCHEMAS["GatewayMessage"]


# Problems


@pytest.mark.parametrize(("status", "response"), RESPONSES)
def test_a_response_describes_each_code_as_the_code_does(
    status: int, response: Any
) -> None:
    known = problem_types()
    codes = codes_in(response)
    told = LINE.findall(response["description"])

    assert told == [(code, known[code].detail) for code in codes]
    assert {int(known[code].status) for code in codes} <= {status}


@pytest.mark.parametrize(("status", "response"), RESPONSES)
def test_a_response_that_waiting_may_mend_says_how_long(
    status: int, response: Any
) -> None:
    if codes_in(response):
        assert ("Retry-After" in response.get("headers", {})) is (status in (409, 503))


def test_every_code_can_be_met_somewhere() -> None:
    responses: list[Any] = [each.values[1] for each in RESPONSES]
    met = {code for each in responses for code in codes_in(each)}

    assert met == set(problem_types())
    assert SCHEMAS["Problem"]["properties"]["code"]["enum"] == sorted(problem_types())


def members_in_the_product() -> set[str]:
    """Return the extension members that the product gives to its problems."""
    classes = {each.__name__ for each in problem_types().values()}
    found = set(limit_of({}))
    for path in (ROOT / "layers" / "masking" / "masking").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in classes:
                found |= {each.arg for each in node.keywords if each.arg}
            if isinstance(node, ast.AugAssign) and isinstance(node.value, ast.Dict):
                keys = node.value.keys if "members" in ast.unparse(node.target) else ()
                found |= {str(k.value) for k in keys if isinstance(k, ast.Constant)}
    return found - {"retry_after", "detail"}


def test_a_problem_is_closed_and_has_every_member_that_the_product_gives_it() -> None:
    schema = SCHEMAS["Problem"]

    assert schema["additionalProperties"] is False
    assert members_in_the_product() <= schema["properties"].keys()
