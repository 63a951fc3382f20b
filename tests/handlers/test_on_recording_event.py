"""Plivo's recording callbacks are proven and kept like all others, under their kind."""

from __future__ import annotations

import pytest

from functions.on_recording_event import app
from functions.on_session_event import app as session_app
from masking.domain.sessions import Session
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.payloads import problem, sample
from tests.support.sessions_there import planted
from tests.support.signed_callbacks import callback

COMPLETED = {
    "EventName": "SessionRecordingCompleted",
    "EventTimestamp": "2026-03-01 12:00:27",
    "From": "12025550100",
    "To": "12025550101",
    "RecordingUUID": "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c",
    "RecordingURL": "https://media.plivo.com/v1/Recording/5d0f4a3b.mp3",
    "RecordingFormat": ".mp3",
    "RecordingDuration": "18",
    "SequenceNumber": "5",
}


@pytest.fixture
def session(stores: Stores, clock: Clock) -> Session:
    """Return an active session."""
    return planted(stores, clock)


def test_a_recordings_callback_is_kept_as_one(
    services: Services, stores: Stores, session: Session
) -> None:
    event = callback(session, services.callback_key, COMPLETED, kind="recordings")

    answer = app.lambda_handler(event, None)

    [item] = stores.callbacks.of_session(session.session_uuid)
    assert answer["statusCode"] == 200
    assert item["kind"] == "recordings"
    assert item["attributes"] == COMPLETED


def test_the_address_for_recordings_takes_no_signature_for_the_other(
    services: Services, stores: Stores, session: Session
) -> None:
    recording = callback(session, services.callback_key, COMPLETED, kind="recordings")
    event = callback(session, services.callback_key, COMPLETED)

    assert problem(session_app.lambda_handler(recording, None))[0] == 403
    assert problem(app.lambda_handler(event, None))[0] == 403
    assert stores.callbacks.of_session(session.session_uuid) == []


@pytest.mark.usefixtures("deployment")
def test_the_sample_is_refused_because_nobody_can_sign_for_every_stack() -> None:
    answer = app.lambda_handler(sample("on_recording_event"), None)

    assert problem(answer) == (403, "webhook_refused", None)
