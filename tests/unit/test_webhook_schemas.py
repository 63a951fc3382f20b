"""openapi.yaml describes events as webhooks bring them, docs/events as the bus does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import ValidationError

from masking.domain import deliveries
from tests.support import published_events
from tests.support.api_document import DOCUMENT, check, resolved
from tests.support.event_schemas import (
    FILES,
    TYPES,
    check_event,
    without_references,
)

# What is for the bus alone: what hands recordings on, and who was given one.
BUS_ALONE = {"recording.announced", "recording.accessed"}

# What an event has on the bus, where others than its tenant listen.
OF_THE_BUS = {"tenant_id", "webhook"}

WEBHOOKS: dict[str, Any] = {
    name: each["post"] for name, each in resolved(DOCUMENT["webhooks"]).items()
}


def schema_of(kind: str) -> Any:
    """Return the schema of a webhook."""
    content = WEBHOOKS[kind]["requestBody"]["content"]
    return content["application/json"]["schema"]


@pytest.fixture(scope="module")
def published() -> list[dict[str, Any]]:
    """Collect every kind of event as the bus has it."""
    return published_events.details()


def sent(published: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the events that go to an app, as it gets them."""
    for each in published:
        if each["type"] not in BUS_ALONE and "webhook" in each:
            yield json.loads(deliveries.payload_of(each))


def test_every_event_but_those_of_the_bus_is_a_webhook() -> None:
    assert set(WEBHOOKS) == TYPES - BUS_ALONE


def test_what_is_sent_is_as_documented(published: list[dict[str, Any]]) -> None:
    kinds = set()
    for event in sent(published):
        check(schema_of(event["type"]), event)
        kinds.add(event["type"])

    assert kinds == set(WEBHOOKS)


def test_each_channel_refuses_what_the_other_has(
    published: list[dict[str, Any]],
) -> None:
    for detail in published:
        if detail["type"] not in BUS_ALONE:
            with pytest.raises(ValidationError):
                check(schema_of(detail["type"]), detail)
    for event in sent(published):
        with pytest.raises(ValidationError):
            check_event(event)


def test_a_webhook_holds_nothing_that_no_schema_knows(
    published: list[dict[str, Any]],
) -> None:
    for event in sent(published):
        with pytest.raises(ValidationError):
            check(schema_of(event["type"]), {**event, "unknown": 1})


def parts(schema: Any) -> Iterator[Any]:
    """Yield a schema and all that holds at the same place."""
    yield schema
    for word in ("allOf", "oneOf"):
        for each in schema.get(word, []):
            yield from parts(each)
    for word in ("then", "else"):
        if word in schema:
            yield from parts(schema[word])


def attributes(schema: Any) -> dict[str, Any]:
    """Return the attributes that an event may have."""
    return {
        k: v for each in parts(schema) for k, v in each.get("properties", {}).items()
    }


@pytest.mark.parametrize("kind", sorted(WEBHOOKS))
def test_both_channels_have_the_same_attributes(kind: str) -> None:
    of_the_bus = attributes(without_references(FILES[f"{kind}.json"]))

    assert attributes(schema_of(kind)).keys() == of_the_bus.keys() - OF_THE_BUS


@pytest.mark.parametrize("kind", sorted(WEBHOOKS))
def test_both_channels_describe_an_event_alike(kind: str) -> None:
    of_the_bus = without_references(FILES[f"{kind}.json"])
    said = attributes(of_the_bus)

    assert words(schema_of(kind)["description"]) >= words(of_the_bus["description"])
    for name, each in attributes(schema_of(kind)).items():
        assert each.get("minimum") == said[name].get("minimum"), name


def words(text: str) -> set[str]:
    """Return the words of a description."""
    return set(re.findall(r"\w+", text))


@pytest.mark.parametrize("kind", sorted(WEBHOOKS))
def test_an_example_is_of_its_event(kind: str) -> None:
    content = WEBHOOKS[kind]["requestBody"]["content"]["application/json"]

    for example in content["examples"].values():
        assert example["value"]["type"] == kind


def test_the_pauses_between_tries_are_told() -> None:
    told = DOCUMENT["components"]["responses"]["WebhookRetried"]["description"]
    shown = [f"{seconds} s" for seconds in deliveries.PAUSES if seconds < 60]
    shown += [f"{s // 60} min" for s in deliveries.PAUSES if 60 <= s < 3600]
    shown += [f"{s // 3600} h" for s in deliveries.PAUSES if s >= 3600]

    assert ", ".join(shown[:-1]) + f" and {shown[-1]}" in " ".join(told.split())
    assert "24 hours" in " ".join(told.split())
