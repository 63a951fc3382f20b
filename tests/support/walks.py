"""Every route of the template that needs a key, and requests to it."""

from __future__ import annotations

import importlib
import uuid
from collections.abc import Mapping
from typing import Any

from stack.environments import ROOT
from stack.routes import Route, routes
from tests.support.payloads import sample

# Those of apps. Plivo's have no key and prove themselves otherwise.
ROUTES = {
    f"{route.method.upper()} {route.path}": route
    for route in routes(ROOT)
    if route.scope is not None
}
assert ROUTES, "no handler names the scope that its route needs"


__all__ = ["ROUTES", "Route", "answer_of", "event_for", "filled"]


def filled(path: str, names: Mapping[str, str] | None = None) -> str:
    """Fill in a route's parameters; what is not named leads to nothing."""
    defaults = {
        "session_uuid": str(uuid.uuid4()),
        "recording_uuid": str(uuid.uuid4()),
        "erasure_id": str(uuid.uuid4()),
        "id": "A" * 43,
    }
    return path.format(**{**defaults, **(names or {})})


def event_for(
    route: Route,
    context: Mapping[str, str],
    names: Mapping[str, str] | None = None,
    *,
    query: str = "",
    body: str = "",
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the event of a request, with what the authorizer said of its key."""
    event = sample(route.function)
    path = filled(route.path, names)
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["rawQueryString"] = query
    event["pathParameters"] = dict(names or {})
    event["headers"].pop("idempotency-key", None)
    event["headers"] |= headers or {}
    event["body"] = body
    event["requestContext"]["authorizer"] = {"lambda": dict(context)}
    return event


def answer_of(route: Route, event: dict[str, Any]) -> dict[str, Any]:
    """Let the route's function answer."""
    app = importlib.import_module(f"functions.{route.function}.app")
    answer: dict[str, Any] = app.lambda_handler(event, None)
    return answer
