"""A deletion takes every copy, is finished if it stops, and respects a hold."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions.delete_recording import app as delete_app
from functions.get_recording import app as get_app
from masking.core import key_space
from masking.domain import recording_transitions, recordings
from masking.domain.recordings import Status
from masking.domain.sessions import Session
from masking.wiring import Services
from operate.hold import hold
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.payloads import problem
from tests.support.recorded_calls import (
    Drain,
    announced,
    request,
    stored_one,
)
from tests.support.simulated_plivo import SimulatedPlivo


def test_a_held_recording_is_kept_shown_and_not_deleted_until_it_is_let_go(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    drain: Drain,
    aws: EmbeddedAws,
) -> None:
    kept = stored_one(services, plivo, recorded, clock, drain)
    bucket, place = services.bucket, key_space.session_key(recorded.session_uuid)

    held = hold(services.stores, bucket, recorded.session_uuid, held=True)
    again = hold(services.stores, bucket, recorded.session_uuid, held=True)
    refused = delete_app.lambda_handler(
        request("delete_recording", kept.recording_uuid), None
    )
    tags = aws.client("s3").get_object_tagging(Bucket=kept.bucket, Key=kept.key)
    item = services.stores.table.get(place, f"R#{kept.recording_uuid}")
    clock.advance(days=5000)
    hidden = recordings.is_hidden(
        services.stores.recordings.of_session(recorded.session_uuid)[0], clock()
    )
    later = announced(services, recorded, clock, "https://media.plivo.com/x.wav")
    released = hold(services.stores, bucket, recorded.session_uuid, held=False)
    deleted = delete_app.lambda_handler(
        request("delete_recording", kept.recording_uuid), None
    )

    assert (dict(held), dict(again)) == ({"changed": 1}, {"as it was": 1})
    assert problem(refused)[:2] == (409, "recording_held")
    assert tags["TagSet"] == [{"Key": "retention-days", "Value": "held"}]
    assert item
    assert "purge_at" not in item
    assert hidden is False
    assert later.held
    assert dict(released) == {"changed": 2}
    assert deleted["statusCode"] == 200


def test_the_hold_of_a_session_alone_keeps_a_recording_from_being_deleted(
    services: Services, recorded: Session, clock: Clock
) -> None:
    known = announced(services, recorded, clock, "https://media.plivo.com/x.wav")
    # As the command does first, before it comes to the recordings.
    services.stores.recordings.put_hold(recorded.session_uuid, held=True)

    refused = delete_app.lambda_handler(
        request("delete_recording", known.recording_uuid), None
    )

    assert problem(refused)[:2] == (409, "recording_held")
    assert services.stores.recordings.of_session(recorded.session_uuid) == [known]


def test_a_deletion_takes_every_version_here_and_the_file_at_plivo(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    drain: Drain,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    kept = stored_one(services, plivo, recorded, clock, drain)
    s3 = aws.client("s3")
    s3.put_object(Bucket=kept.bucket, Key=kept.key, Body=b"another version")
    s3.delete_object(Bucket=kept.bucket, Key=kept.key)
    s3.put_object(Bucket=kept.bucket, Key=f"{kept.key}.other", Body=b"another object")

    deleted = delete_app.lambda_handler(
        request("delete_recording", kept.recording_uuid), None
    )
    again = delete_app.lambda_handler(
        request("delete_recording", kept.recording_uuid), None
    )
    link = get_app.lambda_handler(request("get_recording", kept.recording_uuid), None)

    assert (deleted["statusCode"], again["statusCode"]) == (200, 200)
    assert problem(link)[:2] == (410, "recording_deleted")
    left = s3.list_object_versions(Bucket=deployment.bucket_name)
    assert [v["Key"] for v in left["Versions"]] == [f"{kept.key}.other"]
    assert "DeleteMarkers" not in left
    assert plivo.recordings()[-1]["deleted"]
    gone = services.stores.recordings.of_session(recorded.session_uuid)[0]
    assert (gone.status, gone.key) == (Status.DELETED, None)
    told = [e["detail-type"] for e in drain()]
    assert told.count("recording.deleted") == 1


def test_a_deletion_that_stopped_in_the_middle_is_finished_by_the_queue(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    drain: Drain,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    kept = stored_one(services, plivo, recorded, clock, drain)
    taken = recording_transitions.begin_deletion(kept, clock() - timedelta(minutes=2))
    services.stores.recordings.replace(kept, taken)
    assert problem(
        get_app.lambda_handler(request("get_recording", kept.recording_uuid), None)
    )[:2] == (410, "recording_deleted")

    told = [e["detail-type"] for e in drain()]

    assert told == ["recording.deleting", "recording.deleted"]
    left = aws.client("s3").list_object_versions(Bucket=deployment.bucket_name)
    assert "Versions" not in left
    assert plivo.recordings()[-1]["deleted"]


def test_a_deletion_that_plivo_refuses_goes_on_and_says_so(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    drain: Drain,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = stored_one(services, plivo, recorded, clock, drain)
    with monkeypatch.context() as patch:
        patch.setenv("CARRIER_BASE_URL", "http://127.0.0.1:9")
        failed = delete_app.lambda_handler(
            request("delete_recording", kept.recording_uuid), None
        )

    assert problem(failed)[:2] == (502, "carrier_unreachable")
    assert (
        services.stores.recordings.of_session(recorded.session_uuid)[0].status
        is Status.DELETING
    )
    again = delete_app.lambda_handler(
        request("delete_recording", kept.recording_uuid), None
    )
    assert again["statusCode"] == 200
    assert plivo.recordings()[-1]["deleted"]
