"""Sessions that a create or an update of unknown outcome leaves behind."""

from __future__ import annotations

from typing import Any

import pytest

from masking.api import requests
from masking.domain import sessions
from masking.domain.sessions import Session, Status
from masking.plivo.errors import CarrierError
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.payloads import PAIR
from tests.support.sessions_there import (
    DOMAIN,
    created,
    stored,
)
from tests.support.simulated_plivo import SimulatedPlivo


def lost(
    services: Services, plivo: SimulatedPlivo, clock: Clock, fault: str, **body: Any
) -> Session:
    """Create a session with an unknown outcome, and return what is left of it."""
    plivo.arm(**{fault: {"times": 1}, "list_5xx": {"times": 2}})
    flow = at(services, clock).create_session
    key = f"lost-{len(plivo.requests())}"
    with pytest.raises(CarrierError):
        flow.create(
            requests.parse_create({**PAIR, **body}),
            tenant_id="acme",
            idempotency_key=key,
            domain=DOMAIN,
        )
    plivo.arm()
    left = services.stores.sessions.load(sessions.session_uuid_for("acme", key))
    assert left
    assert left.status is Status.RESERVED
    return left


def in_doubt(
    services: Services, plivo: SimulatedPlivo, clock: Clock, fault: str
) -> Session:
    """Update a session with an unknown outcome, and return what is left of it."""
    session = created(services, clock)
    plivo.arm(**{fault: {"times": 1}, "get_5xx": {"times": 2}})
    with pytest.raises(CarrierError):
        at(services, clock).update_session.update(
            session.session_uuid,
            requests.parse_update({"record": True}),
            tenant_id="acme",
        )
    plivo.arm()
    left = stored(services.stores, session)
    assert left.doubted
    return left
