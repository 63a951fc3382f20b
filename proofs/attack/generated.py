"""Requests that schemathesis generates from openapi.yaml, each wrong in some place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from requests import Request, RequestException
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation

from proofs.attack.bad_requests import BadRequest
from proofs.attack.target import VICTIM, Target
from stack import yaml_files
from stack.environments import ROOT

# Headers are not generated: a request without a key is another kind.
GENERATED = (ParameterLocation.BODY, ParameterLocation.QUERY, ParameterLocation.PATH)


def requests(target: Target, most: int, dice: int) -> Iterator[BadRequest]:
    """Generate about *most* requests, equally many for each route of an app."""
    document: dict[str, Any] = yaml_files.load(ROOT / "openapi.yaml")
    schema = schemathesis.openapi.from_dict(document)
    operations: list[Any] = [found.ok() for found in _all_of(schema)]
    # Of an open route everything is right: Plivo's are another kind, and the health
    # takes nothing.
    asked = [each for each in operations if not _is_open(document, each)]
    for operation in asked:
        for case in _cases(operation, most // len(asked), dice):
            group = f"{operation.method} {operation.path}"
            yield from _request(target, case, group)


def _is_open(document: dict[str, Any], operation: Any) -> bool:
    described = document["paths"][operation.path][operation.method.lower()]
    return bool(described.get("security") == [])


def _all_of(schema: Any) -> Iterator[Any]:
    yield from schema.get_all_operations()


def _cases(operation: Any, most: int, dice: int) -> list[Any]:
    cases: list[Any] = []

    @seed(dice)
    @settings(
        max_examples=most,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def collect(case: Any) -> None:
        modes = {
            component.mode
            for place, component in case.meta.components.items()
            if place in GENERATED
        }
        if GenerationMode.NEGATIVE in modes:
            cases.append(case)

    collect()
    return cases


def _request(target: Target, case: Any, group: str) -> Iterator[BadRequest]:
    origin = target.stack.addresses.api_url
    try:
        made = Request(**case.as_transport_kwargs(base_url=origin)).prepare()
    except (ValueError, RequestException):
        # No HTTP client would send it.
        return
    body: Any = made.body or b""
    headers = {
        "authorization": f"Bearer {target.keys[VICTIM]}",
        "content-type": str(made.headers.get("Content-Type", "application/json")),
    }
    content = body.encode() if isinstance(body, str) else bytes(body)
    yield BadRequest(
        "generated",
        str(made.method),
        str(made.path_url),
        headers,
        content,
        group=group,
    )
