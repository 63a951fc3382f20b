"""erase_number: erases session by session; what is left of them tells nothing."""

from __future__ import annotations

from typing import Any

import pytest

from functions.create_session import app as session_app
from functions.erase_number import app as erase_app
from functions.get_session import app as read_app
from functions.search_sessions import app as search_app
from functions.update_session import app as update_app
from masking.domain import erasures
from masking.storage.stores import Stores
from masking.storage.table import read_item
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.erasures import (
    erasure_message,
    get_erasure,
    move_first_run_back,
    publish_stream,
    request_erasure,
    take_erasure_messages,
)
from tests.support.payloads import PAIR, Context, http, problem, read
from tests.support.sessions_there import created, reserved
from tests.support.simulated_plivo import SimulatedPlivo
from tests.support.table_stream import TableStream


def test_it_goes_all_the_way_through_the_functions(
    aws: EmbeddedAws,
    deployment: Deployment,
    services: Services,
    plivo: SimulatedPlivo,
    clock: Clock,
) -> None:
    stream = TableStream(aws, deployment)
    session = created(services, clock, labels={"customer": "Ada Example"})
    publish_stream(stream)
    erasure_id = read(request_erasure())["erasure"]["erasure_id"]
    publish_stream(stream)

    for _ in range(2):
        [body] = take_erasure_messages(aws, deployment)
        done = erase_app.lambda_handler(erasure_message(**body), Context())
        assert done == {"batchItemFailures": []}
        move_first_run_back(services.stores, erasure_id)
    publish_stream(stream)

    proof = read(get_erasure(erasure_id))["erasure"]
    assert proof["status"] == "completed"
    assert proof["found"]["sessions"] == proof["found"]["labels"] == 1
    assert [each["what"] for each in proof["remains"]] == [
        "change_stream",
        "queues",
        "backups",
        "carrier",
    ]
    [event] = [
        each["detail"]
        for each in deployment.bus.events(3)
        if each["detail-type"] == "erasure.completed"
    ]
    assert event["erasure_id"] == erasure_id
    assert "session_uuid" not in event
    assert plivo.live() == []
    shown = read(
        read_app.lambda_handler(
            http("get_session", session_uuid=session.session_uuid), None
        )
    )["session"]
    assert shown["first_party"] is shown["second_party"] is None
    assert shown["labels"] == {}
    assert shown["erased_at"]
    assert shown["status"] == "expired"


def test_what_can_not_be_erased_yet_comes_again(
    aws: EmbeddedAws, deployment: Deployment, services: Services, plivo: SimulatedPlivo
) -> None:
    from datetime import UTC, datetime

    assert plivo.sessions() == []
    reserved(services.stores, Clock(datetime.now(UTC)))
    stream = TableStream(aws, deployment)
    stores = services.stores
    erasure_id = read(request_erasure())["erasure"]["erasure_id"]
    publish_stream(stream)
    sqs = aws.client("sqs")
    url = deployment.environment["ERASURE_QUEUE_URL"]
    [received] = sqs.receive_message(QueueUrl=url)["Messages"]
    begun = stores.erasures.get(erasure_id)
    assert begun
    [session] = [
        item["pk"].removeprefix("S#")
        for item in stream_items(services.stores)
        if item["sk"] == "A#STATE"
    ]
    event = erasure_message(erasure_id=erasure_id, session_uuid=session)
    event["Records"][0]["receiptHandle"] = received["ReceiptHandle"]

    done = erase_app.lambda_handler(event, Context())

    assert done == {"batchItemFailures": [{"itemIdentifier": "the-message"}]}


def stream_items(stores: Stores) -> list[dict[str, Any]]:
    """Read the whole table."""

    answer = stores.table.client.scan(TableName=stores.table.name)
    return [read_item(item) for item in answer["Items"]]


def test_a_pause_grows_and_has_an_end() -> None:
    assert erasures.pause_after(1, 1) == 15
    assert erasures.pause_after(1, 120) == 120
    assert erasures.pause_after(200, 60) == 900


@pytest.fixture
def erased(
    services: Services, plivo: SimulatedPlivo, clock: Clock
) -> tuple[str, dict[str, Any]]:
    """Create a session with a key and erase it; give its UUID and its request."""
    from masking.domain import redaction, transitions

    assert plivo.sessions() == []
    session = created(services, clock, key="order-17")
    stores = services.stores
    ended = transitions.expire(session, clock())
    stores.sessions.replace(session, ended)
    stores.sessions.replace(ended, redaction.redacted_session(ended, clock()))
    services.stores.sessions.delete_request(session.session_uuid)
    return session.session_uuid, http(
        "create_session", body=PAIR, headers={"idempotency-key": "order-17"}
    )


def test_a_key_whose_session_was_erased_is_gone(
    erased: tuple[str, dict[str, Any]], plivo: SimulatedPlivo
) -> None:
    before = len(plivo.sessions())

    answer = session_app.lambda_handler(erased[1], None)

    assert problem(answer) == (410, "session_erased", "not_created")
    assert len(plivo.sessions()) == before


def test_an_erased_session_is_not_changed(erased: tuple[str, dict[str, Any]]) -> None:
    event = http("update_session", body={"call_time_limit": 60}, session_uuid=erased[0])

    answer = update_app.lambda_handler(event, None)

    assert problem(answer) == (409, "session_expired", "not_updated")


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"second_party": PAIR["second_party"]}, 1),
        ({"first_party": PAIR["second_party"]}, 1),
        ({"first_party": PAIR["first_party"], "second_party": "+12025550101"}, 0),
        ({"second_party": "+12025550101", "virtual_number": "+12025550199"}, 0),
        ({"virtual_number": "+12025550199"}, 0),
    ],
)
def test_the_other_partys_search_shows_an_erased_session_redacted(
    aws: EmbeddedAws,
    deployment: Deployment,
    services: Services,
    clock: Clock,
    plivo: SimulatedPlivo,
    body: dict[str, Any],
    found: int,
) -> None:
    from masking.domain import redaction, transitions

    assert plivo.sessions() == []
    session = created(services, clock)
    publish_stream(TableStream(aws, deployment))
    ended = transitions.expire(session, clock())
    services.stores.sessions.replace(session, ended)
    services.stores.sessions.replace(ended, redaction.redacted_session(ended, clock()))

    answer = read(search_app.lambda_handler(http("search_sessions", body=body), None))

    assert len(answer["objects"]) == found
    for shown in answer["objects"]:
        assert shown["first_party"] is shown["second_party"] is None
        assert shown["erased_at"]
