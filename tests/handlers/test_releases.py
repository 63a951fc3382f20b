"""What releases of before have written is read, listed and worked on by this one.

`tests/releases` has for each release the items that it wrote, and how it answered reads
of them itself; `python -m proofs.upgrade.record` writes such a file.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from functions.authorize import app as authorize
from functions.expire_session import app as expire_session
from functions.get_recording import app as get_recording
from functions.get_session import app as get_session
from functions.list_events import app as list_events
from functions.list_recordings import app as list_recordings
from functions.list_sessions import app as list_sessions
from functions.search_sessions import app as search_sessions
from masking.core.times import stamp
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.payloads import http, read

RELEASES = sorted((Path(__file__).resolve().parents[1] / "releases").glob("*.json"))
TENANT = "local"

Document = dict[str, Any]

# What this release reads otherwise than the one that wrote it.
CHANGED = {
    # Null until Plivo's accounting is final.
    "0.2.0": {
        *("amount", "total_call_amount", "total_call_billed_duration"),
        *("total_call_count", "total_session_amount"),
    },
}


@pytest.fixture(params=RELEASES, ids=lambda path: path.stem)
def release(
    request: pytest.FixtureRequest, aws: EmbeddedAws, deployment: Deployment
) -> Document:
    """Write the items of a release into the table; return its document."""
    document: Document = json.loads(request.param.read_text())
    document["version"] = request.param.stem
    client = aws.client("dynamodb")
    later = {"S": stamp(datetime.now(UTC) + timedelta(hours=1))}
    for item in document["items"]:
        # What was to live for a day when it was recorded lives on.
        if item.get("status") == {"S": "active"}:
            item["expiry_time"] = later
        client.put_item(TableName=deployment.table_name, Item=item)
    return document


def _called(function: Any, event: dict[str, Any]) -> Document:
    answer = function.lambda_handler(event, None)
    assert answer["statusCode"] in {200, 202}, answer["body"]
    return read(answer)


def _event(name: str, **more: Any) -> dict[str, Any]:
    """Return a request of the tenant whose sessions they are."""
    return http(name, tenant=TENANT, **more)


def _uuids(listed: Document) -> set[str]:
    return {each["session_uuid"] for each in listed["objects"]}


def test_there_are_items_of_the_release_before() -> None:
    assert RELEASES


def test_every_session_reads_as_it_did(release: Document) -> None:
    changed = CHANGED.get(release["version"], set())
    for path, before in release["answers"].items():
        if "session" not in before:
            continue
        uuid = path.rpartition("/")[2]
        answer = _called(get_session, _event("get_session", session_uuid=uuid))
        shown, expected = answer["session"], before["session"]
        if expected["status"] == "active":
            # This test has moved it.
            expected["expiry_time"] = shown["expiry_time"]
        for name in expected.keys() - changed - {"calls"}:
            assert shown[name] == expected[name], f"{path}: {name}"
        for call, was in zip(shown["calls"], expected["calls"], strict=True):
            assert Decimal(call.pop("amount")) == Decimal(was.pop("amount"))
            assert was.items() <= call.items()


def test_sessions_are_listed_and_found_by_label_and_number(release: Document) -> None:
    sessions = release["sessions"]

    listed = _called(list_sessions, _event("list_sessions"))
    labeled = _called(list_sessions, _event("list_sessions", query="label.order=17"))
    asked = {"first_party": "+12025550100"}
    found = _called(search_sessions, _event("search_sessions", body=asked))

    assert _uuids(listed) == set(sessions.values())
    assert _uuids(labeled) == {sessions["called"]}
    assert _uuids(found) == {
        sessions[each] for each in ("called", "expired", "updated")
    }


def test_callbacks_and_recordings_are_there(release: Document) -> None:
    uuid = release["sessions"]["called"]
    path = f"/v1/sessions/{uuid}"

    events = _called(list_events, _event("list_events", session_uuid=uuid))
    recordings = _called(list_recordings, _event("list_recordings", session_uuid=uuid))

    before = release["answers"]
    told = [each["event_id"] for each in before[f"{path}/events"]["objects"]]
    assert [each["event_id"] for each in events["objects"]] == told
    [stored], [known] = recordings["objects"], before[f"{path}/recordings"]["objects"]
    assert known.items() <= stored.items()


def test_a_recording_is_linked_to(release: Document) -> None:
    uuid = release["sessions"]["called"]
    [recording] = release["answers"][f"/v1/sessions/{uuid}/recordings"]["objects"]
    event = _event("get_recording")
    event["pathParameters"] = {"recording_uuid": recording["recording_uuid"]}

    answer = get_recording.lambda_handler(event, None)

    assert answer["statusCode"] == 302
    assert recording["recording_uuid"] in answer["headers"]["location"]


@pytest.mark.usefixtures("release")
def test_a_key_opens() -> None:
    event = http("authorize", headers={"authorization": "Bearer local-dev-key"})

    answer = authorize.lambda_handler(event, None)

    assert answer["isAuthorized"] is True
    assert answer["context"]["tenant_id"] == TENANT


@pytest.mark.usefixtures("plivo")
def test_a_session_that_lives_can_be_ended(
    release: Document, publish: Callable[[], None], deployment: Deployment
) -> None:
    """What the stream has of both releases is published as well."""
    uuid = release["sessions"]["updated"]

    ended = _called(expire_session, _event("expire_session", session_uuid=uuid))
    publish()

    assert ended["session"]["status"] == "expired"
    told = [
        each["detail-type"]
        for each in deployment.bus.events()
        if each["detail"].get("session_uuid") == uuid
    ]
    assert "session.expired" in told
