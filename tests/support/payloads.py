"""Events for handlers, made from the samples in `events/`, and what they give."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).resolve().parents[2] / "events"

EVERY_SCOPE = "admin recordings:read recordings:write sessions:read sessions:write"

PAIR = {"first_party": "+12025550100", "second_party": "+12025550101"}


def sample(name: str) -> dict[str, Any]:
    """Load `events/<name>.json`."""
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return loaded


def http(
    function: str,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    session_uuid: str | None = None,
    query: str = "",
    tenant: str = "acme",
    scopes: str = EVERY_SCOPE,
    encoded: bool = False,
) -> dict[str, Any]:
    """Return an HTTP API's event: the function's sample with what a test changes.

    *body* is text, bytes or JSON; *headers* with the value "" are taken out.
    """
    event = sample(function)
    context = event["requestContext"]
    if "authorizer" in context:
        context["authorizer"]["lambda"] = {"tenant_id": tenant, "scopes": scopes}
    event["headers"].pop("idempotency-key", None)
    event["headers"] |= headers or {}
    event["headers"] = {k: v for k, v in event["headers"].items() if v}
    if body is not None:
        written = body if isinstance(body, (str, bytes)) else json.dumps(body)
        raw = written.encode() if isinstance(written, str) else written
        event["body"] = base64.b64encode(raw).decode() if encoded else raw.decode()
        event["isBase64Encoded"] = encoded
        event["headers"]["content-length"] = str(len(raw))
    if session_uuid is not None:
        old = event["pathParameters"]["session_uuid"]
        event["pathParameters"]["session_uuid"] = session_uuid
        for holder in (event, context["http"]):
            name = "rawPath" if holder is event else "path"
            holder[name] = holder[name].replace(old, session_uuid)
    event["rawQueryString"] = query
    return event


def read(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON of an answer's body."""
    document: dict[str, Any] = json.loads(answer["body"])
    return document


def problem(answer: Mapping[str, Any]) -> tuple[int, str, str | None]:
    """Return status, code and outcome of a problem document, checking its shape."""
    document = read(answer)
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert answer["headers"]["cache-control"] == "no-store"
    assert document["status"] == answer["statusCode"]
    assert document["type"] == f"urn:maskline:problem:{document['code']}"
    assert document["title"]
    assert document["detail"]
    assert document["instance"].startswith("urn:maskline:request:")
    return answer["statusCode"], document["code"], document.get("outcome")


class Context:
    """What Lambda hands to a handler; *left* is what is left of its time."""

    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def __init__(self, left: int = 300_000) -> None:
        self.left = left

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left."""
        return self.left
