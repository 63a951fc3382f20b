"""Read openapi.yaml, and compare answers with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from stack import yaml_files
from stack.environments import ROOT

FILE = "openapi.yaml"

DOCUMENT: dict[str, Any] = yaml_files.load(ROOT / FILE)
SCHEMAS: Mapping[str, Any] = DOCUMENT["components"]["schemas"]

FORMATS = FormatChecker()

_REGISTRY: Registry[Any] = Registry().with_resource(
    FILE, Resource.from_contents(DOCUMENT, default_specification=DRAFT202012)
)


@FORMATS.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or bool(datetime.fromisoformat(value).tzinfo)


def resolved(node: Any) -> Any:
    """Return *node* with each reference replaced by what it refers to."""
    if isinstance(node, list):
        return [resolved(each) for each in node]
    if not isinstance(node, dict):
        return node
    beside = {name: each for name, each in node.items() if name != "$ref"}
    if "$ref" in node:
        _, _, kind, name = node["$ref"].split("/")
        return resolved({**DOCUMENT["components"][kind][name], **beside})
    return {name: resolved(each) for name, each in beside.items()}


# Each operation by its id, without references.
OPERATIONS: Mapping[str, Any] = {
    operation["operationId"]: resolved(operation)
    for methods in DOCUMENT["paths"].values()
    for operation in methods.values()
}


def codes_in(response: Mapping[str, Any]) -> list[str]:
    """List the codes that a response may have: it has an example of each."""
    problem = response.get("content", {}).get("application/problem+json", {})
    return list(problem.get("examples", {}))


def check(schema: Mapping[str, Any], value: object) -> None:
    """Validate *value*. Raises jsonschema's ValidationError."""
    Draft202012Validator(schema, registry=_REGISTRY, format_checker=FORMATS).validate(
        value
    )


def check_component(name: str, value: object) -> None:
    """Validate *value* against a schema of the document, by its name."""
    check({"$ref": f"{FILE}#/components/schemas/{name}"}, value)


def check_answer(operation_id: str, answer: Mapping[str, Any]) -> None:
    """Compare what a handler answered with the operation's documented response."""
    response = OPERATIONS[operation_id]["responses"][str(answer["statusCode"])]
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    assert headers.keys() >= {
        name.lower() for name in response.get("headers", {}) if name != "Retry-After"
    }
    if "content" not in response:
        assert not answer.get("body")
        return
    media = headers["content-type"].partition(";")[0]
    body = answer["body"]
    shown = json.loads(body) if media.endswith("json") else body
    check(response["content"][media]["schema"], shown)
    if media == "application/problem+json":
        assert shown["code"] in codes_in(response)
