"""A recording is announced, stored or failed in the table before the bus says so."""

from __future__ import annotations

import json

from functions.list_recordings import app as list_app
from functions.publish_changes import app as publish_app
from masking.core import key_space
from masking.domain import (
    recording_transitions,
)
from masking.domain.recordings import Status
from masking.plivo.recording_answers import RecordedCall, resource_from
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.embedded_aws import Deployment
from tests.support.payloads import read
from tests.support.publishing import Publish, active, keep
from tests.support.recorded_calls import NAME, Drain, deliver, request
from tests.support.sessions_there import planted
from tests.support.table_stream import TableStream


def test_what_a_callback_announces_is_in_the_table_before_it_is_on_the_bus(
    services: Services, clock: Clock, stream: TableStream, deployment: Deployment
) -> None:
    session = planted(services.stores, clock)
    fields = {
        "EventName": "SessionRecordingCompleted",
        "RecordingUUID": "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c",
        "RecordingURL": "https://media.plivo.com/x.mp3",
        "RecordingDuration": "17",
        "RecordingStartTime": "2026-03-01 12:00:09",
        "RecordingEndTime": "2026-03-01 12:00:26.5",
        "RecordingResourceURL": "https://api.plivo.com/v1/Account/MA/Recording/"
        "77777777-2c1e-4f7a-9b8c-7d6e5f4a3b2c/",
        "From": "12025550101",
        "To": "+12025550100",
    }
    services.stores.callbacks.put(
        session.session_uuid,
        "digest",
        kind="recordings",
        tenant_id="acme",
        attempt=1,
        attributes=fields,
        received_at=clock(),
    )

    publish_app.lambda_handler({"Records": stream.new()}, None)

    [known] = services.stores.recordings.of_session(session.session_uuid)
    assert known.status is Status.ANNOUNCED
    assert known.call == {
        "from": "second",
        "to": "first",
        "started_at": "2026-03-01T12:00:09Z",
        "ended_at": "2026-03-01T12:00:26Z",
    }
    assert known.carrier_recording_id == "77777777-2c1e-4f7a-9b8c-7d6e5f4a3b2c"
    assert known.duration == 17
    told = [e["detail-type"] for e in deployment.bus.events(2)]
    assert told.count("recording.announced") == 1
    publish_app.lambda_handler({"Records": stream.new()}, None)
    assert deployment.bus.events() == []


def test_a_recording_that_plivo_could_not_make_is_a_state_and_one_event(
    services: Services, clock: Clock, stream: TableStream, deployment: Deployment
) -> None:
    session = planted(services.stores, clock)
    services.stores.callbacks.put(
        session.session_uuid,
        "digest",
        kind="recordings",
        tenant_id="acme",
        attempt=1,
        attributes={"EventName": "SessionRecordingFailed", "RecordingURL": ""},
        received_at=clock(),
    )

    for _ in range(2):
        publish_app.lambda_handler({"Records": stream.new()}, None)

    [known] = services.stores.recordings.of_session(session.session_uuid)
    events = [
        e for e in deployment.bus.events(2) if e["detail-type"] == "recording.failed"
    ]
    assert (known.status, known.reason) == (Status.FAILED, "not_recorded")
    assert [e["detail"]["recording_uuid"] for e in events] == [known.recording_uuid]
    answer = list_app.lambda_handler(
        request("list_recordings", session.session_uuid), None
    )
    [shown] = read(answer)["objects"]
    assert (shown["status"], shown["failure"]) == ("failed", "not_recorded")


def test_a_callback_that_cannot_be_used_fails_aloud_instead_of_stopping_the_stream(
    services: Services, clock: Clock, stream: TableStream, deployment: Deployment
) -> None:
    session = planted(services.stores, clock)
    services.stores.callbacks.put(
        session.session_uuid,
        "digest",
        kind="recordings",
        tenant_id="acme",
        attempt=1,
        attributes={
            "EventName": "SessionRecordingCompleted",
            "RecordingFormat": ".mp3",
        },
        received_at=clock(),
    )

    answer = publish_app.lambda_handler({"Records": stream.new()}, None)

    [known] = services.stores.recordings.of_session(session.session_uuid)
    assert answer == {"batchItemFailures": []}
    assert (known.status, known.reason) == (Status.FAILED, "malformed")
    [announcement] = [
        e for e in deployment.bus.events(2) if e["detail-type"].startswith("recording.")
    ]
    publish_app.lambda_handler({"Records": stream.new()}, None)
    [told] = deployment.bus.events(1)
    assert told["detail-type"] == "recording.failed"
    assert told["detail"]["reason"] == "malformed"
    # Its message finds a recording that can't be stored, and becomes a dead letter.
    assert deliver(services, announcement) == {"batchItemFailures": []}
    letters = services.recording_dead_letters._client.receive_message(
        QueueUrl=services.settings.recording_dead_letters_url,
        MessageAttributeNames=["All"],
    )["Messages"]
    assert letters[0]["MessageAttributes"]["reason"]["StringValue"] == "malformed"


def test_a_recording_that_plivo_gives_no_address_of_fails_aloud(
    services: Services, clock: Clock, drain: Drain
) -> None:
    session = planted(services.stores, clock)
    found = resource_from(NAME, {}).announcement(RecordedCall(NAME, None, None, None))

    at(services, clock).announcer.from_carrier(found, session, caller=None, callee=None)

    told = [e for e in drain() if e["detail-type"].startswith("recording.")]
    assert [e["detail-type"] for e in told] == ["recording.failed"]
    assert told[0]["detail"]["reason"] == "malformed"


RECORDED = {
    "EventName": "SessionRecordingCompleted",
    "EventTimestamp": "2026-03-01 12:00:27",
    "From": "12025550100",
    "To": "12025550101",
    "RecordingUUID": "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c",
    "RecordingURL": "https://media.plivo.com/v1/Recording/5d0f4a3b.mp3",
    "RecordingFormat": ".mp3",
    "RecordingDuration": "18",
}


def test_a_finished_recording_is_announced_without_its_address(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    publish_new()
    digest = keep(stores, session, clock, RECORDED, "recordings")

    [event] = publish_new()

    detail = event["detail"]
    assert detail["type"] == "recording.announced"
    assert detail["recording_uuid"] == RECORDED["RecordingUUID"]
    assert detail["callback"] == digest
    assert "media.plivo.com" not in json.dumps(event)
    assert stores.links.has(
        key_space.recording_key(RECORDED["RecordingUUID"]), key_space.LINK
    )


def test_a_stored_recording_is_told_once_with_where_and_what_it_is(
    services: Services, stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    publish_new()
    begun = at(services, clock).announcer.from_callback(RECORDED, "d", session)
    claimed = recording_transitions.claim(begun, clock())
    assert claimed
    stores.recordings.replace(begun, claimed)
    assert publish_new(expected=0) == []

    findings = {
        "bucket": "recordings",
        "key": "recordings/acme/x.mp3",
        "bytes": 17,
        "sha256": "ab",
    }
    stored = recording_transitions.store(claimed, findings, clock())
    stores.recordings.replace(claimed, stored)
    [event] = publish_new()
    stores.recordings.replace(stored, recording_transitions.hold(stored, held=True))

    detail = event["detail"]
    assert detail["type"] == "recording.stored"
    assert detail["recording_uuid"] == RECORDED["RecordingUUID"]
    assert (detail["key"], detail["bytes"], detail["sha256"]) == (
        *("recordings/acme/x.mp3", 17, "ab"),
    )
    assert publish_new(expected=0) == []
