"""Sessions in the states that tests begin from, made the way the product makes them."""

from __future__ import annotations

from typing import Any

from masking.api import requests
from masking.core.times import Clock
from masking.domain import sessions, transitions
from masking.domain.sessions import CarrierSession, Session
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import at
from tests.support.payloads import PAIR

DOMAIN = "masks.example.com"
BASE = f"https://{DOMAIN}"


def created(
    services: Services,
    clock: Clock,
    *,
    tenant: str = "acme",
    key: str | None = None,
    **body: Any,
) -> Session:
    """Create a session at the simulator and in the table."""
    flow = at(services, clock).create_session
    asked = body if body.get("create_session_with_single_party") else {**PAIR, **body}
    return flow.create(
        requests.parse_create(asked),
        tenant_id=tenant,
        idempotency_key=key,
        domain=DOMAIN,
    ).session


def reserved(stores: Stores, clock: Clock, **body: Any) -> Session:
    """Reserve a session in the table; Plivo has not heard of it."""
    request = requests.parse_create({**PAIR, **body})
    session = transitions.reserve(
        session_uuid=sessions.session_uuid_for("acme", None),
        tenant_id="acme",
        asked=requests.asked(request),
        labels=request.labels,
        base_url=BASE,
        now=clock(),
    )
    stores.sessions.reserve(session)
    return session


def planted(
    stores: Stores, clock: Clock, *, tenant: str = "acme", **answer: Any
) -> Session:
    """Put an active session into the table without asking any Plivo."""
    import uuid
    from datetime import timedelta

    request = requests.parse_create(PAIR)
    new = transitions.reserve(
        session_uuid=sessions.session_uuid_for(tenant, None),
        tenant_id=tenant,
        asked=requests.asked(request),
        labels={},
        base_url=BASE,
        now=clock(),
    )
    known = CarrierSession(
        **{
            "session_uuid": str(uuid.uuid4()),
            "virtual_number": "+12025550180",
            "status": "active",
            "created_time": clock(),
            "modified_time": clock(),
            "expiry_time": clock() + timedelta(hours=1),
            "duration": 3600,
            "callback_url": "",
            "settings": PAIR,
            **answer,
        }
    )
    session = transitions.confirm(new, known, 1)
    stores.sessions.reserve(new)
    stores.sessions.replace(new, session)
    return session


def stored(stores: Stores, session: Session) -> Session:
    """Read a session that must be there."""
    found = stores.sessions.load(session.session_uuid)
    assert found, "the session is not in the table"
    return found
