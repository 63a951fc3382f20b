"""A stored recording is linked to; others say why there is no link."""

from __future__ import annotations

import urllib3

from functions.get_recording import app as get_app
from masking.domain import recording_transitions
from masking.domain.sessions import Session
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.payloads import problem, read
from tests.support.recorded_calls import (
    Drain,
    announced,
    request,
    stored_one,
)
from tests.support.simulated_plivo import SimulatedPlivo


def test_a_stored_recording_is_linked_to_and_each_access_is_an_event(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    drain: Drain,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    kept = stored_one(services, plivo, recorded, clock, drain)
    deployment.bus.events()

    redirect = get_app.lambda_handler(
        request("get_recording", kept.recording_uuid), None
    )
    json_link = read(
        get_app.lambda_handler(
            request("get_recording", kept.recording_uuid, accept="application/json"),
            None,
        )
    )

    assert redirect["statusCode"] == 302
    assert "body" not in redirect
    assert redirect["headers"]["cache-control"] == "no-store"
    pool = urllib3.PoolManager(ca_certs=str(aws.ca_file))
    for url in (redirect["headers"]["location"], json_link["url"]):
        answer = pool.request("GET", url)
        assert answer.status == 200
        assert len(answer.data) == kept.bytes
        assert answer.headers["Content-Disposition"].endswith('.wav"')
    assert json_link["recording"]["sha256"] == kept.sha256
    assert json_link["recording"]["status"] == "stored"
    told = deployment.bus.events(2)
    assert [e["detail-type"] for e in told] == ["recording.accessed"] * 2
    assert {e["detail"]["recording_uuid"] for e in told} == {kept.recording_uuid}


def test_while_it_is_on_its_way_it_is_409_and_says_when_to_ask_again(
    services: Services, recorded: Session, clock: Clock
) -> None:
    known = announced(services, recorded, clock, "https://media.plivo.com/x.wav")

    answer = get_app.lambda_handler(
        request("get_recording", known.recording_uuid), None
    )

    assert problem(answer)[:2] == (409, "recording_not_stored")
    assert answer["headers"]["retry-after"] == "15"


def test_one_that_failed_is_409_and_says_why(
    services: Services, recorded: Session, clock: Clock
) -> None:
    known = announced(services, recorded, clock, "https://media.plivo.com/x.wav")
    failed = recording_transitions.give_up(
        known, "not_available", "answered 404", clock()
    )
    services.stores.recordings.replace(known, failed)

    answer = get_app.lambda_handler(
        request("get_recording", known.recording_uuid), None
    )

    assert problem(answer)[:2] == (409, "recording_failed")
    assert read(answer)["reason"] == "not_available"
