"""What is past its retention is shown to nobody, whether or not it was purged."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from masking.api import requests
from masking.api.pages import PageRequest
from masking.api.search_requests import Search
from masking.core.problems import (
    DeliveryNotFoundError,
    SessionErasedError,
    SessionNotFoundError,
)
from masking.domain import deliveries, sessions, transitions
from masking.domain.sessions import Session, Status
from masking.storage.deliveries import delivery_item
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.sessions_there import created, planted
from tests.support.simulated_plivo import SimulatedPlivo

# What the tests' deployment keeps sessions for.
RETENTION = timedelta(days=400)

Read = Callable[[Services, str], object]

READS: dict[str, Read] = {
    "get": lambda s, uuid: s.get_session.get(uuid, tenant_id="acme"),
    "events": lambda s, uuid: s.list_events.page(uuid, PageRequest(), tenant_id="acme"),
    "recordings": lambda s, uuid: s.list_recordings.of_session(uuid, tenant_id="acme"),
    "deliveries": lambda s, uuid: s.list_deliveries.page(
        f"session_uuid={uuid}", tenant_id="acme"
    ),
}


@pytest.fixture
def session(services: Services, clock: Clock) -> Session:
    """Return a session."""
    return planted(services.stores, clock)


@pytest.mark.parametrize("name", READS)
def test_a_session_is_read_until_its_retention_ends_and_not_from_then_on(
    services: Services, session: Session, clock: Clock, name: str
) -> None:
    then = at(services, clock)
    assert session.expiry_time
    clock.at = session.expiry_time + RETENTION - timedelta(seconds=2)
    READS[name](then, session.session_uuid)
    clock.advance(seconds=2)

    with pytest.raises(SessionNotFoundError):
        READS[name](then, session.session_uuid)


def test_a_search_finds_it_until_then_too(
    services: Services, session: Session, clock: Clock
) -> None:
    then = at(services, clock)
    assert session.expiry_time
    assert session.created_time
    day = timedelta(days=1)
    window = {
        "created_time__gte": session.created_time - day,
        "created_time__lte": session.created_time + day,
    }
    search = Search.model_validate(
        {name: f"{when:%Y-%m-%dT%H:%M:%SZ}" for name, when in window.items()}
    )
    services.stores.links.put(
        f"CARRIER#{session.carrier_session_uuid}",
        "LINK",
        tenant_sessions="acme",
        created_key=f"{session.created_time:%Y-%m-%dT%H:%M:%S.%fZ}"
        f"#{session.session_uuid}",
    )
    clock.at = session.expiry_time + RETENTION - timedelta(seconds=2)
    before = then.search_sessions.find(search, tenant_id="acme").sessions
    clock.advance(seconds=2)

    assert [found.session_uuid for found in before] == [session.session_uuid]
    assert then.search_sessions.find(search, tenant_id="acme").sessions == ()


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.FAILED])
def test_its_key_shows_it_until_then_and_is_gone_from_then_on(
    services: Services, clock: Clock, plivo: SimulatedPlivo, status: Status
) -> None:
    session = created(services, clock, key="order-17", session_expiry=600)
    assert session.expiry_time
    ends = session.expiry_time + RETENTION
    if status is Status.FAILED:
        services.stores.sessions.replace(session, transitions.fail(session))
    asked = len(plivo.requests())
    clock.at = ends - timedelta(seconds=2)
    if status is Status.ACTIVE:
        again = created(services, clock, key="order-17", session_expiry=600)
        assert again.session_uuid == session.session_uuid
    clock.advance(seconds=3)

    with pytest.raises(SessionErasedError) as gone:
        created(services, clock, key="order-17", session_expiry=600)

    assert gone.value.members == {"outcome": "not_created"}
    assert len(plivo.requests()) == asked


def test_it_can_be_neither_changed_nor_ended_nor_its_deliveries_sent_again(
    services: Services, session: Session, clock: Clock
) -> None:
    then = at(services, clock)
    uuid = session.session_uuid
    event = sessions.session_uuid_for("acme", None)
    detail = {"id": event, "tenant_id": "acme", "session_uuid": uuid}
    told = {**detail, "type": "session.created", "webhook": "callback_url"}
    planned = deliveries.begin(told, clock())
    services.stores.deliveries.put(uuid, event, delivery_item(planned), clock())
    both = UUID(uuid).bytes + UUID(event).bytes
    name = base64.urlsafe_b64encode(both).decode().rstrip("=")
    clock.advance(days=RETENTION.days + 1)
    change = requests.parse_update({"session_expiry": 60})

    with pytest.raises(SessionNotFoundError):
        then.update_session.update(uuid, change, tenant_id="acme")
    with pytest.raises(SessionNotFoundError):
        then.expire_session.end(uuid, tenant_id="acme")
    with pytest.raises(DeliveryNotFoundError):
        then.replay_delivery.replay(name, tenant_id="acme")
