"""A session's recordings are listed while they are retained."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from functions.get_recording import app as get_app
from functions.list_recordings import app as list_app
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment
from tests.support.payloads import problem, read
from tests.support.recorded_calls import (
    Drain,
    request,
    stored_one,
)
from tests.support.sessions_there import created
from tests.support.simulated_plivo import SimulatedPlivo


def test_past_its_retention_it_is_hidden_before_anything_has_deleted_it(
    services: Services,
    plivo: SimulatedPlivo,
    clock: Clock,
    drain: Drain,
    deployment: Deployment,
) -> None:
    session = created(
        services,
        clock,
        record=True,
        record_file_format="wav",
        recording_retention_days=1,
    )
    kept = stored_one(services, plivo, session, clock, drain)
    old = replace(
        kept, announced_at=clock() - timedelta(days=1), version=kept.version + 1
    )
    services.stores.recordings.replace(kept, old)

    link = get_app.lambda_handler(request("get_recording", kept.recording_uuid), None)
    listed = list_app.lambda_handler(
        request("list_recordings", session.session_uuid), None
    )

    assert problem(link)[:2] == (404, "recording_not_found")
    assert read(listed)["objects"] == []
    assert deployment.table_name
