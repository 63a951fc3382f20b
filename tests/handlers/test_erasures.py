"""POST /v1/erasures and GET /v1/erasures/{erasure_id}: asked for, done, proven."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from functions.create_erasure import app as create_app
from functions.create_session import app as session_app
from functions.erase_number import app as erase_app
from functions.get_erasure import app as get_app
from functions.get_session import app as read_app
from functions.publish_changes import app as publish_app
from functions.search_sessions import app as search_app
from functions.update_session import app as update_app
from masking.core import numbers
from masking.core.problems import StorageUnavailableError
from masking.domain import erasures
from masking.storage.erasures import ErasureStore
from masking.storage.stores import Stores
from masking.storage.table import read_item
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.payloads import PAIR, Context, http, problem, read
from tests.support.sessions_there import created, reserved
from tests.support.simulated_plivo import SimulatedPlivo
from tests.support.stores import own_stores, stores_over
from tests.support.table_stream import TableStream

PERSON = PAIR["first_party"]
BODY = {"phone_number": PERSON}


def ask(body: object = BODY, **more: Any) -> dict[str, Any]:
    """Ask for an erasure."""
    return create_app.lambda_handler(http("create_erasure", body=body, **more), None)


def look(erasure_id: str, **more: Any) -> dict[str, Any]:
    """Ask after an erasure."""
    event = http("get_erasure", **more)
    event["pathParameters"] = {"erasure_id": erasure_id}
    return get_app.lambda_handler(event, None)


def message(**body: str) -> dict[str, Any]:
    """Give a message of the queue of erasures as Lambda gets it."""
    record = {
        "messageId": "the-message",
        "receiptHandle": "a handle",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "3"},
    }
    return {"Records": [record]}


def let_it_rest(stores: Stores, erasure_id: str) -> None:
    """Move an erasure's first walk into the past, as waiting would."""
    known = stores.erasures.get(erasure_id)
    if known and known.swept_at:
        stores.erasures.put(erasures.sweep(known, known.swept_at - erasures.REST))


def publish(stream: TableStream) -> None:
    """Work off what is new in the stream."""
    event = {"Records": stream.new()}
    assert publish_app.lambda_handler(event, None) == {"batchItemFailures": []}


def queued(aws: EmbeddedAws, deployment: Deployment) -> list[dict[str, Any]]:
    """Take the messages out of the queue of erasures."""
    sqs = aws.client("sqs")
    url = deployment.environment["ERASURE_QUEUE_URL"]
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    for each in answer.get("Messages", []):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return [json.loads(each["Body"]) for each in answer.get("Messages", [])]


@pytest.mark.usefixtures("deployment")
def test_an_erasure_is_begun_and_can_be_looked_at() -> None:
    answer = ask()

    erasure = read(answer)["erasure"]
    assert answer["statusCode"] == 202
    assert answer["headers"]["location"] == f"/v1/erasures/{erasure['erasure_id']}"
    assert erasure["status"] == "running"
    assert erasure["found"] is None
    assert erasure["remains"] == []
    assert read(look(erasure["erasure_id"]))["erasure"] == erasure
    assert "2025550100" not in json.dumps(answer)


@pytest.mark.usefixtures("deployment")
def test_asking_again_while_one_runs_gives_that_one() -> None:
    first, second = (read(ask())["erasure"] for _ in range(2))
    without_plus = read(ask({"phone_number": PERSON.removeprefix("+")}))["erasure"]

    assert first == second == without_plus


def test_when_one_is_complete_another_is_begun(
    services: Services, clock: Clock
) -> None:
    first = read(ask())["erasure"]
    stores = services.stores
    known = stores.erasures.get(first["erasure_id"])
    assert known
    stores.erasures.put(erasures.close(known, [], clock()))

    second = read(ask())["erasure"]

    assert second["erasure_id"] != first["erasure_id"]
    assert read(look(first["erasure_id"]))["erasure"]["status"] == "completed"


def test_what_is_complete_is_not_taken_back(services: Services, clock: Clock) -> None:
    stores = services.stores
    running = stores.erasures.get(read(ask())["erasure"]["erasure_id"])
    assert running
    stores.erasures.put(erasures.close(running, [], clock()))

    stores.erasures.put(erasures.sweep(running, clock()))
    stores.erasures.put(erasures.close(running, [], clock() + timedelta(hours=1)))

    found = stores.erasures.get(running.erasure_id)
    assert found
    assert found.completed_at == clock()


@pytest.mark.usefixtures("deployment")
def test_two_tenants_forget_the_same_number_each_for_itself() -> None:
    mine = read(ask(tenant="acme"))["erasure"]
    theirs = read(ask(tenant="umbrella"))["erasure"]

    assert mine["erasure_id"] != theirs["erasure_id"]
    assert problem(look(theirs["erasure_id"], tenant="acme"))[:2] == (
        404,
        "erasure_not_found",
    )


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize("name", ["", "nobody", "../x", PERSON, "5B1F0A52" * 4])
def test_what_names_no_erasure_is_not_found(name: str) -> None:
    assert problem(look(name))[:2] == (404, "erasure_not_found")


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize(
    "body",
    [
        *({}, {"phone_number": None}, {"phone_number": "0049"}, {"phone_number": 1}),
        {**BODY, "reason": "asked"},
    ],
)
def test_what_is_no_number_is_refused(body: object) -> None:
    assert problem(ask(body))[:2] == (400, "invalid_request")


@pytest.mark.usefixtures("deployment")
def test_only_an_admin_forgets() -> None:
    scopes = "sessions:read sessions:write recordings:read recordings:write"

    assert problem(ask(scopes=scopes))[:2] == (403, "scope_missing")
    assert problem(look("x", scopes=scopes))[:2] == (403, "scope_missing")


def test_a_marker_that_is_written_all_the_time_is_told(
    services: Services, clock: Clock
) -> None:
    class Racing(ErasureStore):
        """Others are always faster, and done."""

        def begin(self, erasure: Any, seen: Any) -> None:
            stores = services.stores
            current = stores.erasures.tombstone(erasure.tenant_id, erasure.number_hash)
            other = erasures.request(erasure.tenant_id, erasure.number_hash, clock())
            stores.erasures.begin(other, current)
            stores.erasures.put(erasures.close(other, [], clock()))
            super().begin(erasure, seen)

    racing = own_stores(services)
    racing.erasures = Racing(racing.table)

    with pytest.raises(StorageUnavailableError):
        at(services, clock, racing).create_erasure.begin(PERSON, tenant_id="acme")


def test_of_two_requests_at_once_one_begins(services: Services, clock: Clock) -> None:
    stores = services.stores
    hashed = numbers.hashed(services.number_key, PERSON)
    other = erasures.request("acme", hashed, clock())

    class Slow(ErasureStore):
        """Somebody else asks between reading the marker and writing it."""

        def begin(self, erasure: Any, seen: Any) -> None:
            if stores.erasures.tombstone("acme", hashed) is None:
                stores.erasures.begin(other, None)
            super().begin(erasure, seen)

    slow = own_stores(services)
    slow.erasures = Slow(slow.table)
    begun = at(services, clock, slow).create_erasure.begin(PERSON, tenant_id="acme")

    assert begun == other


def test_an_error_of_the_storage_is_no_lost_race(
    services: Services, clock: Clock
) -> None:
    from botocore.exceptions import ClientError

    stores = services.stores
    missing = stores_over(stores.table.client, "no-such-table")
    erasure = erasures.request("acme", "hash", clock())

    with pytest.raises(ClientError, match="ResourceNotFound"):
        missing.erasures.begin(erasure, None)


def test_it_goes_all_the_way_through_the_functions(
    aws: EmbeddedAws,
    deployment: Deployment,
    services: Services,
    plivo: SimulatedPlivo,
    clock: Clock,
) -> None:
    stream = TableStream(aws, deployment)
    session = created(services, clock, labels={"customer": "Ada Example"})
    publish(stream)
    erasure_id = read(ask())["erasure"]["erasure_id"]
    publish(stream)

    for _ in range(2):
        [body] = queued(aws, deployment)
        done = erase_app.lambda_handler(message(**body), Context())
        assert done == {"batchItemFailures": []}
        let_it_rest(services.stores, erasure_id)
    publish(stream)

    proof = read(look(erasure_id))["erasure"]
    assert proof["status"] == "completed"
    assert proof["found"]["sessions"] == proof["found"]["labels"] == 1
    assert [each["what"] for each in proof["remains"]] == [
        "change_stream",
        "queues",
        "backups",
        "carrier",
    ]
    [told] = [
        each["detail"]
        for each in deployment.bus.events(3)
        if each["detail-type"] == "erasure.completed"
    ]
    assert told["erasure_id"] == erasure_id
    assert "session_uuid" not in told
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
    erasure_id = read(ask())["erasure"]["erasure_id"]
    publish(stream)
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
    event = message(erasure_id=erasure_id, session_uuid=session)
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


# Erased sessions, as the API has them


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
def test_the_other_partys_search_shows_an_erased_session_blanked(
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
    publish(TableStream(aws, deployment))
    ended = transitions.expire(session, clock())
    services.stores.sessions.replace(session, ended)
    services.stores.sessions.replace(ended, redaction.redacted_session(ended, clock()))

    answer = read(search_app.lambda_handler(http("search_sessions", body=body), None))

    assert len(answer["objects"]) == found
    for shown in answer["objects"]:
        assert shown["first_party"] is shown["second_party"] is None
        assert shown["erased_at"]
