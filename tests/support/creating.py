"""Creates as tests send them, and what goes on around them."""

from __future__ import annotations

from typing import Any

from masking.api import requests
from masking.core.problems import ProblemError
from masking.domain import sessions, transitions
from masking.lifecycle.create_session import Created, CreateSession
from masking.storage.stores import Stores
from tests.support.clock import Clock
from tests.support.payloads import PAIR

DOMAIN = "masks.example.com"
BASE = f"https://{DOMAIN}"
SESSION = sessions.session_uuid_for("acme", "order-17")


def create(flow: CreateSession, key: str | None = "order-17", **body: Any) -> Created:
    """Send a create of tenant acme."""
    return flow.create(
        requests.parse_create({**PAIR, **body}),
        tenant_id="acme",
        idempotency_key=key,
        domain=DOMAIN,
    )


def outcome_of(error: ProblemError) -> Any:
    """Return what an error says about the session's existence."""
    return error.members["outcome"]


def attempt(flow: CreateSession) -> tuple[Created | None, Any]:
    """Send a create; give what it made, or the outcome that its error tells."""
    try:
        return create(flow), None
    except ProblemError as error:
        return None, outcome_of(error)


def reserve(stores: Stores, clock: Clock) -> None:
    """Reserve the session of the usual request, as another function would."""
    request = requests.parse_create(PAIR)
    stores.sessions.reserve(
        transitions.reserve(
            session_uuid=SESSION,
            tenant_id="acme",
            asked=requests.asked(request),
            labels=request.labels,
            base_url=BASE,
            now=clock(),
        )
    )
