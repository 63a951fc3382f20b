"""Write the JSON Schema of every event that reaches the bus: ``docs/events/*.json``.

The files are what apps read; a test holds them and this module together, and another
validates what is really published. ``python -m stack.event_schemas`` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stack.environments import ROOT

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

_AMOUNT: Schema = {"type": "string", "description": "Decimal, US dollars."}

_SETTLED: Mapping[str, Schema] = {
    "changed": {
        "type": "array",
        "items": _TEXT,
        "description": "Names of what Plivo's final answer corrected.",
    },
    "amount": _AMOUNT,
    "total_call_amount": _AMOUNT,
    "total_call_count": _COUNT,
    "total_call_billed_duration": _COUNT,
    "total_session_amount": _AMOUNT,
}

_REPAIRED: Mapping[str, Schema] = {
    "repair": {
        "enum": [
            *("create_adopted", "create_closed", "create_abandoned"),
            *("update_checked", "ending_finished", "ended_late", "orphan_removed"),
        ],
        "description": "What the reconciler mended.",
    },
}

_RECORDING: Mapping[str, Schema] = {"recording_uuid": _TEXT}

# The call that a recording is of, as Plivo says beside the recording itself.
_RECORDED_CALL: Schema = {
    "type": "object",
    "description": "The recording's call; who called whom, and when it was recorded.",
    "additionalProperties": False,
    "properties": {
        "call_uuid": {"type": "string", "pattern": _UUID},
        "started_at": _TIME,
        "ended_at": _TIME,
        "from": {"enum": ["first", "second", "unknown"]},
        "to": {"enum": ["first", "second", "unknown"]},
    },
}

_AUDIO: Mapping[str, Schema] = {
    "format": {"enum": ["mp3", "wav"]},
    "duration": {**_COUNT, "description": "Seconds, where Plivo said."},
    "call": _RECORDED_CALL,
}

_FILE: Mapping[str, Schema] = {
    "bytes": _COUNT,
    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
}

_REASONS: Mapping[str, Schema] = {
    "reason": {
        "type": "string",
        "description": "A stable word; not_recorded is Plivo's own failure.",
    },
    "explanation": {"type": "string", "description": "The reason in words."},
}

# A callback tells it, or a change of ours: then without what callbacks have.
_TOLD_EITHER_WAY: Mapping[str, Schema] = {
    **_RECORDING,
    **_CALLBACK,
    **_AUDIO,
    "call": {"type": "object"},
}

_GUESSING: Mapping[str, Schema] = {
    "virtual_number": _or_null(_TEXT),
    "from": _NO_PERSON,
    "failures": {
        "type": "integer",
        "minimum": 2,
        "description": "Wrong PINs of this caller at this number in one day (UTC).",
    },
}

_OF_SESSION = ("session.created", "session.updated", "session.expired")
_OF_CALLBACK = (
    *("call.ringing", "call.started", "call.answered", "call.ended"),
    *("pin.failed", "pin.succeeded", "number.replaced", "carrier.unknown_event"),
)

# Not in every event of its kind.
_OPTIONAL = frozenset({"webhook", "call", "duration"})

# Nor these in an event of a recording, whose session may be gone before it.
_WITHOUT_SESSION = frozenset({"version", "labels"})

# What comes with a callback: all of it or nothing.
_WITH_CALLBACK = frozenset({"from", "to", "carrier_event", "callback"})

_OPTIONAL_IN: Mapping[str, frozenset[str]] = {
    "recording.announced": _WITHOUT_SESSION | _WITH_CALLBACK | {"format"},
    "recording.failed": _WITHOUT_SESSION | _WITH_CALLBACK | {"format", "explanation"},
    "recording.stored": _WITHOUT_SESSION,
    "recording.deleting": _WITHOUT_SESSION,
    # Of one that was never stored there is no file to tell of.
    "recording.deleted": _WITHOUT_SESSION | _FILE.keys(),
}

# The event of somebody's access is for the bus; it tells nothing of the session.
_NOT_IN: Mapping[str, frozenset[str]] = {
    "recording.accessed": _WITHOUT_SESSION | {"webhook"},
    # A person forgotten is of no session, and no app is told but by the bus.
    "erasure.completed": _WITHOUT_SESSION | {"webhook", "session_uuid"},
}

# A callback tells of the call as all callbacks do; a change of ours of its recording.
_EITHER_WAY: Schema = {
    "if": {"required": ["callback"]},
    "then": {"required": sorted(_WITH_CALLBACK), "properties": {"call": _CALL}},
    "else": {
        "properties": {
            **dict.fromkeys(sorted(_WITH_CALLBACK), False),
            "call": _RECORDED_CALL,
        },
    },
}


def schemas() -> dict[str, Schema]:
    """Give the schema of each type of event."""
    parts: dict[str, Mapping[str, Schema]] = {
        **dict.fromkeys(_OF_SESSION, _SESSION),
        "session.settled": {**_SESSION, **_SETTLED},
        "reconciliation.repaired": {**_SESSION, **_REPAIRED},
        **dict.fromkeys(_OF_CALLBACK, _CALLBACK),
        "pin.guessing": _GUESSING,
        "recording.announced": _TOLD_EITHER_WAY,
        "recording.failed": {**_TOLD_EITHER_WAY, **_REASONS},
        "recording.stored": {
            **_RECORDING,
            "bucket": _TEXT,
            "key": _TEXT,
            **_FILE,
            **_AUDIO,
        },
        "recording.deleting": _RECORDING,
        "recording.deleted": {**_RECORDING, **_FILE},
        "erasure.completed": {
            "erasure_id": {"type": "string", "pattern": _UUID},
            "requested_at": _TIME,
            "found": {
                "type": "object",
                "description": "How many of each kind; held recordings were kept.",
                "additionalProperties": _COUNT,
            },
        },
        "recording.accessed": {
            **_RECORDING,
            "request_id": {
                "type": "string",
                "description": "The id of the request that was answered with a link.",
            },
        },
    }
    return {name: _schema(name, properties) for name, properties in parts.items()}


def _schema(name: str, properties: Mapping[str, Schema]) -> Schema:
    everything = {**_COMMON, "type": {"const": name}, **properties}
    for absent in _NOT_IN.get(name, frozenset()):
        del everything[absent]
    optional = _OPTIONAL | _OPTIONAL_IN.get(name, frozenset())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        "type": "object",
        "additionalProperties": False,
        "required": sorted(everything.keys() - optional),
        "properties": everything,
        **(_EITHER_WAY if _WITH_CALLBACK & optional else {}),
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
