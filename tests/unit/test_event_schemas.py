"""docs/events has a schema for each event that the product publishes, and no other."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from types import SimpleNamespace
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator, ValidationError

from masking.api.timeline_views import call_view
from masking.domain import (
    bus_events,
    erasures,
    plivo_events,
    session_changes,
    told_calls,
    transitions,
)
from masking.domain.bus_events import Event
from masking.domain.calls import no_call
from masking.domain.sessions import Session
from masking.storage.erasures import erasure_item
from masking.storage.recordings import recording_item
from masking.storage.timelines import callback_event_from
from masking.stream import item_events, pin_guessing
from stack.environments import ROOT
from tests.support.api_answers import API_ID, STORY, all_recordings, callback
from tests.support.event_schemas import FILES, TYPES, check_event
from tests.support.session_states import NOW, active, answered, reserved

KIND = re.compile(
    r"(session|call|pin|number|carrier|recording|reconciliation|erasure)\.[a-z_]+"
)

REPAIRS = (
    *("create_adopted", "create_closed", "create_abandoned", "update_checked"),
    *("ending_finished", "ended_late", "orphan_removed", "audited"),
)


WEBHOOKS = {
    "callback_url": "https://app.example.com/events",
    "recording_callback_url": "https://app.example.com/recordings",
}


# It goes to no webhook, though its schema would let it.
SPARE = {"recording.announced": {"webhook"}}

# Of no change of the table, and so without a place in its stream.
PLACELESS = {"recording.accessed"}

PLACE = "123456789012345678901"


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


def changed_sessions() -> Iterator[Event]:
    """Yield the events of a session's life, with and without a webhook."""
    asked = replace(active(), asked=WEBHOOKS)
    begun = transitions.begin_update(asked, {"record": True}, NOW)
    done = replace(
        transitions.finish_update(begun, None),
        answered={**begun.answered, "record": True},
    )
    over = transitions.expire(done, NOW)
    settled = transitions.settle(over, answered(), ["amount"], NOW + timedelta(hours=1))
    steps: list[tuple[Session | None, Session]] = [
        *((reserved(), active()), (reserved(), asked), (begun, done), (done, over)),
        (over, settled),
        *((over, transitions.note(over, what)) for what in REPAIRS),
        (begun, transitions.repaired(done, "update_checked")),
    ]
    for before, after in steps:
        kinds = session_changes.types_of_change(before, after)
        for kind in [*kinds, session_changes.PIN_CONFLICT]:
            yield bus_events.event_of_session(
                kind, after, "2026-03-01T12:00:00Z", before
            )


def told_by_callbacks() -> Iterator[Event]:
    """Yield the events of each of Plivo's, with and without call and webhook."""
    names = [*plivo_events.TYPE_OF_EVENT, "SessionSomethingNew", plivo_events.PIN]
    items = [callback(50 + number, name) for number, name in enumerate(names)]
    items += [
        callback(90 + number, plivo_events.PIN, PinAuthenticationStatus=status)
        for number, status in enumerate(("failed", "success", "AuthorizedCaller"))
    ]
    for item in items:
        for session in (active(), replace(active(), asked=WEBHOOKS)):
            for call in (None, *map(call_view, STORY.calls)):
                event = callback_event_from(item)
                made = bus_events.event_of_callback(event, session, call)
                if made and made.type == "number.replaced":
                    number = event.attributes
                    made = bus_events.with_numbers(made, number, "+12025550181")
                if made and made.type != told_calls.ENDED:
                    # The end of a call is told by what is known of the whole call.
                    yield made


def told_of_calls() -> Iterator[Event]:
    """Yield the end of each call and what comes with it, by either evidence."""
    kinds = (
        *((told_calls.ENDED, 0), (told_calls.CORRECTED, 1)),
        *((session_changes.REFUSED, 0), (session_changes.AFTER_END, 0)),
    )
    ends = (None, callback_event_from(callback(98, plivo_events.PARTIES_HANGUP)))
    for session in (active(), replace(active(), asked=WEBHOOKS)):
        for call in map(call_view, (*STORY.calls, no_call())):
            for (kind, turn), end in product(kinds, ends):
                yield bus_events.event_of_call(
                    kind, call, API_ID, session, turn=turn, callback=end
                )


def changed_recordings() -> Iterator[Event]:
    """Yield the events of each step of a recording, its session kept or gone."""
    sessions = (None, active(), replace(active(), asked=WEBHOOKS))
    for recording in all_recordings():
        # Plivo's own data told of it, so that each step is an event of ours.
        item = {**recording_item(recording), "source": "carrier"}
        for session in sessions:
            yield from _found(
                item_events.event_of_recording(
                    item, "2026-03-01T12:00:00Z", None, session
                )
            )
        yield bus_events.event_of_access(recording, "a-request", NOW)


class _Callbacks:
    """The store of a table that has counted five wrong PINs."""

    def count_wrong_pin(self, *_: object, **__: object) -> int:
        """Return the count."""
        return 5


def others() -> Iterator[Event]:
    """Yield the events of an erasure and of guessed PINs."""
    begun = erasures.request("acme", "a hash", NOW)
    done = erasures.close(begun, [dict.fromkeys(erasures.KINDS, 1)], NOW)
    key = {"pk": f"X#{begun.erasure_id}", "sk": "A#STATE"}
    before, after = ({**erasure_item(each, 0), **key} for each in (begun, done))
    yield from _found(item_events.event_of_erasure(before, after))
    hook = {"callback_url": "https://app.example.com/erased"}
    yield from _found(item_events.event_of_erasure(before, {**after, **hook}))
    item = callback(
        99, plivo_events.PIN, PinAuthenticationStatus="failed", From="12025550166"
    )
    stores = cast(Any, SimpleNamespace(callbacks=_Callbacks()))
    for session in (active(), replace(active(), asked=WEBHOOKS)):
        yield from _found(pin_guessing.after_callback(stores, b"key", 5, item, session))


def _found(event: Event | None) -> Iterator[Event]:
    if event:
        yield event


@pytest.fixture
def published() -> list[dict[str, Any]]:
    """Collect every kind of event as the bus has it."""
    made = (
        changed_sessions,
        told_by_callbacks,
        told_of_calls,
        changed_recordings,
        others,
    )
    events = [event for each in made for event in each()]
    return [
        each.detail()
        for event in events
        for each in bus_events.numbered(
            [event], None if event.type in PLACELESS else PLACE
        )
    ]


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
    assert schema["properties"]["type"] == {"const": kind}


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
