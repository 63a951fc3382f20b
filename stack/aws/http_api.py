"""Import an HTTP API's routes and authorizers from its body; the emulator ignores it.

SAM writes an `AWS::Serverless::HttpApi` as one ``AWS::ApiGatewayV2::Api`` with an
OpenAPI ``Body``; in AWS, API Gateway imports it. ministack deploys the API without it,
and stores the stage's throttles under names that its own API doesn't read. This module
does both through API Gateway's own API. An element that it doesn't know stops the
import: better no local API than one that is more open than the template's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stack.aws.clients import REGION, LocalAws

if TYPE_CHECKING:
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_lambda import LambdaClient

API = "AWS::ApiGatewayV2::Api"
STAGE = "AWS::ApiGatewayV2::Stage"

# What may stand in each element. Some says nothing to API Gateway: titles, and path
# parameters that the path names already.
_BODY = {"openapi", "info", "tags", "paths", "components"}
_OPERATION = {
    *("x-amazon-apigateway-integration", "security", "parameters", "responses"),
}
_INTEGRATION = {"type", "httpMethod", "uri", "payloadFormatVersion"}
_SCHEME = {"type", "name", "in", "x-amazon-apigateway-authorizer"}
_AUTHORIZER = {
    *("type", "authorizerUri", "identitySource", "authorizerPayloadFormatVersion"),
    *("authorizerResultTtlInSeconds", "enableSimpleResponses"),
}
_METHODS = {"get", "head", "post", "put", "patch", "delete"}
_ANY_METHOD = "x-amazon-apigateway-any-method"


class ImportFailedError(Exception):
    """The API's body holds something that this import doesn't know."""


def import_http_api(aws: LocalAws, stack_name: str) -> str:
    """Set up the stack's one HTTP API as its body says; return the API's id.

    What an earlier deployment imported is replaced, route by route: as on AWS, no
    request meets an API without them.

    Raises:
        ImportFailedError: The stack has not exactly one HTTP API, or its body holds
            an element that is not known here.
    """
    stack = _Stack(aws, stack_name)
    logical_id, body = stack.api()
    _known(body, _BODY, "the body")
    api_id = stack.physical_ids[logical_id]
    gateway: ApiGatewayV2Client = aws.client("apigatewayv2")
    before = _Imported.of(gateway, api_id)
    schemes = body.get("components", {}).get("securitySchemes", {})
    authorizers = {
        name: _create_authorizer(gateway, api_id, name, scheme, stack.resolve)
        for name, scheme in schemes.items()
    }
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            route = _route(
                gateway, api_id, path, method, operation, authorizers, stack.resolve
            )
            route_id = before.routes.pop(route["RouteKey"], None)
            if route_id:
                gateway.update_route(ApiId=api_id, RouteId=route_id, **route)
            else:
                gateway.create_route(ApiId=api_id, **route)
    before.remove(gateway, api_id)
    for stage in stack.stages_of(logical_id):
        gateway.update_stage(
            ApiId=api_id,
            StageName=stage["StageName"],
            DefaultRouteSettings=stage.get("DefaultRouteSettings", {}),
            RouteSettings=stage.get("RouteSettings", {}),
        )
    return api_id


@dataclass(frozen=True)
class _Imported:
    """What an API has: its routes' ids by their keys, integrations, authorizers."""

    routes: dict[str, str]
    integrations: list[str]
    authorizers: list[str]

    @classmethod
    def of(cls, gateway: ApiGatewayV2Client, api_id: str) -> _Imported:
        routes = gateway.get_routes(ApiId=api_id)["Items"]
        integrations = gateway.get_integrations(ApiId=api_id)["Items"]
        authorizers = gateway.get_authorizers(ApiId=api_id)["Items"]
        return cls(
            {each["RouteKey"]: each["RouteId"] for each in routes},
            [each["IntegrationId"] for each in integrations],
            [each["AuthorizerId"] for each in authorizers],
        )

    def remove(self, gateway: ApiGatewayV2Client, api_id: str) -> None:
        for route_id in self.routes.values():
            gateway.delete_route(ApiId=api_id, RouteId=route_id)
        for integration_id in self.integrations:
            gateway.delete_integration(ApiId=api_id, IntegrationId=integration_id)
        for authorizer_id in self.authorizers:
            gateway.delete_authorizer(ApiId=api_id, AuthorizerId=authorizer_id)


def _create_authorizer(
    gateway: ApiGatewayV2Client,
    api_id: str,
    name: str,
    scheme: Mapping[str, Any],
    resolve: Callable[[Any], str],
) -> str:
    where = f"authorizer {name}"
    _known(scheme, _SCHEME, where)
    authorizer = scheme.get("x-amazon-apigateway-authorizer", {})
    _known(authorizer, _AUTHORIZER, where)
    if authorizer.get("type") != "request":
        raise ImportFailedError(f"{where} is of type {authorizer.get('type')!r}.")
    return gateway.create_authorizer(
        ApiId=api_id,
        Name=name,
        AuthorizerType="REQUEST",
        AuthorizerUri=resolve(authorizer["authorizerUri"]),
        IdentitySource=authorizer["identitySource"],
        AuthorizerPayloadFormatVersion=authorizer["authorizerPayloadFormatVersion"],
        AuthorizerResultTtlInSeconds=authorizer.get("authorizerResultTtlInSeconds", 0),
        EnableSimpleResponses=authorizer.get("enableSimpleResponses", False),
    )["AuthorizerId"]


def _route(
    gateway: ApiGatewayV2Client,
    api_id: str,
    path: str,
    method: str,
    operation: Mapping[str, Any],
    authorizers: Mapping[str, str],
    resolve: Callable[[Any], str],
) -> dict[str, Any]:
    """Make the integration of a route; return what the route is made with."""
    where = f"route {method.upper()} {path}"
    if method not in _METHODS | {_ANY_METHOD}:
        raise ImportFailedError(f"{where}: not a method.")
    _known(operation, _OPERATION, where)
    integration = operation["x-amazon-apigateway-integration"]
    _known(integration, _INTEGRATION, where)
    if integration["type"] != "aws_proxy":
        raise ImportFailedError(f"{where}: integration {integration['type']!r}.")
    integration_id = gateway.create_integration(
        ApiId=api_id,
        IntegrationType="AWS_PROXY",
        IntegrationMethod=integration["httpMethod"],
        IntegrationUri=resolve(integration["uri"]),
        PayloadFormatVersion=integration["payloadFormatVersion"],
    )["IntegrationId"]
    verb = "ANY" if method == _ANY_METHOD else method.upper()
    return {
        "RouteKey": "$default" if path == "/$default" else f"{verb} {path}",
        "Target": f"integrations/{integration_id}",
        **_authorization(operation, authorizers, where),
    }


def _authorization(
    operation: Mapping[str, Any], authorizers: Mapping[str, str], where: str
) -> dict[str, Any]:
    match operation.get("security", []):
        case [] | [{"NONE": []}]:
            return {"AuthorizationType": "NONE"}
        case [dict(requirement)] if len(requirement) == 1:
            name, scopes = next(iter(requirement.items()))
        case unknown:
            raise ImportFailedError(f"{where}: security {unknown!r}.")
    if name not in authorizers:
        raise ImportFailedError(f"{where}: there is no authorizer {name}.")
    authorization = {"AuthorizationType": "CUSTOM", "AuthorizerId": authorizers[name]}
    return authorization | ({"AuthorizationScopes": scopes} if scopes else {})


def _known(element: Mapping[str, Any], names: Collection[str], where: str) -> None:
    unknown = sorted(element.keys() - set(names))
    if unknown:
        raise ImportFailedError(
            f"{where}: stack/aws/http_api.py doesn't know {', '.join(unknown)}."
        )


class _Stack:
    """A deployed stack's processed template, and what its references stand for."""

    def __init__(self, aws: LocalAws, name: str) -> None:
        cloudformation: CloudFormationClient = aws.client("cloudformation")
        self._functions: LambdaClient = aws.client("lambda")
        # A dict or a string, depending on how the template was written.
        template: Any = cloudformation.get_template(
            StackName=name, TemplateStage="Processed"
        )["TemplateBody"]
        if isinstance(template, str):
            template = json.loads(template)
        self._resources: dict[str, Any] = template["Resources"]
        described = cloudformation.describe_stack_resources(StackName=name)
        self.physical_ids: dict[str, str] = {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for each in described["StackResources"]
        }

    def api(self) -> tuple[str, dict[str, Any]]:
        """Return the logical id and the body of the one HTTP API."""
        found = {
            logical_id: resource["Properties"]["Body"]
            for logical_id, resource in self._resources.items()
            if resource["Type"] == API
        }
        if len(found) != 1:
            raise ImportFailedError(
                f"The template has {len(found)} HTTP APIs; the stack serves one."
            )
        return next(iter(found.items()))

    def stages_of(self, api: str) -> list[dict[str, Any]]:
        """Return the properties of the stages of the API with logical id *api*."""
        return [
            resource["Properties"]
            for resource in self._resources.values()
            if resource["Type"] == STAGE
            and resource["Properties"]["ApiId"] == {"Ref": api}
        ]

    def resolve(self, value: Any) -> str:
        """Return what *value*, a string or an intrinsic function, stands for."""
        match value:
            case str():
                return value
            case {"Fn::GetAtt": [str(logical_id), "Arn"]}:
                return self._function_arn(logical_id)
            case {"Ref": str(logical_id)}:
                return self._alias_arn(logical_id)
            case {"Fn::Sub": str(text)}:
                return self._substitute(text, {})
            case {"Fn::Sub": [str(text), dict(names)]}:
                return self._substitute(text, names)
            case _:
                raise ImportFailedError(f"The body has {value!r}, not known here.")

    def _substitute(self, text: str, names: Mapping[str, Any]) -> str:
        def stands_for(match: re.Match[str]) -> str:
            name = match[1]
            if name in names:
                return self.resolve(names[name])
            if name == "AWS::Partition":
                return "aws"
            if name == "AWS::Region":
                return REGION
            if "." in name:
                return self.resolve({"Fn::GetAtt": name.split(".", 1)})
            return self.resolve({"Ref": name})

        return re.sub(r"\$\{([^}]+)\}", stands_for, text)

    def _alias_arn(self, logical_id: str) -> str:
        resource = self._resources.get(logical_id, {})
        if resource.get("Type") != "AWS::Lambda::Alias":
            raise ImportFailedError(f"{logical_id} is no alias of the template.")
        return self.physical_ids[logical_id]

    def _function_arn(self, logical_id: str) -> str:
        resource = self._resources.get(logical_id, {})
        if resource.get("Type") != "AWS::Lambda::Function":
            raise ImportFailedError(f"{logical_id} is not a function of the template.")
        name = self.physical_ids[logical_id]
        described = self._functions.get_function(FunctionName=name)
        return described["Configuration"]["FunctionArn"]
