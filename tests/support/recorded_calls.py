"""Recorded calls, and what a test does with their recordings."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from functions.store_recording import app as store_app
from masking.domain.recordings import Recording, Status
from masking.domain.sessions import Session
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.payloads import sample
from tests.support.simulated_plivo import SimulatedPlivo

NAME = "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c"


SCOPES = "recordings:read recordings:write sessions:read"


Drain = Callable[[], list[dict[str, Any]]]


def deliver(services: Services, event: dict[str, Any]) -> dict[str, Any]:
    """Bring an event through the queue to the function that stores."""
    sqs = services.recording_queue._client
    url = services.settings.recording_queue_url
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))
    taken = sqs.receive_message(QueueUrl=url, VisibilityTimeout=300)["Messages"][0]
    message = sample("store_recording")
    message["Records"][0] |= {
        "messageId": taken["MessageId"],
        "receiptHandle": taken["ReceiptHandle"],
        "body": taken["Body"],
    }
    return store_app.lambda_handler(message, None)


def announced(
    services: Services, session: Session, clock: Clock, url: str, name: str = NAME
) -> Recording:
    """Announce a recording as a callback does."""
    attributes = {
        "EventName": "SessionRecordingCompleted",
        "RecordingUUID": name,
        "RecordingURL": url,
        "RecordingFormat": ".wav",
        "RecordingDuration": "1",
        "From": "12025550100",
        "To": "12025550101",
    }
    return at(services, clock).announcer.from_callback(attributes, "d", session)


def called(plivo: SimulatedPlivo, session: Session) -> str:
    """Let a call be made and recorded, and give the recording's name at Plivo."""
    plivo.call("12025550100", str(session.virtual_number), talk_seconds=1)
    return str(plivo.recordings()[-1]["recording_id"])


def stored_one(
    services: Services,
    plivo: SimulatedPlivo,
    session: Session,
    clock: Clock,
    drain: Drain,
) -> Recording:
    """Return a recording that went all the way into the bucket."""
    name = called(plivo, session)
    begun = announced(services, session, clock, plivo.recordings()[-1]["url"], name)
    deliver(services, {"detail-type": "recording.announced", "detail": names(begun)})
    drain()
    kept = services.stores.recordings.get(session.session_uuid, name)
    assert kept
    assert kept.status is Status.STORED
    return kept


def names(recording: Recording) -> dict[str, str]:
    """Return the two names of a recording."""
    return {
        "session_uuid": recording.session_uuid,
        "recording_uuid": recording.recording_uuid,
    }


def request(
    function: str,
    name: str,
    *,
    tenant: str = "acme",
    scopes: str = SCOPES,
    accept: str = "*/*",
) -> dict[str, Any]:
    """Return the HTTP API's event of a request about a recording, or a session's."""
    event = sample(function)
    event["requestContext"]["authorizer"]["lambda"] = {
        "tenant_id": tenant,
        "scopes": scopes,
    }
    event["pathParameters"] = dict.fromkeys(event["pathParameters"], name)
    event["headers"]["accept"] = accept
    return event
