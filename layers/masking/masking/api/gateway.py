"""Between API Gateway (payload 2.0) and the use cases: parse, answer, map errors."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from botocore.exceptions import BotoCoreError, ClientError

from masking.core import telemetry, time_limits
from masking.core.problems import (
    UNKNOWN,
    BodyTooLargeError,
    InvalidRequestError,
    MalformedBodyError,
    NumberInUrlError,
    ProblemError,
    RecordingNotFoundError,
    ScopeMissingError,
    SessionNotFoundError,
    StorageUnavailableError,
)

LARGEST_BODY = 64 * 1024

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

# What a path names; all but capability tokens.
NAMED = {
    "session_uuid": "session_uuid",
    "recording_uuid": "recording_uuid",
    "erasure_id": "erasure_id",
    "id": "event_id",
}

# Names of RFC 9110 that Python's before 3.13 does not have yet.
PHRASES = {413: "Content Too Large", 422: "Unprocessable Content"}

NUMBER = re.compile(r"\+?[0-9]{7,15}", re.ASCII)


@dataclass(frozen=True)
class Request:
    """One HTTP request; header names are in lower case, *query* is as it came."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    parameters: Mapping[str, str]
    body: bytes
    domain: str
    request_id: str
    tenant_id: str
    scopes: frozenset[str]

    @property
    def session_uuid(self) -> str:
        """Return the session that the path names.

        Raises SessionNotFoundError if it is not a UUID in its usual form.
        """
        text = self.parameters.get("session_uuid", "")
        if not UUID.fullmatch(text):
            raise SessionNotFoundError
        return text

    @property
    def recording_uuid(self) -> str:
        """Return the recording that the path names.

        Raises RecordingNotFoundError if it is not a UUID in its usual form.
        """
        text = self.parameters.get("recording_uuid", "")
        if not UUID.fullmatch(text):
            raise RecordingNotFoundError
        return text

    @property
    def wants_json(self) -> bool:
        """Return whether the Accept header names JSON."""
        accepted = self.headers.get("accept", "").split(",")
        types = {entry.partition(";")[0].strip().lower() for entry in accepted}
        return "application/json" in types

    @property
    def idempotency_key(self) -> str | None:
        """Return the key, or None. Raises InvalidRequestError if it breaks the rule."""
        key = self.headers.get("idempotency-key")
        if key is not None and not re.fullmatch(r"[\x20-\x7e]{1,255}", key):
            rule = "must be 1 to 255 printable ASCII characters"
            violation = {"field": "Idempotency-Key", "rule": rule, "sent": None}
            raise InvalidRequestError(violations=[violation])
        return key

    @property
    def if_match(self) -> int | None:
        """Return the version that If-Match names; None for `*` or no header.

        Raises InvalidRequestError for anything but an entity tag of ours.
        """
        tag = self.headers.get("if-match", "*").strip()
        if tag == "*":
            return None
        match = re.fullmatch(r'"([1-9][0-9]{0,9})"', tag, re.ASCII)
        if not match:
            rule = 'must be * or a version in quotes, such as "3"'
            violation = {"field": "If-Match", "rule": rule, "sent": None}
            raise InvalidRequestError(violations=[violation])
        # Few requests have one.
        from masking.core import amounts

        return amounts.digits(match[1])


@dataclass(frozen=True)
class Response:
    """One HTTP answer; *body* becomes JSON, None an empty body."""

    status: int
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None


Answer = dict[str, Any]
Handler = Callable[[Request], Response]
LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]


def route(
    scope: str | None, undone: str | None = None
) -> Callable[[Handler], LambdaHandler]:
    """Make a Lambda handler of a function from Request to Response.

    *scope* is what a caller's key must have; None is for webhooks, which are verified
    otherwise. Errors with a name become problem documents; the others are
    logged and become a 500 that says nothing. If *undone* is given every problem has an
    `outcome`: *undone* if nothing has been done, `unknown` if nobody knows.
    """

    def decorate(handle: Handler) -> LambdaHandler:
        @wraps(handle)
        def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
            request_id = str(event.get("requestContext", {}).get("requestId", ""))
            telemetry.logger().append_keys(request_id=request_id)
            named = {"route": event.get("routeKey")}
            with telemetry.invocation("request answered", context, **named):
                left = time_limits.left_to_work(context)
                answer = answered(event, request_id, left)
                telemetry.note(status=answer["statusCode"])
                return answer

        def answered(event: dict[str, Any], request_id: str, seconds: float) -> Answer:
            # If it fails on our side: with a key an earlier request may have done it.
            failed = undone and UNKNOWN
            try:
                request = request_of(event)
                if "idempotency-key" not in request.headers:
                    failed = undone
                telemetry.note(tenant_id=request.tenant_id or None)
                given = request.parameters
                telemetry.note_ids(**{ours: given.get(n) for n, ours in NAMED.items()})
                _enforce(scope, request)
                with time_limits.limit(seconds):
                    return _answer(handle(request))
            except ProblemError as problem:
                is_theirs = problem.status < HTTPStatus.INTERNAL_SERVER_ERROR
                return _refuse(problem, request_id, undone if is_theirs else failed)
            except (BotoCoreError, ClientError) as error:
                return _refuse(_unavailable(error), request_id, failed)
            except time_limits.TimeIsUpError as error:
                return _refuse(_unavailable(error), request_id, undone and UNKNOWN)
            except Exception as error:
                # Not the text of the error: it may hold what the caller sent.
                telemetry.logger().error(
                    "unexpected error", extra=telemetry.about(error)
                )
                telemetry.count("UnexpectedError")
                return _refuse(ProblemError(), request_id, undone and UNKNOWN)

        return lambda_handler

    return decorate


def _unavailable(error: BaseException) -> StorageUnavailableError:
    unavailable = StorageUnavailableError(retry_after=2)
    unavailable.__cause__ = error
    return unavailable


def _enforce(scope: str | None, request: Request) -> None:
    if scope is None:
        return
    if scope not in request.scopes:
        raise ScopeMissingError(scope=scope)
    if request.query:
        refuse_numbers(request.query)


def refuse_numbers(query: str) -> None:
    """Refuse phone numbers in a query, in any writing. Raises NumberInUrlError."""
    # Most requests have no query, and so it is not imported with the function.
    from masking.core import callers, number_text

    for name, value in parse_qsl(query, keep_blank_values=True):
        is_label = name.startswith("label.")
        for text in (name, name.removeprefix("label."), value):
            # An order's number in a label may look like a phone's: digits alone.
            digits = "" if is_label else number_text.readable(text)
            if NUMBER.fullmatch(digits) or callers.is_written_number(text):
                raise NumberInUrlError


def request_of(event: dict[str, Any]) -> Request:
    """Read an event of API Gateway, payload 2.0. Raises MalformedBodyError."""
    context = event["requestContext"]
    caller = context.get("authorizer", {}).get("lambda") or {}
    return Request(
        method=context["http"]["method"],
        path=event["rawPath"],
        query=event.get("rawQueryString", ""),
        headers={k.lower(): v for k, v in event.get("headers", {}).items()},
        parameters=event.get("pathParameters") or {},
        body=_body(event),
        domain=context.get("domainName", ""),
        request_id=context.get("requestId", ""),
        tenant_id=caller.get("tenant_id", ""),
        scopes=frozenset(str(caller.get("scopes", "")).split()),
    )


def _body(event: dict[str, Any]) -> bytes:
    text = event.get("body") or ""
    try:
        encoded = event.get("isBase64Encoded", False)
        body = base64.b64decode(text, validate=True) if encoded else text.encode()
    except ValueError:
        raise MalformedBodyError from None
    if len(body) > LARGEST_BODY:
        raise BodyTooLargeError(limit_bytes=LARGEST_BODY)
    return body


def _answer(response: Response) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "statusCode": int(response.status),
        "headers": {"cache-control": "no-store", **(response.headers or {})},
    }
    if response.body is not None:
        answer["headers"] = {"content-type": "application/json", **answer["headers"]}
        answer["body"] = json.dumps(response.body, separators=(",", ":"))
    return answer


def _refuse(
    problem: ProblemError, request_id: str, outcome: str | None
) -> dict[str, Any]:
    """Turn an error into a problem document (RFC 9457)."""
    if outcome:
        problem.members.setdefault("outcome", outcome)
    telemetry.note(code=problem.code, outcome=problem.members.get("outcome"))
    if problem.is_of_carrier:
        telemetry.count_carrier_failure(problem.code, problem.metric)
        telemetry.logger().warning(
            "Plivo did not do as asked",
            extra={
                "code": problem.code,
                "carrier_status": problem.members.get("carrier_status"),
            },
        )
    if isinstance(problem, StorageUnavailableError):
        extra = telemetry.about(problem.__cause__ or problem)
        telemetry.logger().error("AWS failed", extra=extra)
        telemetry.count("StorageUnavailable")
    headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
    if problem.retry_after is not None:
        headers["retry-after"] = str(problem.retry_after)
    document = {
        "type": f"urn:maskline:problem:{problem.code}",
        "title": PHRASES.get(problem.status) or HTTPStatus(problem.status).phrase,
        "status": int(problem.status),
        "code": problem.code,
        "detail": problem.explanation,
        "instance": f"urn:maskline:request:{request_id or uuid.uuid4()}",
        **problem.members,
    }
    return {
        "statusCode": int(problem.status),
        "headers": headers,
        "body": json.dumps(document, separators=(",", ":")),
    }
