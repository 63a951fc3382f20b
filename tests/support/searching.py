"""List and search sessions through the handlers, as apps do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from functions.list_sessions import app as listing
from functions.search_sessions import app as search
from masking.domain.sessions import Session
from tests.support.payloads import http, read

Make = Callable[..., Session]


def listed(query: str = "", tenant: str = "acme") -> dict[str, Any]:
    """List sessions through the handler."""
    answer = listing.lambda_handler(
        http("list_sessions", query=query, tenant=tenant), None
    )
    assert answer["statusCode"] == 200, answer["body"]
    return read(answer)


def found(tenant: str = "acme", **body: Any) -> list[str]:
    """Search sessions through the handler and return their UUIDs."""
    event = http("search_sessions", body=body, tenant=tenant)
    answer = search.lambda_handler(event, None)
    assert answer["statusCode"] == 200, answer["body"]
    return [session["session_uuid"] for session in read(answer)["objects"]]


def uuids(page: dict[str, Any]) -> list[str]:
    """Return the UUIDs of a page's sessions."""
    return [session["session_uuid"] for session in page["objects"]]
