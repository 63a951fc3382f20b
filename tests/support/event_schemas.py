"""Read the schemas of events in docs/events, and compare events with them."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from stack.environments import ROOT
from tests.support.api_document import FORMATS

FOLDER = ROOT / "docs" / "events"

# What the schemas share; they refer to it by the name of its file.
SHARED = "definitions.json"

FILES: dict[str, Any] = {
    path.name: json.loads(path.read_text()) for path in FOLDER.glob("*.json")
}
TYPES = {name.removesuffix(".json") for name in FILES if name != SHARED}

_REGISTRY: Registry[Any] = Registry().with_resource(
    SHARED, Resource.from_contents(FILES[SHARED])
)


def check_event(event: dict[str, Any]) -> None:
    """Validate an event by its type. Raises jsonschema's ValidationError."""
    Draft202012Validator(
        FILES[f"{event['type']}.json"], registry=_REGISTRY, format_checker=FORMATS
    ).validate(event)
