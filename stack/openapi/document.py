"""Put the routes of `template.yaml` and what is known of their functions together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from masking.core.problems import ProblemError
from stack.aws.package import read_template
from stack.openapi.histories import DELIVERY_ID
from stack.openapi.operations import OPERATIONS, Operation
from stack.openapi.schemas import components
from stack.openapi.shapes import component

HEADER = "# Written by `make openapi` from the models and template.yaml. Don't edit.\n"

# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop.html
GATEWAY: Mapping[int, str] = {
    401: "No key was sent",
    403: "The key opens nothing",
    404: "No such route",
    413: "The body is over 10 MB",
    429: "Too many requests",
    500: "A function failed",
    503: "A function took longer than 30 s",
}

# What only a client's mistake in the URL can bring about is the same for all routes.
OF_A_ROUTE = (401, 403, 429, 500, 503)

SCOPE = re.compile(r'@route\(scope=(?:"([a-z:]+)"|None)')

PARAMETERS: Mapping[str, dict[str, Any]] = {
    "session_uuid": {"type": "string", "format": "uuid"},
    "recording_uuid": {"type": "string", "format": "uuid"},
    "erasure_id": {"type": "string", "format": "uuid"},
    "attempt": {"type": "integer", "minimum": 1, "maximum": 999_999},
    "token": {"type": "string", "pattern": "^[A-Za-z0-9_-]{24}$"},
    "id": DELIVERY_ID,
}


class UndescribedRouteError(Exception):
    """A route of the template has no entry in `stack/openapi/operations.py`."""


@dataclass(frozen=True)
class Route:
    """A route of the template: *function* is the folder, *scope* what a key needs."""

    method: str
    path: str
    function: str
    scope: str | None


def routes(root: Path) -> Iterator[Route]:
    """Give the routes of the template below *root*, in its order."""
    for resource in read_template(root / "template.yaml")["Resources"].values():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        folder = resource["Properties"]["CodeUri"]
        for event in resource["Properties"].get("Events", {}).values():
            if event["Type"] == "HttpApi":
                where = event["Properties"]
                source = (root / folder / "app.py").read_text()
                scope = SCOPE.search(source)
                yield Route(
                    where["Method"].lower(),
                    where["Path"],
                    Path(folder).name,
                    scope[1] if scope else None,
                )


def build(root: Path) -> dict[str, Any]:
    """Build the document. Raises UndescribedRouteError."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes(root):
        described = OPERATIONS.get(route.function)
        if described is None:
            message = f"{route.function} needs an entry in stack/openapi/operations.py"
            raise UndescribedRouteError(message)
        paths.setdefault(route.path, {})[route.method] = _operation(route, described)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Maskline",
            "version": "1",
            "summary": "Number masking that a team owns.",
            "description": (
                "Two people call each other through a virtual number and never learn "
                "each other's. Attributes are those of Plivo's masking API, with clean "
                "types. Errors are problem documents with a stable `code`."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": components(),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of a tenant, with scopes.",
                }
            },
        },
    }


def written(document: Mapping[str, Any]) -> str:
    """Write the document as YAML."""

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, _data: Any) -> bool:
            return True

        def represent_str(self, data: str) -> yaml.ScalarNode:
            return super().represent_scalar(
                "tag:yaml.org,2002:str", data, "|" if "\n" in data else None
            )

    Dumper.add_representer(str, Dumper.represent_str)

    return HEADER + yaml.dump(
        dict(document), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=88
    )


def _operation(route: Route, described: Operation) -> dict[str, Any]:
    # Plivo may call back by either method; the same function takes both.
    by_get = "_by_get" if route.scope is None and route.method == "get" else ""
    operation: dict[str, Any] = {
        "operationId": route.function + by_get,
        "summary": described.summary,
        "tags": [described.tag],
    }
    if route.scope:
        operation["description"] = f"Needs the scope `{route.scope}`."
    else:
        operation["security"] = []
    parameters = [*_in_path(route.path), *described.parameters]
    if parameters:
        operation["parameters"] = parameters
    if described.body:
        schema = component(described.body)
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    elif route.scope is None and not by_get:
        taken = {} if described.takes_anything else {"type": "object"}
        operation["requestBody"] = {
            "content": {
                "application/x-www-form-urlencoded": {"schema": taken},
                "application/json": {"schema": taken},
            }
        }
    operation["responses"] = dict(_responses(route, described))
    return operation


def _in_path(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{([a-z_]+)}", path):
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "schema": PARAMETERS[name],
        }


def _responses(
    route: Route, described: Operation
) -> Iterator[tuple[str, dict[str, Any]]]:
    for status, answer in described.answers.items():
        response: dict[str, Any] = {"description": answer.text}
        if answer.headers:
            response["headers"] = {
                name: {"description": text, "schema": {"type": "string"}}
                for name, text in answer.headers.items()
            }
        if answer.schema is not None:
            response["content"] = {answer.media: {"schema": answer.schema}}
        yield str(status), response
    by_status: dict[int, list[type[ProblemError]]] = {}
    for problem in described.problems:
        by_status.setdefault(int(problem.status), []).append(problem)
    gateway = [s for s in OF_A_ROUTE if route.scope or s not in (401, 403)]
    if described.body or route.scope is None:
        gateway.append(413)
    for status in sorted({*by_status, *gateway}):
        yield str(status), _refusal(by_status.get(status, []), GATEWAY.get(status))


def _refusal(problems: list[type[ProblemError]], gateway: str | None) -> dict[str, Any]:
    lines = [f"- `{each.code}`: {each.detail}" for each in problems]
    content: dict[str, Any] = {}
    if problems:
        codes = [each.code for each in problems]
        schema = {
            "allOf": [component("Problem")],
            "properties": {"code": {"enum": codes}},
        }
        content["application/problem+json"] = {"schema": schema}
    if gateway:
        lines.append(f"- {gateway} (API Gateway's own answer).")
        content["application/json"] = {"schema": component("GatewayMessage")}
    retried = any(int(each.status) in (409, 503) for each in problems)
    response: dict[str, Any] = {"description": "\n".join(lines), "content": content}
    if retried:
        response["headers"] = {
            "Retry-After": {
                "description": "Seconds, where waiting helps.",
                "schema": {"type": "integer", "minimum": 1},
            }
        }
    return response
