"""Write the JSON Schema of every event that reaches the bus: ``docs/events/*.json``.

The files are what apps read; a test holds them and this module together, and another
validates what is really published. ``python -m local.event_schemas`` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.environments import ROOT

FOLDER = ROOT / "docs" / "events"

Schema = dict[str, Any]

_UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_TIME: Schema = {"type": "string", "format": "date-time"}
_NO_PERSON: Schema = {"enum": ["first", "second", "unknown", None]}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}

_COMMON: Mapping[str, Schema] = {
    "id": {
        "type": "string",
        "pattern": _UUID,
        "description": "The same however often the event is sent.",
    },
    "type": _TEXT,
    "occurred_at": _TIME,
    "session_uuid": {"type": "string", "pattern": _UUID},
    "tenant_id": {
        "type": "string",
        "description": "On the bus alone; a webhook goes to its tenant anyway.",
    },
    "version": {
        "type": "integer",
        "minimum": 1,
        "description": "The session's version when this was published.",
    },
    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    "webhook": {
        "enum": ["callback_url", "recording_callback_url"],
        "description": "On the bus alone: the session's URL that this is sent to.",
    },
}

_SESSION: Mapping[str, Schema] = {
    "carrier_session_uuid": _or_null(_TEXT),
    "virtual_number": _or_null(_TEXT),
    "expiry_time": _or_null(_TIME),
}

_CALL: Schema = {
    "type": "object",
    "description": "The call as far as is known; see docs/events.md.",
    "additionalProperties": False,
    "required": ["ordinal", "certainty", "outcome", "caller", "callee"],
    "properties": {
        "ordinal": {
            "type": "integer",
            "minimum": 1,
            "description": "Provisional until the certainty is settled.",
        },
        "certainty": {"enum": ["certain", "inferred", "settled"]},
        "caller": _NO_PERSON,
        "callee": _NO_PERSON,
        "outcome": {
            "enum": [
                *("started", "ringing", "talking", "connected", "pin_failed"),
                *("busy", "rejected", "no_answer", "cancelled", "failed"),
            ]
        },
        "started_at": _or_null(_TIME),
        "answered_at": _or_null(_TIME),
        "ended_at": _or_null(_TIME),
        "ring_seconds": _or_null(_COUNT),
        "talk_seconds": _COUNT,
        "pin": {
            "type": ["object", "null"],
            "additionalProperties": False,
            "properties": {
                "outcome": {"enum": ["success", "failed", "authorized"]},
                "tries": _COUNT,
            },
        },
        "hung_up_by": _NO_PERSON,
        "hangup_cause": _or_null(_TEXT),
        "hangup_code": _or_null({"type": "integer"}),
        "hangup_meaning": _or_null(_TEXT),
        "billed_seconds": _or_null(_COUNT),
        "amount": _or_null({"type": "string", "description": "Decimal, US dollars."}),
        "recordings": {"type": "array", "items": _TEXT},
    },
}

# What Plivo tells of people, and where audio is that anybody may fetch.
_NEVER = (
    *("From", "To", "FirstParty", "SecondParty", "Digits", "Pin"),
    *("RecordingURL", "RecordingResourceURL"),
)

_CALLBACK: Mapping[str, Schema] = {
    "from": _NO_PERSON,
    "to": _NO_PERSON,
    "callback": {
        "type": "string",
        "pattern": "^[0-9a-f]{64}$",
        "description": "The event_id of the callback in the session's history.",
    },
    "carrier_event": {
        "type": "object",
        "description": "Plivo's attributes, without people's numbers and addresses.",
        "required": ["EventName"],
        "properties": dict.fromkeys(_NEVER, False),
        "additionalProperties": {"type": "string"},
    },
    "call": _CALL,
}

_ANNOUNCED: Mapping[str, Schema] = {"recording_uuid": _TEXT}

_STORED: Mapping[str, Schema] = {
    "recording_uuid": _TEXT,
    "bucket": _TEXT,
    "key": _TEXT,
    "format": {"enum": ["mp3", "wav"]},
    "bytes": _COUNT,
    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "duration": _COUNT,
}

_OF_SESSION = ("session.created", "session.updated", "session.expired")
_OF_CALLBACK = (
    *("call.ringing", "call.started", "call.answered", "call.ended"),
    *("pin.failed", "pin.succeeded", "number.replaced", "carrier.unknown_event"),
)
_OF_RECORDING = ("recording.announced", "recording.failed")

# Not in every event of its kind.
_OPTIONAL = {"webhook", "call", "duration"}


def schemas() -> dict[str, Schema]:
    """Give the schema of each type of event."""
    parts: dict[str, Mapping[str, Schema]] = {
        **dict.fromkeys(_OF_SESSION, _SESSION),
        **dict.fromkeys(_OF_CALLBACK, _CALLBACK),
        **{name: {**_CALLBACK, **_ANNOUNCED} for name in _OF_RECORDING},
        "recording.stored": _STORED,
    }
    return {name: _schema(name, properties) for name, properties in parts.items()}


def _schema(name: str, properties: Mapping[str, Schema]) -> Schema:
    everything = {**_COMMON, "type": {"const": name}, **properties}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        "type": "object",
        "additionalProperties": False,
        "required": sorted(everything.keys() - _OPTIONAL),
        "properties": everything,
    }


def text_of(schema: Schema) -> str:
    """Write a schema as its file has it."""
    return json.dumps(schema, indent=2) + "\n"


def main(folder: Path = FOLDER) -> None:
    """Write the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (folder / f"{name}.json").write_text(text_of(schema))


if __name__ == "__main__":
    main()
