"""Say of each function what its route takes and answers: one entry each.

A new route of `template.yaml` needs an entry here under its function's folder; the
document can't be built without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.openapi.schemas import component, filters
from masking import errors
from masking.errors import ProblemError

Headers = Mapping[str, str]

CARRIER: tuple[type[ProblemError], ...] = (
    errors.CarrierRefusedError,
    errors.CarrierSessionMissingError,
    errors.CarrierCredentialsRefusedError,
    errors.CarrierForbiddenError,
    errors.CarrierUnreachableError,
    errors.CarrierFailedError,
    errors.CarrierAnswerInvalidError,
    errors.CarrierThrottledError,
    errors.CarrierTimeoutError,
)
ANY: tuple[type[ProblemError], ...] = (
    errors.NumberInUrlError,
    errors.ScopeMissingError,
    errors.StorageUnavailableError,
    ProblemError,
)
BODY: tuple[type[ProblemError], ...] = (
    errors.MalformedBodyError,
    errors.InvalidRequestError,
    errors.BodyTooLargeError,
)

IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "Only if the session is at this version: its ETag, or `*`.",
    "schema": {"type": "string", "pattern": r'^(\*|"[1-9][0-9]{0,9}")$'},
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": (
        "Makes the create happen once, however often it is sent. 1 to 255 printable "
        "characters; it lives as long as the session is kept."
    ),
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": "^[!-~]([ -~]*[!-~])?$",
    },
}

ETAG: Headers = {"ETag": "The session's version in quotes."}
CREATED: Headers = {"Location": "Path of the session.", **ETAG}
REPLAYED: Headers = {**CREATED, "Idempotent-Replayed": "`true`"}


@dataclass(frozen=True)
class Answer:
    """One way to succeed: what it means, its schema, its headers, its media type."""

    text: str
    schema: dict[str, Any]
    headers: Headers = field(default_factory=dict)
    media: str = "application/json"


@dataclass(frozen=True)
class Operation:
    """What a route takes and answers. *body* is a component; webhooks have a form."""

    summary: str
    answers: Mapping[int, Answer]
    problems: tuple[type[ProblemError], ...]
    tag: str = "sessions"
    body: str | None = None
    parameters: tuple[dict[str, Any], ...] = ()


WEBHOOK = Operation(
    summary="Take a callback of Plivo's",
    answers={200: Answer("Kept; also if it was kept before.", {"type": "object"})},
    problems=(
        errors.MalformedBodyError,
        errors.WebhookRefusedError,
        errors.SessionNotFoundError,
        errors.BodyTooLargeError,
        errors.StorageUnavailableError,
        ProblemError,
    ),
    tag="webhooks from Plivo",
)

OPERATIONS: Mapping[str, Operation] = {
    "create_session": Operation(
        summary="Create a masking session",
        body="CreateSession",
        parameters=(IDEMPOTENCY_KEY,),
        answers={
            201: Answer("Created.", component("SessionAnswer"), CREATED),
            200: Answer(
                "Created by an earlier request with this key.",
                component("SessionAnswer"),
                REPLAYED,
            ),
        },
        problems=(
            *ANY,
            *BODY,
            *CARRIER,
            errors.NumberPoolExhaustedError,
            errors.CreateInProgressError,
            errors.CreateAbandonedError,
            errors.PairAlreadyActiveError,
            errors.IdempotencyKeyReusedError,
        ),
    ),
    "get_session": Operation(
        summary="Read a session",
        answers={200: Answer("The session.", component("SessionFound"), ETAG)},
        problems=(*ANY, errors.SessionNotFoundError),
    ),
    "list_sessions": Operation(
        summary="List sessions, newest first",
        parameters=tuple(filters()),
        answers={200: Answer("A page of sessions.", component("SessionPage"))},
        problems=(*ANY, errors.InvalidRequestError),
    ),
    "search_sessions": Operation(
        summary="Search sessions, also by number, newest first",
        body="Search",
        answers={200: Answer("A page of sessions.", component("SessionPage"))},
        problems=(*ANY, *BODY),
    ),
    "update_session": Operation(
        summary="Change a session",
        body="UpdateSession",
        parameters=(IF_MATCH,),
        answers={200: Answer("Changed.", component("SessionAnswer"), ETAG)},
        problems=(
            *ANY,
            *BODY,
            *CARRIER,
            errors.NumberPoolExhaustedError,
            errors.SessionNotFoundError,
            errors.SessionNotActiveError,
            errors.SessionExpiredError,
            errors.UpdateInProgressError,
            errors.VersionMismatchError,
            errors.FieldNotUpdatableError,
        ),
    ),
    "expire_session": Operation(
        summary="End a session now; ending it again changes nothing",
        parameters=(IF_MATCH,),
        answers={200: Answer("It has ended.", component("SessionAnswer"), ETAG)},
        problems=(
            *ANY,
            *CARRIER,
            errors.InvalidRequestError,
            errors.SessionNotFoundError,
            errors.SessionNotActiveError,
            errors.UpdateInProgressError,
            errors.EndInProgressError,
            errors.VersionMismatchError,
        ),
    ),
    "on_session_event": WEBHOOK,
    "on_recording_event": WEBHOOK,
    "answer_call": Operation(
        summary="Answer a call to a number whose session is over",
        answers={
            200: Answer(
                "Plivo XML: a sentence or an audio file, and a hang-up. Always.",
                {"type": "string"},
                media="application/xml",
            )
        },
        problems=(),
        tag="webhooks from Plivo",
    ),
}
