"""What a parked change holds, and the change that is rebuilt from it."""

from __future__ import annotations

import ast
import inspect
import json
from typing import Any

from masking.core import key_space
from masking.domain.bus_events import Event, event_in
from masking.storage import session_items
from masking.storage.table import read_item, written_item
from masking.stream import parked_changes

KEY = b"k" * 32
OLD, NEW, OTHER = "+12025550101", "+12025550102", "+12025550103"

LEFT_OUT = {"pk", "sk", "request_hash"}


def record(before: dict[str, Any] | None, after: dict[str, Any]) -> dict[str, Any]:
    """Return a record of the stream that a state changed."""
    key = {"pk": "S#1", "sk": key_space.STATE}
    return {
        "dynamodb": {
            "Keys": written_item(key),
            "NewImage": written_item({**key, **after}),
            **({"OldImage": written_item({**key, **before})} if before else {}),
            "SequenceNumber": "17",
        }
    }


def rebuilt(
    before: dict[str, Any], after: dict[str, Any], settings: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Park a change and rebuild it, the session being as *settings* by then."""
    parked = parked_changes.parked_of(record(before, after), "KeyError", KEY)
    again = parked_changes.record_of(json.loads(json.dumps(parked)), {}, settings, KEY)[
        "dynamodb"
    ]
    return read_item(again["OldImage"]), read_item(again["NewImage"])


def test_every_field_of_a_state_is_parked_or_left_out_on_purpose() -> None:
    tree = ast.parse(inspect.getsource(session_items.state_item))
    names = {
        key.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }

    assert names == parked_changes.STATE_FIELDS | LEFT_OUT


def test_a_value_that_is_still_so_is_put_back_and_one_that_was_is_none_of_it() -> None:
    was, now = rebuilt(
        {"answered": {"second_party": OLD, "duration": 60}},
        {"answered": {"second_party": NEW, "duration": 90}},
        {"second_party": NEW},
    )

    assert now["answered"] == {"second_party": NEW, "duration": 90}
    assert was["answered"]["duration"] == 60
    assert was["answered"]["second_party"] not in (OLD, NEW)


def test_a_value_that_did_not_change_is_equal_in_both_whatever_it_is_now() -> None:
    was, now = rebuilt(
        {"answered": {"second_party": OLD, "callback_url": "https://a.example"}},
        {"answered": {"second_party": OLD, "callback_url": "https://a.example"}},
        {"second_party": OTHER, "callback_url": "https://b.example"},
    )

    assert was["answered"] == now["answered"]
    assert now["answered"]["second_party"] == OTHER


def test_a_value_that_came_and_went_has_still_changed() -> None:
    was, now = rebuilt(
        {"answered": {"second_party": OLD}},
        {"answered": {"second_party": NEW}},
        {"second_party": OLD},
    )

    assert was["answered"] != now["answered"]


def test_what_an_update_was_to_change_is_known_by_the_state_after_it() -> None:
    changes = {"second_party": NEW, "record": True, "session_expiry": 60}
    was, now = rebuilt(
        {"answered": {}, "pending": {"changes": changes, "lease_until": "x"}},
        {"answered": {"second_party": NEW, "record": True}},
        {"second_party": NEW, "record": True},
    )

    assert was["pending"]["changes"] == changes
    assert "pending" not in now


def test_no_text_of_an_attribute_is_parked() -> None:
    after = {
        "answered": {"first_party": OLD, "x": {"y": [NEW]}, "unset": None},
        "pending": {"changes": {"labels": {"a": OTHER}}, "lease_until": "x"},
        "note": OLD,
    }

    text = json.dumps(parked_changes.parked_of(record(None, after), "KeyError", KEY))

    assert not [number for number in (OLD, NEW, OTHER) if number[1:] in text]


def test_of_a_callback_nothing_is_parked_but_its_key() -> None:
    change = record(None, {"attributes": {"From": OLD}})
    change["dynamodb"]["Keys"]["sk"] = {"S": "E#abc"}

    parked = parked_changes.parked_of(change, "KeyError", KEY)

    assert parked.keys() == {"pk", "sk", "reason", "was", "place"}


def test_of_a_recording_its_address_at_plivo_is_not_parked() -> None:
    image = {"status": "failed", "failures": 2, "url": "https://media.example/a.mp3"}
    change = record({"status": "announced"}, image)
    change["dynamodb"]["Keys"]["sk"] = {"S": "R#abc"}

    parked = parked_changes.parked_of(change, "KeyError", KEY)

    assert read_item(parked["new"]) == {"status": "failed", "failures": 2}
    assert read_item(parked["old"]) == {"status": "announced"}


def test_an_event_is_the_same_after_it_was_parked() -> None:
    event = Event("call.ended", "1", "t", "s", "acme", {"a": 1}, "callback_url", "0017")

    parked = parked_changes.parked_of(record(None, {}), "Down", KEY, [event])

    assert [event_in(each) for each in parked["events"]] == [event]


def test_events_that_no_message_can_hold_are_left_to_the_table() -> None:
    event = Event("call.ended", "1", "t", "s", "acme", {"a": "x" * 260_000})

    parked = parked_changes.parked_of(record(None, {}), "EventTooLarge", KEY, [event])

    assert "events" not in parked
    assert len(json.dumps(parked)) < parked_changes.MOST_BYTES
