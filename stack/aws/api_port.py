"""Serve the deployed HTTP API at the root of its own port, as API Gateway would.

The emulator knows an API only under a host name or a long path. This ASGI application
hands each request with its raw path and query to the one deployed API's ``$default``
stage, and keeps the limits of API Gateway that a client can run into:

- a body over 10 MB is 413;
- an integration that takes over 30 s is 503 (the function goes on, as in AWS);
- what finds no place among those in flight is 429 (`stack.aws.admission`);
- before anything is deployed, everything is 503.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from stack.aws.admission import Admission, TooManyRequestsError

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

Answer = tuple[int, Mapping[str, Any], bytes]
# (api id, stage, path, method, headers, body, query parameters, raw query string)
Execute = Callable[
    [str, str, str, str, dict[str, str], bytes, dict[str, list[str]], str],
    Awaitable[Answer],
]

# Takes an API's id, the status of an answer and how many seconds it took.
Answered = Callable[[str, int, float], None]

# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
BODY_LIMIT_BYTES = 10 * 1024 * 1024
INTEGRATION_SECONDS = 30.0

# Under this path the API's port answers for all of AWS, without TLS: for containers
# that don't know the certificate authority of the run.
ENDPOINT = "_embedded-aws"


class BodyTooLargeError(Exception):
    """A request's body is over the limit."""


class ClientGoneError(Exception):
    """The client hung up before its request was complete."""


class ApiPort:
    """The API's port: pages of the stack's own, and all else for the HTTP API."""

    def __init__(
        self,
        execute: Execute,
        decode_path: Callable[[str], str],
        api_id_file: Path,
        pages: Mapping[str, Application] | None = None,
        integration_seconds: float = INTEGRATION_SECONDS,
        answered: Answered = lambda _api_id, _status, _seconds: None,
        admission: Admission | None = None,
    ) -> None:
        """Build the application.

        Args:
            execute: Runs one request through an HTTP API of the emulator.
            decode_path: Turns a raw path into the event's ``rawPath``.
            api_id_file: Holds the deployed API's id; missing until it is complete.
            pages: Applications served under a path's first segment, such as
                ``{"docs": app}``, before the API is asked.
            integration_seconds: How long an integration may take.
            answered: Is told of each answer of the API: its id, the status and how
                many seconds it took.
            admission: Says which requests are let in; it may be shared by ports.
        """
        self._execute = execute
        self._decode_path = decode_path
        self._api_id_file = api_id_file
        self._pages = dict(pages or {})
        self._integration_seconds = integration_seconds
        self._answered = answered
        self._admission = admission or Admission()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; anything else is turned away."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        page = self._pages.get(scope["path"].split("/")[1])
        if page is not None:
            await page(scope, receive, send)
            return
        began = time.monotonic()
        try:
            status, headers, body = await self._answer(scope, receive)
        except ClientGoneError:
            return
        if self._api_id_file.exists():
            seconds = time.monotonic() - began
            self._answered(self._api_id_file.read_text(), status, seconds)
        await _send(send, status, headers, body, scope["method"])

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        try:
            api_id = self._api_id_file.read_text()
        except FileNotFoundError:
            return _message(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Nothing is deployed here yet; the stack is still starting.",
            )
        try:
            body = await _read(scope, receive)
        except BodyTooLargeError:
            return _message(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request Entity Too Large"
            )
        try:
            with self._admission.admitted(scope["path"]):
                return await asyncio.wait_for(
                    self._execution(api_id, scope, body), self._integration_seconds
                )
        except TooManyRequestsError:
            return _message(HTTPStatus.TOO_MANY_REQUESTS, "Too Many Requests")
        except TimeoutError:
            return _message(HTTPStatus.SERVICE_UNAVAILABLE, "Service Unavailable")
        except Exception:
            logger.exception("A request could not be executed.")
            return _message(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")

    def _execution(self, api_id: str, scope: Scope, body: bytes) -> Awaitable[Answer]:
        raw_query = scope["query_string"].decode("latin-1")
        return self._execute(
            api_id,
            "$default",
            self._decode_path(scope["raw_path"].decode("latin-1")),
            scope["method"],
            _headers(scope),
            body,
            parse_qs(raw_query, keep_blank_values=True),
            raw_query,
        )


def _headers(scope: Scope) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        # Payload 2.0 joins what is repeated.
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    client_host, _ = scope.get("client") or ("127.0.0.1", 0)
    _, port = scope["server"]
    headers.setdefault("x-forwarded-for", client_host)
    headers.setdefault("x-forwarded-port", str(port))
    headers.setdefault("x-forwarded-proto", "http")
    return headers


async def _read(scope: Scope, receive: Receive) -> bytes:
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > BODY_LIMIT_BYTES:
        raise BodyTooLargeError
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part = message.get("body", b"")
        size += len(part)
        if size > BODY_LIMIT_BYTES:
            raise BodyTooLargeError
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def _message(status: HTTPStatus, message: str) -> Answer:
    body = json.dumps({"message": message}).encode()
    return status, {"Content-Type": "application/json"}, body


async def _send(
    send: Send, status: int, headers: Mapping[str, Any], body: bytes, method: str
) -> None:
    fields: list[tuple[bytes, bytes]] = []
    for name, value in headers.items():
        if name.lower() == "content-length":
            continue
        for each in value if isinstance(value, list) else [value]:
            fields.append((name.lower().encode("latin-1"), str(each).encode("latin-1")))
    fields.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": fields})
    body = b"" if method == "HEAD" else body
    await send({"type": "http.response.body", "body": body, "more_body": False})
