"""The import of an HTTP API: complete, or refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from stack.aws.http_api import ImportFailedError, import_http_api
from tests.support.fake_cloud import Cloud

AUTHORIZE_ARN = "arn:aws:lambda:us-east-1:000000000000:function:authorize-1"
CREATE_ARN = "arn:aws:lambda:us-east-1:000000000000:function:create-1"
INVOKE = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions"

OPEN: dict[str, Any] = {
    "x-amazon-apigateway-integration": {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "payloadFormatVersion": "2.0",
        "uri": {
            "Fn::Sub": "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/"
            "2015-03-31/functions/${Create.Arn}/invocations"
        },
    },
    "responses": {},
}
GUARDED: dict[str, Any] = OPEN | {"security": [{"Key": []}], "parameters": []}
EXEMPT: dict[str, Any] = OPEN | {"security": [{"NONE": []}]}

BODY = {
    "openapi": "3.0.1",
    "info": {"title": {"Ref": "AWS::StackName"}, "version": "1.0"},
    "tags": [],
    "paths": {
        "/v1/things": {"post": GUARDED, "x-amazon-apigateway-any-method": GUARDED},
        "/v1/hooks": {"post": EXEMPT},
        "/v1/open": {"get": OPEN},
        "/$default": {"x-amazon-apigateway-any-method": EXEMPT},
    },
    "components": {
        "securitySchemes": {
            "Key": {
                "type": "apiKey",
                "name": "Unused",
                "in": "header",
                "x-amazon-apigateway-authorizer": {
                    "type": "request",
                    "identitySource": ["$request.header.Authorization"],
                    "authorizerPayloadFormatVersion": "2.0",
                    "authorizerResultTtlInSeconds": 60,
                    "enableSimpleResponses": True,
                    "authorizerUri": {
                        "Fn::Sub": [
                            "arn:aws:apigateway:${AWS::Region}:lambda:path/"
                            "2015-03-31/functions/${__FunctionArn__}/invocations",
                            {"__FunctionArn__": {"Fn::GetAtt": ["Authorize", "Arn"]}},
                        ]
                    },
                },
            }
        }
    },
}

TEMPLATE = {
    "Resources": {
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": BODY}},
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "StageName": "$default",
                "DefaultRouteSettings": {"ThrottlingRateLimit": 5},
            },
        },
        "Authorize": {"Type": "AWS::Lambda::Function", "Properties": {}},
        "Create": {"Type": "AWS::Lambda::Function", "Properties": {}},
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {}},
    }
}
PHYSICAL = {
    "Api": "api-1",
    "Stage": "$default",
    "Authorize": "authorize-1",
    "Create": "create-1",
    "Table": "table-1",
}


def _cloud(change: Callable[[dict[str, Any]], object] = lambda _: None) -> Cloud:
    template = copy.deepcopy(TEMPLATE)
    change(template["Resources"])
    return Cloud(template, PHYSICAL)


def test_routes_come_with_their_authorizer_and_their_function() -> None:
    cloud = _cloud()

    api_id = import_http_api(cloud, "stack")

    [key] = cloud.gateway.kept["Authorizer"]
    uri = f"{INVOKE}/{CREATE_ARN}/invocations"
    assert api_id == "api-1"
    assert cloud.routes() == {
        "POST /v1/things": ("CUSTOM", key, uri),
        "ANY /v1/things": ("CUSTOM", key, uri),
        "POST /v1/hooks": ("NONE", "", uri),
        "GET /v1/open": ("NONE", "", uri),
        "$default": ("NONE", "", uri),
    }


def test_the_authorizer_is_the_templates() -> None:
    cloud = _cloud()

    import_http_api(cloud, "stack")

    [authorizer] = cloud.gateway.kept["Authorizer"].values()
    authorizer.pop("AuthorizerId")
    assert authorizer == {
        "Name": "Key",
        "AuthorizerType": "REQUEST",
        "AuthorizerUri": f"{INVOKE}/{AUTHORIZE_ARN}/invocations",
        "IdentitySource": ["$request.header.Authorization"],
        "AuthorizerPayloadFormatVersion": "2.0",
        "AuthorizerResultTtlInSeconds": 60,
        "EnableSimpleResponses": True,
    }


def test_scopes_of_a_route_are_kept() -> None:
    def ask_for_scopes(resources: dict[str, Any]) -> None:
        path = resources["Api"]["Properties"]["Body"]["paths"]["/v1/things"]
        path["post"] = OPEN | {"security": [{"Key": ["things:write"]}]}

    cloud = _cloud(ask_for_scopes)

    import_http_api(cloud, "stack")

    routes = cloud.gateway.kept["Route"].values()
    scopes = {route["RouteKey"]: route.get("AuthorizationScopes") for route in routes}
    assert scopes["POST /v1/things"] == ["things:write"]
    assert scopes["ANY /v1/things"] is None


def test_throttles_of_the_stage_are_kept() -> None:
    cloud = _cloud()

    import_http_api(cloud, "stack")

    assert cloud.gateway.stages == {
        "$default": {
            "DefaultRouteSettings": {"ThrottlingRateLimit": 5},
            "RouteSettings": {},
        }
    }


def test_a_second_import_replaces_the_first() -> None:
    cloud = _cloud()

    import_http_api(cloud, "stack")
    once = len(cloud.routes()), len(cloud.gateway.kept["Authorizer"])
    import_http_api(cloud, "stack")

    assert (len(cloud.routes()), len(cloud.gateway.kept["Authorizer"])) == once


def _body(resources: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = resources["Api"]["Properties"]["Body"]
    return body


def _operation(resources: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = _body(resources)["paths"]["/v1/things"]["post"]
    return operation


def _scheme(resources: dict[str, Any]) -> dict[str, Any]:
    scheme: dict[str, Any] = _body(resources)["components"]["securitySchemes"]["Key"]
    return scheme


UNKNOWN: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "element of the body": (
        lambda r: _body(r).update({"x-amazon-apigateway-cors": {}}),
        "the body: .* doesn't know x-amazon-apigateway-cors",
    ),
    "element of a route": (
        lambda r: _operation(r).update({"x-throttle": 1}),
        "route POST /v1/things: .* doesn't know x-throttle",
    ),
    "element of an integration": (
        lambda r: _operation(r)["x-amazon-apigateway-integration"].update(
            {"timeoutInMillis": 1}
        ),
        "route POST /v1/things: .* doesn't know timeoutInMillis",
    ),
    "kind of integration": (
        lambda r: _operation(r)["x-amazon-apigateway-integration"].update(
            {"type": "http_proxy"}
        ),
        "integration 'http_proxy'",
    ),
    "method": (
        lambda r: _body(r)["paths"]["/v1/open"].update({"trace": OPEN}),
        "route TRACE /v1/open: not a method",
    ),
    "security": (
        lambda r: _operation(r).update({"security": [{"Key": []}, {"NONE": []}]}),
        "route POST /v1/things: security",
    ),
    "authorizer of a route": (
        lambda r: _operation(r).update({"security": [{"Other": []}]}),
        "there is no authorizer Other",
    ),
    "element of a scheme": (
        lambda r: _scheme(r).update({"scheme": "bearer"}),
        "authorizer Key: .* doesn't know scheme",
    ),
    "kind of authorizer": (
        lambda r: _scheme(r)["x-amazon-apigateway-authorizer"].update(type="jwt"),
        "authorizer Key is of type 'jwt'",
    ),
    "function": (
        lambda r: _operation(r)["x-amazon-apigateway-integration"].update(
            uri={"Fn::GetAtt": ["Table", "Arn"]}
        ),
        "Table is not a function of the template",
    ),
    "reference": (
        lambda r: _operation(r)["x-amazon-apigateway-integration"].update(
            uri={"Fn::ImportValue": "elsewhere"}
        ),
        "The body has .*ImportValue",
    ),
    "second API": (
        lambda r: r.update(Second=copy.deepcopy(r["Api"])),
        "The template has 2 HTTP APIs",
    ),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_is_not_known_stops_the_import(what: str) -> None:
    change, sentence = UNKNOWN[what]

    with pytest.raises(ImportFailedError, match=sentence):
        import_http_api(_cloud(change), "stack")
