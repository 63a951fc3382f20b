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


def without_references(schema: Any) -> Any:
    """Return *schema* with each reference replaced by what it refers to."""
    if isinstance(schema, list):
        return [without_references(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    beside = {name: each for name, each in schema.items() if name != "$ref"}
    if "$ref" not in schema:
        return {name: without_references(each) for name, each in beside.items()}
    shared = FILES[SHARED]["$defs"][schema["$ref"].rpartition("/")[2]]
    if beside.keys() <= {"description", "examples", "title", "$schema"}:
        return without_references({**shared, **beside})
    # What is said beside it holds as well.
    whole = {**beside, "allOf": [shared, *beside.get("allOf", [])]}
    return without_references(whole)


def check_event(event: dict[str, Any]) -> None:
    """Validate an event by its type. Raises jsonschema's ValidationError."""
    Draft202012Validator(
        FILES[f"{event['type']}.json"], registry=_REGISTRY, format_checker=FORMATS
    ).validate(event)
