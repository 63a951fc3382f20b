"""Say of each function what its route takes and answers: one entry each.

A new route of `template.yaml` needs an entry here under its function's folder; the
document can't be built without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from masking.api import goodbye
from masking.api.pages import MOST
from masking.core import problems
from masking.core.problems import ProblemError
from masking.plivo import errors
from stack.openapi.schemas import filters
from stack.openapi.shapes import component

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
    problems.NumberInUrlError,
    problems.ScopeMissingError,
    problems.StorageUnavailableError,
    ProblemError,
)
BODY: tuple[type[ProblemError], ...] = (
    problems.MalformedBodyError,
    problems.InvalidRequestError,
    problems.BodyTooLargeError,
)

IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "Only if the session is at this version: its ETag, or `*`.",
    "schema": {"type": "string", "pattern": r'^(\*|"[1-9][0-9]{0,9}")$'},
}
ACCEPT = {
    "name": "Accept",
    "in": "header",
    "description": "`application/json` for the link in JSON instead of a redirect.",
    "schema": {"type": "string", "maxLength": 255, "pattern": "^[ -~]*$"},
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

SESSION = {
    "name": "session_uuid",
    "in": "query",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
}
PAGE = (
    {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST},
    },
    {
        "name": "cursor",
        "in": "query",
        "description": "Of an earlier page.",
        "schema": {"type": "string", "maxLength": 400},
    },
)

ETAG: Headers = {"ETag": "The session's version in quotes."}
CREATED: Headers = {"Location": "Path of the session.", **ETAG}
REPLAYED: Headers = {**CREATED, "Idempotent-Replayed": "`true`"}


@dataclass(frozen=True)
class Answer:
    """One way to succeed: what it means, the schema of its body if any, its headers."""

    text: str
    schema: dict[str, Any] | None
    headers: Headers = field(default_factory=dict)
    media: str = "application/json"


@dataclass(frozen=True)
class Operation:
    """What a route takes and answers.

    *body* is a component; webhooks have a form, and *takes_anything* is one that has
    an answer for whatever is sent.
    """

    summary: str
    answers: Mapping[int, Answer]
    problems: tuple[type[ProblemError], ...]
    tag: str = "sessions"
    body: str | None = None
    takes_anything: bool = False
    parameters: tuple[dict[str, Any], ...] = ()


WEBHOOK = Operation(
    summary="Take a callback of Plivo's",
    answers={200: Answer("Kept; also if it was kept before.", {"type": "object"})},
    problems=(
        problems.MalformedBodyError,
        problems.WebhookRefusedError,
        problems.SessionNotFoundError,
        problems.BodyTooLargeError,
        problems.StorageUnavailableError,
        ProblemError,
    ),
    tag="webhooks from Plivo",
)

ANSWER = Operation(
    summary="Say goodbye to a caller whose session is over",
    answers={
        200: Answer(
            "Plivo XML: one sound and a hang-up, whatever was sent.",
            {"type": "string"},
            media=goodbye.CONTENT_TYPE,
        )
    },
    problems=(),
    takes_anything=True,
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
            problems.CreateInProgressError,
            problems.CreateAbandonedError,
            problems.PairAlreadyActiveError,
            problems.IdempotencyKeyReusedError,
            problems.QuotaExceededError,
            problems.SessionErasedError,
        ),
    ),
    "get_session": Operation(
        summary="Read a session",
        answers={200: Answer("The session.", component("SessionFound"), ETAG)},
        problems=(*ANY, problems.SessionNotFoundError),
    ),
    "list_sessions": Operation(
        summary="List sessions, newest first",
        parameters=tuple(filters()),
        answers={200: Answer("A page of sessions.", component("SessionPage"))},
        problems=(*ANY, problems.InvalidRequestError),
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
            problems.SessionNotFoundError,
            problems.SessionNotActiveError,
            problems.SessionExpiredError,
            problems.UpdateInProgressError,
            problems.VersionMismatchError,
            problems.FieldNotUpdatableError,
        ),
    ),
    "expire_session": Operation(
        summary="End a session now; ending it again changes nothing",
        parameters=(IF_MATCH,),
        answers={200: Answer("It has ended.", component("SessionAnswer"), ETAG)},
        problems=(
            *ANY,
            *CARRIER,
            problems.InvalidRequestError,
            problems.SessionNotFoundError,
            problems.SessionNotActiveError,
            problems.UpdateInProgressError,
            problems.EndInProgressError,
            problems.VersionMismatchError,
        ),
    ),
    "list_recordings": Operation(
        summary="List the recordings of a session, the oldest first",
        answers={200: Answer("Its recordings.", component("RecordingList"))},
        problems=(*ANY, problems.SessionNotFoundError),
        tag="recordings",
    ),
    "get_recording": Operation(
        summary="Get a link to a recording that lives five minutes",
        parameters=(ACCEPT,),
        answers={
            200: Answer("The link.", component("RecordingLink")),
            302: Answer("The file is there.", None, {"Location": "The link."}),
        },
        problems=(
            *ANY,
            problems.RecordingNotFoundError,
            problems.RecordingNotStoredError,
            problems.RecordingFailedError,
            problems.RecordingDeletedError,
        ),
        tag="recordings",
    ),
    "delete_recording": Operation(
        summary="Delete a recording here and at Plivo; again changes nothing",
        answers={200: Answer("It is deleted.", component("RecordingDeletion"))},
        problems=(
            *ANY,
            *CARRIER,
            problems.RecordingNotFoundError,
            problems.RecordingNotStoredError,
            problems.RecordingHeldError,
        ),
        tag="recordings",
    ),
    "list_events": Operation(
        summary="Show what Plivo told of a session, in order, numbers masked",
        parameters=PAGE,
        answers={200: Answer("A page of its history.", component("HistoryPage"))},
        problems=(*ANY, problems.InvalidRequestError, problems.SessionNotFoundError),
        tag="events",
    ),
    "list_deliveries": Operation(
        summary="Show how the events of a session were sent to its app",
        parameters=(SESSION, *PAGE),
        answers={200: Answer("A page of deliveries.", component("DeliveryPage"))},
        problems=(*ANY, problems.InvalidRequestError, problems.SessionNotFoundError),
        tag="webhooks to the app",
    ),
    "replay_delivery": Operation(
        summary="Send an event to its app once more, under the same id",
        answers={202: Answer("It is sent again.", component("DeliveryAnswer"))},
        problems=(*ANY, problems.DeliveryNotFoundError),
        tag="webhooks to the app",
    ),
    "create_erasure": Operation(
        summary="Forget a person: erase all that the tenant has of a phone number",
        body="CreateErasure",
        answers={
            202: Answer(
                "It has begun; while one of the number runs, that one.",
                component("ErasureAnswer"),
                {"Location": "Path of the erasure."},
            )
        },
        problems=(*ANY, *BODY),
        tag="erasures",
    ),
    "get_erasure": Operation(
        summary="Show how an erasure stands; once it is completed, the proof",
        answers={200: Answer("The erasure.", component("ErasureAnswer"))},
        problems=(*ANY, problems.ErasureNotFoundError),
        tag="erasures",
    ),
    "answer_call": ANSWER,
    "on_session_event": WEBHOOK,
    "on_recording_event": WEBHOOK,
}
