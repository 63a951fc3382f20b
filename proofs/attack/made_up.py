"""Requests that schemathesis makes up from openapi.yaml, each wrong in some place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation

from proofs.attack.shots import Shot
from proofs.attack.target import VICTIM, Target
from stack.environments import ROOT

# Ours is no part of what is made up: a request without a key is another kind.
MADE = (ParameterLocation.BODY, ParameterLocation.QUERY, ParameterLocation.PATH)


def shots(target: Target, most: int, dice: int) -> Iterator[Shot]:
    """Make up about *most* requests, equally many for each route of an app."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "openapi.yaml").read_text())
    schema = schemathesis.openapi.from_dict(document)
    operations: list[Any] = [found.ok() for found in _all_of(schema)]
    asked = [each for each in operations if "/plivo/" not in each.path]
    for operation in asked:
        for case in _cases(operation, most // len(asked), dice):
            yield from _shot(target, case)


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
            if place in MADE
        }
        if GenerationMode.NEGATIVE in modes:
            cases.append(case)

    collect()
    return cases


def _shot(target: Target, case: Any) -> Iterator[Shot]:
    origin = target.stack.addresses.api_url
    try:
        made = requests.Request(**case.as_transport_kwargs(base_url=origin)).prepare()
    except (ValueError, requests.RequestException):
        # No HTTP client would send it.
        return
    body: Any = made.body or b""
    headers = {
        "authorization": f"Bearer {target.keys[VICTIM]}",
        "content-type": str(made.headers.get("Content-Type", "application/json")),
    }
    content = body.encode() if isinstance(body, str) else bytes(body)
    yield Shot("made up", str(made.method), str(made.path_url), headers, content)
