"""Every sample event goes through its handler, so that no sample can rot."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from masking.api import callback_requests
from masking.core.get_health import VERSION
from masking.core.settings import Settings
from masking.storage.stores import Stores
from masking.tenants import authorize
from masking.wiring import Services
from proofs.http_listener import HttpListener, reply
from tests.support.api_document import OPERATIONS, check_answer
from tests.support.clock import Clock, at
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.payloads import EVENTS, Context, problem, read, sample
from tests.support.simulated_plivo import SimulatedPlivo

MP3 = b"ID3\x04" + bytes(500)

Check = Callable[[dict[str, Any]], None]


def invoke(name: str) -> Any:
    """Send `events/<name>.json` through the function that it is named after."""
    function = name.partition(".")[0]
    app = importlib.import_module(f"functions.{function}.app")
    return app.lambda_handler(sample(name), Context())


def is_answer(status_code: int, **session: Any) -> Check:
    """Expect an answer, with these values in its session."""

    def check(answer: dict[str, Any]) -> None:
        assert answer["statusCode"] == status_code, answer["body"]
        shown = read(answer)["session"]
        assert {name: shown[name] for name in session} == session

    return check


def is_page(sessions: int) -> Check:
    """Expect a page of so many sessions."""

    def check(answer: dict[str, Any]) -> None:
        assert answer["statusCode"] == 200, answer["body"]
        assert len(read(answer)["objects"]) == sessions

    return check


def is_problem(status: int, code: str, outcome: str | None = None) -> Check:
    """Expect a problem document."""

    def check(answer: dict[str, Any]) -> None:
        assert problem(answer) == (status, code, outcome)

    return check


def is_exactly(expected: object) -> Check:
    """Expect just this."""

    def check(answer: object) -> None:
        assert answer == expected

    return check


def is_deletion(answer: dict[str, Any]) -> None:
    """Expect a recording that has been deleted."""
    assert answer["statusCode"] == 200, answer["body"]
    assert read(answer)["recording"]["status"] == "deleted"


def is_begun(answer: dict[str, Any]) -> None:
    """Expect an erasure that has begun."""
    assert answer["statusCode"] == 202, answer["body"]
    assert read(answer)["erasure"]["status"] == "running"


def is_goodbye(answer: dict[str, Any]) -> None:
    """Expect Plivo XML that ends the call."""
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"] == "application/xml"
    assert answer["body"].endswith("<Hangup/></Response>")


def is_health(answer: dict[str, Any]) -> None:
    """Expect the version, and nothing else."""
    assert answer["statusCode"] == 200
    assert read(answer) == {"version": VERSION}


REFUSED = is_problem(403, "webhook_refused")

# What comes out, each file in a deployment in which the session of
# create_session.json has been created before.
EXPECTED: dict[str, Check] = {
    "authorize": is_exactly(
        {
            "isAuthorized": True,
            "context": {"tenant_id": "local", "scopes": "sessions:read"},
        }
    ),
    "authorize.unknown_key": is_exactly({"isAuthorized": False, "context": {}}),
    "create_session": is_answer(200, call_time_limit=1800, status="active"),
    "create_session.pin": is_answer(201, generate_pin_length=6, pin_retry=2),
    "create_session.single_party": is_answer(
        201, first_party="+12025550102", second_party=None
    ),
    "create_session.invalid": is_problem(400, "invalid_request", "not_created"),
    "create_session.malformed": is_problem(400, "malformed_body", "not_created"),
    "create_session.read_only_key": is_problem(403, "scope_missing", "not_created"),
    "get_health": is_health,
    "get_session": is_answer(200, first_party="+12025550100", record=True),
    "get_session.unknown": is_problem(404, "session_not_found"),
    "update_session": is_answer(200, call_time_limit=3600, record=True),
    "update_session.frozen": is_problem(422, "field_not_updatable", "not_updated"),
    "expire_session": is_answer(200, status="expired"),
    "list_sessions": is_page(0),
    "list_sessions.label": is_page(0),
    "list_sessions.number": is_problem(400, "number_in_url"),
    "search_sessions": is_page(0),
    "search_sessions.invalid": is_problem(400, "invalid_request"),
    "list_recordings": is_page(1),
    "get_recording": is_problem(409, "recording_not_stored"),
    "get_recording.json_link": is_problem(409, "recording_not_stored"),
    "delete_recording": is_deletion,
    "answer_call": is_goodbye,
    "answer_call.fallback": is_goodbye,
    "answer_call.hangup": is_goodbye,
    "on_session_event": REFUSED,
    "on_session_event.json_body": REFUSED,
    "on_recording_event": REFUSED,
    "list_events": is_page(0),
    "list_deliveries": is_page(0),
    "replay_delivery": is_problem(404, "delivery_not_found"),
    "deliver_webhook": is_exactly({"batchItemFailures": []}),
    "republish_changes": is_exactly(None),
    "republish_changes.given_up": is_exactly(None),
    "publish_changes": is_exactly({"batchItemFailures": []}),
    "publish_changes.callback": is_exactly({"batchItemFailures": []}),
    "publish_changes.expired": is_exactly({"batchItemFailures": []}),
    "store_recording": is_exactly({"batchItemFailures": []}),
    "expire_sessions": is_exactly({"expired": 0}),
    "reconcile_sessions": is_exactly({}),
    "check_sessions": is_exactly(None),
    "create_erasure": is_begun,
    "create_erasure.invalid": is_problem(400, "invalid_request"),
    "get_erasure": is_problem(404, "erasure_not_found"),
    "erase_number": is_exactly({"batchItemFailures": []}),
}


def test_every_sample_has_its_test() -> None:
    assert EXPECTED.keys() == {path.stem for path in EVENTS.glob("*.json")}


@pytest.fixture
def usual_world(
    stores: Stores,
    plivo: SimulatedPlivo,
    clock: Clock,
    wire: HttpListener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Issue the samples' key, create their session, have their recording ready."""
    authorize.issue(
        stores, key="local-dev-key", tenant_id="local", scopes=["sessions:read"]
    )
    assert plivo.sessions() == []
    assert invoke("create_session")["statusCode"] == 201
    monkeypatch.setenv("RECORDING_HOSTS", wire.origin)
    wire.answers(reply(200, MP3))
    detail = json.loads(sample("store_recording")["Records"][0]["body"])["detail"]
    session = stores.sessions.load(detail["session_uuid"])
    assert session
    at(Services(Settings(os.environ)), clock).announcer.from_callback(
        {
            "EventName": "SessionRecordingCompleted",
            "RecordingUUID": detail["recording_uuid"],
            "RecordingURL": f"{wire.origin}/recording.mp3",
        },
        detail["callback"],
        session,
    )


@pytest.mark.usefixtures("usual_world")
@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_gives_what_its_table_says(name: str) -> None:
    answer = invoke(name)

    EXPECTED[name](answer)
    function = name.partition(".")[0]
    if function in OPERATIONS:
        check_answer(function, answer)


@pytest.mark.usefixtures("usual_world")
def test_the_sample_of_a_recording_ends_in_the_bucket(
    aws: EmbeddedAws, deployment: Deployment
) -> None:
    invoke("store_recording")

    listed = aws.client("s3").list_objects_v2(Bucket=deployment.bucket_name)
    assert [found["Size"] for found in listed["Contents"]] == [len(MP3)]


@pytest.mark.usefixtures("usual_world")
def test_the_samples_of_a_stored_recording_lead_to_its_file() -> None:
    invoke("store_recording")

    redirect, link = invoke("get_recording"), invoke("get_recording.json_link")

    assert redirect["statusCode"] == 302
    assert link["statusCode"] == 200
    for answer in (redirect, link):
        check_answer("get_recording", answer)
    for url in (redirect["headers"]["location"], read(link)["url"]):
        assert "X-Amz-Signature=" in url


@pytest.mark.usefixtures("usual_world")
@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("publish_changes", ["session.created"]),
        ("publish_changes.callback", ["call.answered", "recording.announced"]),
        ("publish_changes.expired", ["session.expired"]),
    ],
)
def test_the_samples_of_changes_become_events_without_numbers(
    deployment: Deployment, name: str, types: list[str]
) -> None:
    invoke(name)

    published = deployment.bus.events(len(types))
    assert sorted(event["detail-type"] for event in published) == types
    assert "2025550100" not in json.dumps(published)
    assert "2025550177" not in json.dumps(published)


def test_the_sample_of_a_recording_names_the_callback_that_the_other_sample_keeps() -> (
    None
):
    [_, record] = sample("publish_changes.callback")["Records"]
    kept = record["dynamodb"]["NewImage"]
    detail = json.loads(sample("store_recording")["Records"][0]["body"])["detail"]
    attributes = {n: v["S"] for n, v in kept["attributes"]["M"].items()}

    assert kept["sk"]["S"].endswith(f"#{detail['callback']}")
    assert callback_requests.digest_of(list(attributes.items())) == detail["callback"]


@pytest.mark.parametrize("path", sorted(EVENTS.glob("*.json")), ids=lambda p: p.stem)
def test_a_sample_holds_no_secret(path: Any) -> None:
    text = path.read_text()

    assert "auth_token" not in text
    assert "AKIA" not in text


def test_services_are_built_once(services: Services) -> None:
    assert services.stores is services.stores
    assert services.carrier is services.carrier
