"""Changes of the table that tests publish, and what they must not tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from functions.on_recording_event import app as on_recording_event
from functions.on_session_event import app as on_session_event
from functions.publish_changes import app as publish_changes
from masking.api import callback_requests
from masking.domain import transitions
from masking.domain.sessions import CarrierSession, Session
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment
from tests.support.payloads import PAIR
from tests.support.raw_callbacks import active_session, path_of, signed_form
from tests.support.sessions_there import reserved
from tests.support.simulated_calls import Told, text_of

# A PIN stands by itself: its digits come up in UUIDs and sequences as well.
PERSONAL = ("2025550100", "2025550101", "2025550177", '"0042"')
NUMBERS = ("2025550100", "2025550101", "2025550102", "2025550166")

Publish = Callable[..., list[dict[str, Any]]]


def active(stores: Stores, clock: Clock, **body: Any) -> Session:
    """Reserve and confirm a session, as a create does."""
    session = reserved(stores, clock, **body)
    answer = CarrierSession(
        session_uuid="7d1f0f3e-2b1c-4d7b-8a51-2f6e5c4b3a29",
        virtual_number="+12025550180",
        status="active",
        created_time=clock(),
        modified_time=clock(),
        expiry_time=clock() + timedelta(hours=1),
        duration=3600,
        callback_url="",
        settings=PAIR,
    )
    confirmed = transitions.confirm(session, answer, 1)
    stores.sessions.replace(session, confirmed)
    return confirmed


def keep(
    stores: Stores, session: Session, clock: Clock, fields: dict[str, str], kind: str
) -> str:
    """Keep a callback as its handler does, and return its digest."""
    digest = callback_requests.digest_of(list(fields.items()))
    stores.callbacks.put(
        session.session_uuid,
        digest,
        kind=kind,
        tenant_id=session.tenant_id,
        attempt=1,
        attributes=fields,
        received_at=clock(),
        purge_at=stores.sessions.purge_at(session),
    )
    return digest


def post_all(services: Services, session: Session, told: Told) -> None:
    """Send all callbacks of simulated calls to the handlers."""
    for callback in told.callbacks:
        recording = callback.channel == "recording"
        path = path_of(services, session, "recordings" if recording else "events")
        handler = on_recording_event if recording else on_session_event
        attributes = text_of(callback.attributes)
        # Of this very session at Plivo, not of the one that the calls were played in.
        attributes["SessionUUID"] = str(session.carrier_session_uuid)
        form = list(attributes.items())
        answer = handler.lambda_handler(signed_form(path, form), None)
        assert answer["statusCode"] == 200


def publish(deployment: Deployment, seen: int = 0) -> int:
    """Publish the stream but for its first records; return how many are published."""
    records = deployment.stream(seen)
    for start in range(0, len(records), 20):
        answer = publish_changes.lambda_handler(
            {"Records": records[start : start + 20]}, None
        )
        assert answer == {"batchItemFailures": []}
    return seen + len(records)


def callback_records(
    deployment: Deployment, services: Services, callbacks: int
) -> list[Any]:
    """Keep callbacks of a new session; return their records of the stream."""
    session = active_session(services)
    for number in range(callbacks):
        form = [("EventName", "SessionFirstPartyAnswer"), ("n", str(number))]
        request = signed_form(path_of(services, session), form)
        on_session_event.lambda_handler(request, None)
    return [
        r for r in deployment.stream() if r["dynamodb"]["Keys"]["sk"]["S"][:2] == "E#"
    ]
