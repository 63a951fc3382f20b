"""What is deployed: the template's API, its functions, answers like AWS's."""

from __future__ import annotations

import contextlib
import io
import json
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from stack.aws.http_api import API
from stack.aws.package import read_template
from stack.environments import ROOT
from stack.running import RunningStack

SESSION = "/v1/sessions/00000000-0000-4000-8000-000000000000"


@pytest.fixture(name="api")
def _without_key(stack: RunningStack) -> Iterator[httpx.Client]:
    origin = stack.addresses.api_url
    with httpx.Client(base_url=origin, trust_env=False, timeout=35) as client:
        yield client


@pytest.fixture(name="key")
def _key(stack: RunningStack) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.api_key}"}


def _api_id(stack: RunningStack) -> str:
    resources = stack.aws.client("cloudformation").describe_stack_resources(
        StackName="maskline-local"
    )["StackResources"]
    [api] = [each for each in resources if each["ResourceType"] == API]
    return str(api["PhysicalResourceId"])


def _template_routes() -> dict[str, str]:
    """Read routes and their authorizers from the template, before any transform."""
    resources = read_template(ROOT / "template.yaml")["Resources"]
    default = resources["Api"]["Properties"]["Auth"]["DefaultAuthorizer"]
    routes = {}
    for resource in resources.values():
        events = resource["Properties"].get("Events", {})
        for event in events.values():
            if event["Type"] == "HttpApi":
                route = event["Properties"]
                authorizer = route.get("Auth", {}).get("Authorizer", default)
                routes[f"{route['Method']} {route['Path']}"] = authorizer
    return routes


def test_the_local_api_has_the_routes_and_authorizers_of_the_template(
    stack: RunningStack,
) -> None:
    gateway = stack.aws.client("apigatewayv2")
    api_id = _api_id(stack)

    authorizers = {
        each["AuthorizerId"]: each["Name"]
        for each in gateway.get_authorizers(ApiId=api_id)["Items"]
    }
    routes = {
        route["RouteKey"]: authorizers[route["AuthorizerId"]]
        if route["AuthorizationType"] == "CUSTOM"
        else route["AuthorizationType"]
        for route in gateway.get_routes(ApiId=api_id)["Items"]
    }

    assert routes == _template_routes()


def test_each_route_calls_the_function_that_the_template_gives_it(
    stack: RunningStack,
) -> None:
    gateway = stack.aws.client("apigatewayv2")
    api_id = _api_id(stack)
    expected = {}
    for logical_id, resource in read_template(ROOT / "template.yaml")[
        "Resources"
    ].items():
        for event in resource["Properties"].get("Events", {}).values():
            if event["Type"] == "HttpApi":
                route = event["Properties"]
                expected[f"{route['Method']} {route['Path']}"] = logical_id

    uris = {
        each["IntegrationId"]: each["IntegrationUri"]
        for each in gateway.get_integrations(ApiId=api_id)["Items"]
    }
    called = {
        route["RouteKey"]: uris[route["Target"].removeprefix("integrations/")]
        for route in gateway.get_routes(ApiId=api_id)["Items"]
    }

    assert called.keys() == expected.keys()
    for route, logical_id in expected.items():
        assert f":function:maskline-local-{logical_id}-" in called[route]


def test_the_stage_has_the_throttles_of_the_template(stack: RunningStack) -> None:
    api = read_template(ROOT / "template.yaml")["Resources"]["Api"]["Properties"]

    stage = stack.aws.client("apigatewayv2").get_stage(
        ApiId=_api_id(stack), StageName="$default"
    )

    assert stage["DefaultRouteSettings"] == api["DefaultRouteSettings"]
    assert stage["RouteSettings"] == api["RouteSettings"]


def test_the_authorizer_is_cached_and_answers_simply(stack: RunningStack) -> None:
    [authorizer] = stack.aws.client("apigatewayv2").get_authorizers(
        ApiId=_api_id(stack)
    )["Items"]

    assert authorizer["AuthorizerType"] == "REQUEST"
    assert authorizer["AuthorizerPayloadFormatVersion"] == "2.0"
    assert authorizer["EnableSimpleResponses"] is True
    assert authorizer["AuthorizerResultTtlInSeconds"] == 60
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]


def test_without_a_key_the_gateway_answers_401(api: httpx.Client) -> None:
    response = api.get(SESSION)

    assert response.status_code == 401
    assert response.json() == {"message": "Unauthorized"}


def test_with_a_wrong_key_the_gateway_answers_403(api: httpx.Client) -> None:
    response = api.get(SESSION, headers={"Authorization": "Bearer wrong"})

    assert response.status_code == 403
    assert response.json() == {"message": "Forbidden"}


def test_with_the_local_key_the_function_answers(
    api: httpx.Client, key: dict[str, str]
) -> None:
    response = api.get(SESSION, headers=key)

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_a_path_without_a_route_is_the_gateways_404(
    api: httpx.Client, key: dict[str, str]
) -> None:
    response = api.get("/v2/sessions", headers=key)

    assert response.status_code == 404
    assert response.json() == {"message": "Not Found"}


def test_the_simulators_credentials_are_in_the_carriers_secret(
    stack: RunningStack,
) -> None:
    secret = stack.aws.client("secretsmanager").get_secret_value(
        SecretId=stack.outputs["CarrierSecretArn"]
    )

    assert json.loads(secret["SecretString"])["auth_id"] == "MALOCALDEVELOPMENT00"


def test_functions_see_their_layers_and_nothing_of_the_emulator(
    stack: RunningStack,
) -> None:
    source = (
        "import importlib.util, sys\n"
        "def handler(event, context):\n"
        "    return {name: bool(importlib.util.find_spec(name)) for name in event}\n"
    )
    layers = _layers_of(stack, "create_session")
    _create_function(stack, "look-around", source, layers)

    answer = stack.aws.client("lambda").invoke(
        FunctionName="look-around",
        Payload=json.dumps(["masking", "plivo", "ministack", "hypercorn", "httpx"]),
    )

    assert json.load(answer["Payload"]) == {
        "masking": True,
        "plivo": True,
        "ministack": False,
        "hypercorn": False,
        "httpx": False,
    }


def test_a_function_that_raises_is_a_500_without_detail(
    stack: RunningStack, api: httpx.Client
) -> None:
    source = "def handler(event, context):\n    raise RuntimeError('secret detail')\n"
    _create_function(stack, "raise-up", source, [])

    with _route(stack, "GET /raise", "raise-up"):
        response = api.get("/raise")

    assert response.status_code == 500
    assert response.json() == {"message": "Internal Server Error"}


def test_a_502_of_a_functions_own_making_stays(
    stack: RunningStack, api: httpx.Client
) -> None:
    source = (
        "def handler(event, context):\n"
        "    return {'statusCode': 502, 'body': event['rawPath']}\n"
    )
    _create_function(stack, "own-502", source, [])

    with _route(stack, "GET /own/{what}", "own-502"):
        response = api.get("/own/a%20b%25")

    assert response.status_code == 502
    assert response.text == "/own/a b%25"


def test_what_a_function_logs_is_in_its_log_group(
    stack: RunningStack, api: httpx.Client, key: dict[str, str]
) -> None:
    api.get(SESSION, headers=key)
    group = f"/aws/lambda/{stack.name}/get_session"

    events = stack.aws.client("logs").filter_log_events(logGroupName=group)["events"]

    assert stack.log_groups()["get_session"] == group

    assert any(event["message"].startswith("START ") for event in events)


def test_requests_meet_a_published_version_and_not_what_is_being_changed(
    stack: RunningStack,
) -> None:
    functions, name = stack.aws.client("lambda"), stack.function_names()["get_health"]
    health = f"{stack.addresses.api_url}/v1/health"
    before = functions.get_function_configuration(FunctionName=name)["Handler"]
    try:
        functions.update_function_configuration(FunctionName=name, Handler="app.none")
        changed = httpx.get(health, trust_env=False, timeout=40)
        stack.publish("get_health")
        published = httpx.get(health, trust_env=False, timeout=40)
    finally:
        functions.update_function_configuration(FunctionName=name, Handler=before)
        stack.publish("get_health")
    after = httpx.get(health, trust_env=False, timeout=40)

    assert changed.status_code == after.status_code == 200
    assert published.status_code == 500


def _layers_of(stack: RunningStack, folder: str) -> list[str]:
    described = stack.aws.client("lambda").get_function(
        FunctionName=stack.function_names()[folder]
    )
    return [layer["Arn"] for layer in described["Configuration"]["Layers"]]


def _role_of(stack: RunningStack, folder: str) -> str:
    client = stack.aws.client("lambda")
    function = client.get_function(FunctionName=stack.function_names()[folder])
    return str(function["Configuration"]["Role"])


def _create_function(
    stack: RunningStack, name: str, source: str, layers: list[str]
) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("app.py", source)
    functions: Any = stack.aws.client("lambda")
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=_role_of(stack, "get_session"),
        Handler="app.handler",
        Code={"ZipFile": archive.getvalue()},
        Layers=layers,
    )
    for _ in range(100):
        state = functions.get_function(FunctionName=name)["Configuration"]["State"]
        if state == "Active":
            return
        time.sleep(0.05)
    raise AssertionError(f"{name} is {state}")


@contextlib.contextmanager
def _route(stack: RunningStack, route: str, function: str) -> Iterator[None]:
    gateway = stack.aws.client("apigatewayv2")
    api_id = _api_id(stack)
    integration = gateway.create_integration(
        ApiId=api_id,
        IntegrationType="AWS_PROXY",
        IntegrationUri=f"arn:aws:lambda:us-east-1:000000000000:function:{function}",
        PayloadFormatVersion="2.0",
    )
    integration_id = integration["IntegrationId"]
    created = gateway.create_route(
        ApiId=api_id,
        RouteKey=route,
        AuthorizationType="NONE",
        Target=f"integrations/{integration_id}",
    )
    try:
        yield
    finally:
        gateway.delete_route(ApiId=api_id, RouteId=created["RouteId"])
        gateway.delete_integration(ApiId=api_id, IntegrationId=integration_id)
