"""docs/events has a schema for each event that the product publishes, and no other."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from masking.domain import plivo_events
from stack.environments import ROOT
from tests.support import published_events
from tests.support.event_schemas import FILES, TYPES, check_event
from tests.support.published_events import PLACELESS

KIND = re.compile(
    r"(session|call|pin|number|carrier|recording|reconciliation|erasure)\.[a-z_]+"
)

# It goes to no webhook, though its schema would let it.
SPARE = {"recording.announced": {"webhook"}}


def named_in_the_product() -> set[str]:
    """Return what looks like the type of an event in the source of the product."""
    return {
        node.value
        for path in (ROOT / "layers" / "masking" / "masking").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and KIND.fullmatch(node.value)
    }


@pytest.fixture
def published() -> list[dict[str, Any]]:
    """Collect every kind of event as the bus has it."""
    return published_events.details()


@pytest.fixture
def shapes(published: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Collect one event of each type with each set of properties."""
    return list({(each["type"], *sorted(each)): each for each in published}.values())


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_is_valid_json_schema(name: str) -> None:
    Draft202012Validator.check_schema(FILES[name])


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_a_schema_is_of_the_type_that_its_file_is_named_after(kind: str) -> None:
    schema = FILES[f"{kind}.json"]

    assert schema["title"] == kind
    assert schema["properties"]["type"]["const"] == kind


def test_every_event_that_the_product_names_has_a_schema() -> None:
    assert named_in_the_product() == TYPES


def test_every_event_that_has_a_schema_is_described() -> None:
    text = (ROOT / "docs" / "events.md").read_text()

    assert [kind for kind in sorted(TYPES) if f"`{kind}`" not in text] == []


def test_every_event_is_as_its_schema_says(published: list[dict[str, Any]]) -> None:
    for event in published:
        check_event(event)

    assert {event["type"] for event in published} == TYPES


def test_every_property_of_a_schema_is_published(
    published: list[dict[str, Any]],
) -> None:
    for kind in TYPES:
        seen = {name for each in published if each["type"] == kind for name in each}

        spare = SPARE.get(kind, set()) | ({"sequence"} if kind in PLACELESS else set())
        assert set(properties_in(FILES[f"{kind}.json"])) - seen <= spare


def properties_in(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the properties that an event may have, of what it refers to as well."""
    yield from schema.get("properties", {})
    for each in (schema, *schema.get("allOf", [])):
        if "$ref" in each:
            shared = FILES["definitions.json"]["$defs"]
            yield from properties_in(shared[each["$ref"].rpartition("/")[2]])


def test_what_no_schema_knows_is_refused(shapes: list[dict[str, Any]]) -> None:
    for event in shapes:
        with pytest.raises(ValidationError, match="unknown"):
            check_event({**event, "unknown": 1})
        if "call" in event:
            with pytest.raises(ValidationError, match="unknown"):
                check_event({**event, "call": {**event["call"], "unknown": 1}})


def test_what_a_schema_requires_may_not_be_missing(
    shapes: list[dict[str, Any]],
) -> None:
    for event in shapes:
        for name in ("id", "type", "occurred_at", "tenant_id"):
            lacking = copy.copy(event)
            del lacking[name]
            with pytest.raises((ValidationError, KeyError)):
                check_event(lacking)


@pytest.mark.parametrize(
    "name",
    sorted(plivo_events.PERSONAL | plivo_events.ADDRESSES),
)
def test_what_names_a_person_or_leads_to_audio_is_refused(
    shapes: list[dict[str, Any]], name: str
) -> None:
    told = [event for event in shapes if "carrier_event" in event]

    assert told
    for event in told:
        with pytest.raises(ValidationError):
            check_event({**event, "carrier_event": {"EventName": "x", name: "y"}})


def test_only_what_a_callback_told_has_what_callbacks_have(
    shapes: list[dict[str, Any]],
) -> None:
    kinds = ("recording.announced", "recording.failed")
    ours = [e for e in shapes if e["type"] in kinds and "callback" not in e]

    assert {event["type"] for event in ours} == set(kinds)
    for event in ours:
        for name in ("from", "to", "carrier_event"):
            with pytest.raises(ValidationError):
                check_event({**event, name: None})
