"""Describe requests and answers as JSON Schema, from the product's own models.

Requests come from the models that check them. The session comes from the view that
writes it: an attribute has the type that a create takes, and null where the view has
no default. What only Plivo adds is listed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from masking.api import request_models, session_pages, session_views
from masking.api.search_requests import Search
from masking.core import problems
from masking.plivo.errors import CarrierError
from stack.openapi import erasures, histories, recordings
from stack.openapi.shapes import (
    COUNT,
    MONEY,
    NUMBER,
    TEXT,
    TIME,
    UUID,
    Schema,
    component,
    envelope,
    nullable,
    whole,
)

# Attributes of a session that no request has.
ADDED: Mapping[str, Schema] = {
    "amount": MONEY,
    "total_call_amount": MONEY,
    "total_call_count": COUNT,
    "total_call_billed_duration": COUNT,
    "total_session_amount": MONEY,
    "last_interaction_time": TIME,
}

# What the record of a leg tells.
RECORD: Mapping[str, Schema] = {
    "answer_time": TIME,
    "end_time": TIME,
    "duration": COUNT,
    "billed_duration": COUNT,
    "amount": MONEY,
    "hangup_cause": TEXT,
    "hangup_cause_code": COUNT,
    "hangup_source": TEXT,
}

STATUSES = ["pending", "active", "ending", "expired", "failed"]


def components() -> dict[str, Schema]:
    """Give every schema by its name."""
    session = whole(
        dict(_session()),
        description="A masking session: Plivo's attributes with clean types, and ours.",
    )
    return {
        "CreateSession": _request(request_models.CreateSessionRequest, _rules()),
        "UpdateSession": _without_null(
            _request(request_models.UpdateSessionRequest, "At least one field."),
            minProperties=1,
        ),
        "CreateErasure": _request(
            request_models.ErasureRequest, "For the tenant alone."
        ),
        **erasures.components(),
        "Search": _request(Search, "Every filter that is given must hold."),
        "Session": session,
        "ListedSession": _listed(session["properties"]),
        "Call": _call(),
        "SessionAnswer": envelope(message=TEXT, session=component("Session")),
        "FoundSession": whole(
            {
                **session["properties"],
                "calls": {"type": "array", "items": component("ToldCall")},
            },
            description="A session with its calls as Plivo's callbacks tell them.",
        ),
        "SessionFound": envelope(session=component("FoundSession")),
        **recordings.components(),
        **histories.components(),
        "SessionPage": envelope(
            meta=whole({"limit": COUNT, "next": nullable(TEXT)}),
            objects={"type": "array", "items": component("ListedSession")},
        ),
        "Problem": _problem(),
        "GatewayMessage": whole(
            {"message": TEXT},
            description="What API Gateway answers by itself, before any function.",
        ),
    }


def filters() -> Iterator[Schema]:
    """Describe a search as query parameters: its filters without numbers."""
    properties = Search.model_json_schema()["properties"]
    for name, schema in properties.items():
        if name in ("first_party", "second_party", "virtual_number", "labels"):
            continue
        plain = _untitled(schema)
        given: Schema = next(iter(plain.pop("anyOf", [{}])))
        plain.pop("default", None) if plain.get("default") is None else None
        yield {"name": name, "in": "query", "schema": {**plain, **given}}
    yield {
        "name": "label",
        "in": "query",
        "description": "One label, as `label.order_id=A-17`.",
        "style": "form",
        "explode": True,
        "schema": {
            "type": "object",
            "maxProperties": 1,
            "propertyNames": {"pattern": r"^label\.[A-Za-z0-9_.-]{1,64}$"},
            "additionalProperties": {
                "type": "string",
                "minLength": 1,
                "maxLength": 256,
            },
        },
    }


def problem_types() -> dict[str, type[problems.ProblemError]]:
    """Give the errors that reach HTTP, by their code."""
    found: dict[str, type[problems.ProblemError]] = {}
    waiting: list[type[problems.ProblemError]] = [problems.ProblemError, CarrierError]
    while waiting:
        each = waiting.pop(0)
        waiting += each.__subclasses__()
        # A group's class, which is never raised, has its parent's code.
        found.setdefault(each.code, each)
    return found


def _session() -> Iterator[tuple[str, Schema]]:
    asked = request_models.CreateSessionRequest.model_json_schema()["properties"]
    yield "session_uuid", UUID
    yield "status", {"type": "string", "enum": STATUSES}
    for name in ("first_party", "second_party", "virtual_number"):
        yield name, nullable(NUMBER)
    for name in ("created_time", "modified_time", "expiry_time"):
        yield name, nullable(TIME)
    yield "duration", nullable({**COUNT, "description": "Seconds, as planned."})
    for name, unset in session_views.ATTRIBUTES.items():
        schema = ADDED.get(name) or _answered(asked[name])
        yield name, nullable(schema) if unset is None else schema
    yield "interaction", {"type": "array", "items": component("Call")}
    yield "settled_time", nullable({**TIME, "description": "When totals were final."})
    forgotten = "When a person of it was forgotten: it holds accounting alone since."
    yield "erased_at", nullable({**TIME, "description": forgotten})
    yield "carrier_session_uuid", nullable(UUID)
    yield "labels", _untitled(asked["labels"])
    yield "version", {**COUNT, "description": "Also the ETag, for If-Match."}


def _answered(asked: Schema) -> Schema:
    """Give the type of an attribute in an answer: Plivo may say what we'd refuse."""
    schema = next(iter(asked.get("anyOf", [asked])))
    return {k: schema[k] for k in ("type", "enum") if k in schema}


def _listed(properties: Mapping[str, Schema]) -> Schema:
    names = (
        *("session_uuid", "status", "first_party", "second_party", "virtual_number"),
        *("created_time", "modified_time", "expiry_time"),
        *session_pages.LISTED,
        "erased_at",
        *("carrier_session_uuid", "labels", "version"),
    )
    shown = {name: properties[name] for name in names}
    return whole(
        {**shown, "resource_uri": TEXT},
        description="A session in a list: all but what was asked for.",
    )


def _call() -> Schema:
    outcomes = sorted({*session_views.OUTCOMES.values()})
    leg = whole(
        {
            "party": {"type": "string", "enum": ["first", "second"]},
            "call_uuid": nullable(UUID),
            "outcome": {"type": ["string", "null"], "enum": [*outcomes, None]},
            **{name: nullable(RECORD[name]) for name in session_views.RECORD},
        },
        description="The last eight are known once the session is settled.",
    )
    return whole(
        {
            "start_time": nullable(TIME),
            "end_time": nullable(TIME),
            "outcome": {
                "type": ["string", "null"],
                "enum": [*outcomes, "not_connected", None],
            },
            "duration": nullable({**COUNT, "description": "Seconds, of all legs."}),
            "billed_duration": COUNT,
            "amount": MONEY,
            "legs": {"type": "array", "items": leg},
            "recording_uuid": nullable(UUID),
        },
        description="One conversation of a session, of up to two legs.",
    )


def _problem() -> Schema:
    violation = whole(
        {"field": TEXT, "rule": TEXT, "sent": {"description": "Numbers are hidden."}}
    )
    properties = {
        "type": {"type": "string", "format": "uri"},
        "title": TEXT,
        "status": COUNT,
        "code": {"type": "string", "enum": sorted(problem_types())},
        "detail": TEXT,
        "instance": {"type": "string", "format": "uri"},
    }
    return {
        "type": "object",
        "description": "An error (RFC 9457); docs/errors.md lists every code.",
        "properties": {
            **properties,
            "outcome": {
                "type": "string",
                "enum": ["not_created", "not_updated", "not_expired", "unknown"],
                "description": "What became of the request at Plivo.",
            },
            "violations": {"type": "array", "items": violation},
        },
        "required": list(properties),
    }


def _rules() -> str:
    lines = [f"- `{rule.field}` {rule.text}" for rule in request_models.RULES]
    return "\n".join(["Rules across fields:", "", *lines])


def _request(model: type[BaseModel], more: str) -> Schema:
    schema = _untitled(model.model_json_schema())
    said = " ".join((model.__doc__ or "").split())
    return {**schema, "description": f"{said}\n\n{more}"}


def _without_null(schema: Schema, **more: Any) -> Schema:
    properties = {
        name: {k: v for k, v in each.items() if k not in ("anyOf", "default")}
        | next(iter(each.get("anyOf", [{}])))
        for name, each in schema["properties"].items()
    }
    return {**schema, "properties": properties, **more}


def _untitled(schema: Any) -> Any:
    """Leave out the titles that pydantic makes of names."""
    if isinstance(schema, list):
        return [_untitled(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _untitled(value)
        for name, value in schema.items()
        if not (name == "title" and isinstance(value, str))
    }
