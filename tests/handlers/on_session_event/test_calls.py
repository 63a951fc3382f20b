"""The main job from end to end in one process: create, call, callbacks, recording."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.create_session import app as create_app
from functions.on_recording_event import app as recording_app
from functions.on_session_event import app as session_app
from functions.publish_changes import app as publish_app
from functions.store_recording import app as store_app
from masking.storage.stores import Stores
from plivo_simulator.server import running
from proofs.http_listener import HttpListener, Request, by
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.payloads import PAIR, http, read, sample
from tests.support.simulated_plivo import SimulatedPlivo
from tests.support.table_stream import TableStream

# Seconds of a call that pass in one.
SPEED = 20


@pytest.fixture(scope="module")
def fast_server() -> Iterator[SimulatedPlivo]:
    """Return a simulator of its own, whose calls pass quickly."""
    with running(speed=SPEED) as server:
        simulated = SimulatedPlivo(server.origin)
        yield simulated
        simulated.close()


@pytest.fixture
def fast_plivo(
    fast_server: SimulatedPlivo,
    deployment: Deployment,
    wire: HttpListener,
    monkeypatch: pytest.MonkeyPatch,
) -> SimulatedPlivo:
    """Return the quick simulator; its callbacks come to our handlers."""
    assert deployment.table_name
    fast_server.reset()
    monkeypatch.setenv("CARRIER_BASE_URL", fast_server.origin)
    monkeypatch.setenv("RECORDING_HOSTS", fast_server.origin)
    monkeypatch.setenv("PUBLIC_BASE_URL", wire.origin)
    wire.answers(by(as_api_gateway))
    return fast_server


def as_api_gateway(asked: Request) -> tuple[int, bytes]:
    """Hand a callback to its function, as the HTTP API would."""
    path, _, query = asked.path.partition("?")
    events = path.endswith("/events")
    event = http(
        "on_session_event" if events else "on_recording_event",
        body=asked.body,
        query=query,
        encoded=True,
    )
    event["headers"] = dict(asked.headers)
    event["rawPath"] = path
    words = path.split("/")
    event["pathParameters"] = dict(
        zip(("session_uuid", "attempt", "token"), words[4:7], strict=True)
    )
    app = session_app if events else recording_app
    answer = app.lambda_handler(event, None)
    return answer["statusCode"], answer["body"].encode()


def create(**body: Any) -> dict[str, Any]:
    """Create a session through its handler."""
    event = http("create_session", body={**PAIR, **body}, tenant="acme")
    answer = create_app.lambda_handler(event, None)
    assert answer["statusCode"] == 201, answer["body"]
    session: dict[str, Any] = read(answer)["session"]
    return session


def call(plivo: SimulatedPlivo, session: dict[str, Any]) -> dict[str, Any]:
    """Let the first party call, talk for three seconds and hang up."""
    return plivo.call(
        session["first_party"], session["virtual_number"], talk_seconds=3, answer=True
    )


def test_a_call_is_told_recorded_and_kept_without_a_number_leaking(
    fast_plivo: SimulatedPlivo,
    stores: Stores,
    aws: EmbeddedAws,
    deployment: Deployment,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream = TableStream(aws, deployment)
    told: list[dict[str, Any]] = []

    def publish() -> None:
        records = stream.new()
        answer = publish_app.lambda_handler({"Records": records}, None)
        assert answer == {"batchItemFailures": []}
        told.extend(deployment.bus.events())

    session = create(record=True, labels={"order": "17"})
    publish()
    spoken = call(fast_plivo, session)
    publish()
    [announced] = [e for e in told if e["detail-type"] == "recording.announced"]
    message = sample("store_recording")
    message["Records"][0]["body"] = json.dumps(announced)
    stored = store_app.lambda_handler(message, None)
    publish()

    kept = {
        c["attributes"]["EventName"]
        for c in stores.callbacks.of_session(session["session_uuid"])
    }
    [recording] = fast_plivo.recordings()
    [listed] = aws.client("s3").list_objects_v2(Bucket=deployment.bucket_name)[
        "Contents"
    ]
    [there] = [e["detail"] for e in told if e["detail-type"] == "recording.stored"]
    assert {c["state"] for c in spoken["callbacks"]} == {"delivered"}
    assert {c["event"] for c in spoken["callbacks"]} == kept
    assert stored == {"batchItemFailures": []}
    assert listed["Size"] == there["bytes"] == recording["bytes"]
    assert there["sha256"] == recording["sha256"]
    assert told[0]["detail-type"] == "session.created"
    assert {"call.answered", "call.ended"} <= {e["detail-type"] for e in told}

    emitted = capsys.readouterr()
    shown = (
        emitted.out + emitted.err + json.dumps(told) + json.dumps(listed, default=str)
    )
    for secret in ("2025550100", "2025550101", fast_plivo.auth_token):
        assert secret not in shown


ACCEPTED = ["v3", "ma_only", "rotating", "rotating_spaced"]
REFUSED = ["v2_only", "unsigned", "wrong"]


@pytest.mark.parametrize("signing", ACCEPTED)
def test_callbacks_are_taken_however_plivo_signs_them(
    fast_plivo: SimulatedPlivo, stores: Stores, signing: str
) -> None:
    fast_plivo.switch(signing=signing)
    session = create()

    spoken = call(fast_plivo, session)

    kept = stores.callbacks.of_session(session["session_uuid"])
    assert {c["status"] for c in spoken["callbacks"]} == {200}
    assert len(kept) == len(spoken["callbacks"])


@pytest.mark.parametrize("signing", REFUSED)
def test_callbacks_that_are_not_signed_with_v3_are_refused(
    fast_plivo: SimulatedPlivo, stores: Stores, signing: str
) -> None:
    fast_plivo.switch(signing=signing)
    session = create()

    spoken = call(fast_plivo, session)

    assert {c["status"] for c in spoken["callbacks"]} == {403}
    assert stores.callbacks.of_session(session["session_uuid"]) == []


@pytest.mark.parametrize(
    "fault",
    [
        {"webhook_duplicated": {"copies": 2, "seconds": 0}},
        {"webhook_reordered": {"seconds": 1}},
        {"webhook_delayed": {"seconds": 1}},
    ],
    ids=repr,
)
def test_callbacks_that_come_twice_late_or_out_of_order_are_kept_once_each(
    fast_plivo: SimulatedPlivo, stores: Stores, fault: dict[str, dict[str, float]]
) -> None:
    session = create()
    plain = call(fast_plivo, session)
    fast_plivo.arm(**fault)

    broken = call(fast_plivo, session)

    told = plain["callbacks"] + broken["callbacks"]
    kept = stores.callbacks.of_session(session["session_uuid"])
    assert len(kept) == len({json.dumps(c["attributes"], sort_keys=True) for c in told})


def test_a_tampered_copy_is_refused(fast_plivo: SimulatedPlivo, stores: Stores) -> None:
    session = create()
    fast_plivo.arm(webhook_tampered={})

    spoken = call(fast_plivo, session)

    honest = [c["status"] for c in spoken["callbacks"] if not c["copy_of"]]
    tampered = [c["status"] for c in spoken["callbacks"] if c["copy_of"]]
    assert set(honest) == {200}
    assert set(tampered) == {403}
    assert len(stores.callbacks.of_session(session["session_uuid"])) == len(honest)
