"""A recording's life through the functions: announced, stored, served, deleted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from botocore.exceptions import EndpointConnectionError

from functions.delete_recording import app as delete_app
from functions.get_recording import app as get_app
from functions.list_recordings import app as list_app
from functions.publish_changes import app as publish_app
from functions.store_recording import app as store_app
from masking import wiring
from masking.core import key_space
from masking.domain import recording_transitions, recordings
from masking.domain.due_work import Action, due_work_of
from masking.domain.recordings import Recording, Source, Status
from masking.domain.sessions import Session
from masking.lifecycle.expire_sessions import ExpireSessions
from masking.lifecycle.reconcile import Reconciler
from masking.plivo.recording_answers import RecordedCall, recorded_calls, resource_from
from masking.recording.announce import Announcer
from masking.recording.fetch_recordings import FetchRecordings
from masking.storage.bucket import Bucket
from masking.wiring import Services
from operate.hold import hold
from tests.support.clock import Clock, at
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.payloads import PAIR, problem, read, sample
from tests.support.reconciling import go_round
from tests.support.sessions_there import created, planted, stored
from tests.support.simulated_plivo import SimulatedPlivo
from tests.support.table_stream import TableStream

NAME = "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c"

SCOPES = "recordings:read recordings:write sessions:read"

METERED = ("PutItem", "UpdateItem", "DeleteItem")


@pytest.fixture
def stream(aws: EmbeddedAws, deployment: Deployment) -> TableStream:
    """Return the table's stream."""
    return TableStream(aws, deployment)


@pytest.fixture
def recorded(services: Services, plivo: SimulatedPlivo, clock: Clock) -> Session:
    """Return a session whose calls are recorded."""
    assert plivo.sessions() == []
    return created(services, clock, record=True, record_file_format="wav")


@pytest.fixture
def run(
    services: Services, stream: TableStream, deployment: Deployment
) -> Callable[[], list[dict[str, Any]]]:
    """Return what carries on everything that was written, and gives the events of it.

    As EventBridge and Lambda do: stream, bus, queue, until nothing comes any more.
    """

    def carry_on() -> list[dict[str, Any]]:
        seen: list[dict[str, Any]] = []
        while records := stream.new():
            assert publish_app.lambda_handler({"Records": records}, None) == {
                "batchItemFailures": []
            }
            events = deployment.bus.events()
            seen += events
            for event in events:
                if event["detail-type"] in (
                    "recording.announced",
                    "recording.deleting",
                ):
                    deliver(services, event)
        return seen

    return carry_on


Run = Callable[[], list[dict[str, Any]]]


def deliver(services: Services, event: dict[str, Any]) -> dict[str, Any]:
    """Bring an event through the queue to the function that stores."""
    sqs = services.recording_queue._client
    url = services.settings.recording_queue_url
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))
    taken = sqs.receive_message(QueueUrl=url, VisibilityTimeout=300)["Messages"][0]
    message = sample("store_recording")
    message["Records"][0] |= {
        "messageId": taken["MessageId"],
        "receiptHandle": taken["ReceiptHandle"],
        "body": taken["Body"],
    }
    return store_app.lambda_handler(message, None)


def announced(
    services: Services, session: Session, clock: Clock, url: str, name: str = NAME
) -> Recording:
    """Announce a recording as a callback does."""
    attributes = {
        "EventName": "SessionRecordingCompleted",
        "RecordingUUID": name,
        "RecordingURL": url,
        "RecordingFormat": ".wav",
        "RecordingDuration": "1",
        "From": "12025550100",
        "To": "12025550101",
    }
    return Announcer(services.stores, clock, 365).from_callback(
        attributes, "d", session
    )


def called(plivo: SimulatedPlivo, session: Session) -> str:
    """Let a call be made and recorded, and give the recording's name at Plivo."""
    plivo.call("12025550100", str(session.virtual_number), talk_seconds=1)
    return str(plivo.recordings()[-1]["recording_id"])


def stored_one(
    services: Services, plivo: SimulatedPlivo, session: Session, clock: Clock, run: Run
) -> Recording:
    """Return a recording that went all the way into the bucket."""
    name = called(plivo, session)
    begun = announced(services, session, clock, plivo.recordings()[-1]["url"], name)
    deliver(services, {"detail-type": "recording.announced", "detail": names(begun)})
    run()
    kept = services.stores.recordings.get(session.session_uuid, name)
    assert kept
    assert kept.status is Status.STORED
    return kept


def names(recording: Recording) -> dict[str, str]:
    """Return the two names of a recording."""
    return {
        "session_uuid": recording.session_uuid,
        "recording_uuid": recording.recording_uuid,
    }


def request(
    function: str,
    name: str,
    *,
    tenant: str = "acme",
    scopes: str = SCOPES,
    accept: str = "*/*",
) -> dict[str, Any]:
    """Return the HTTP API's event of a request about a recording, or a session's."""
    event = sample(function)
    event["requestContext"]["authorizer"]["lambda"] = {
        "tenant_id": tenant,
        "scopes": scopes,
    }
    event["pathParameters"] = dict.fromkeys(event["pathParameters"], name)
    event["headers"]["accept"] = accept
    return event


# Announced


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
        attributes={"EventName": "SessionRecordingCompleted", "RecordingURL": "x.ogg"},
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


# Request units


@pytest.fixture
def written_units(services: Services) -> list[float]:
    """Return a list that gets the write units of each write, indexes included."""
    units: list[float] = []
    client: Any = services.stores.table.client

    def ask(params: dict[str, Any], **_: object) -> dict[str, Any]:
        return {**params, "ReturnConsumedCapacity": "INDEXES"}

    def count(parsed: dict[str, Any], **_: object) -> None:
        units.append(parsed["ConsumedCapacity"]["CapacityUnits"])

    for operation in METERED:
        client.meta.events.register(f"provide-client-params.dynamodb.{operation}", ask)
        client.meta.events.register(f"after-call.dynamodb.{operation}", count)
    return units


@pytest.mark.parametrize("url_length", [100, 1000])
def test_a_recording_costs_two_writes_by_its_callback_and_three_after_it(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    stream: TableStream,
    deployment: Deployment,
    written_units: list[float],
    url_length: int,
) -> None:
    wiring.services().stores = services.stores
    called(plivo, recorded)
    file = plivo.recordings()[-1]
    url = file["url"] + "?" + "x" * max(0, url_length - len(file["url"]) - 1)
    attributes = {
        "EventName": "SessionRecordingCompleted",
        "EventTimestamp": "2026-03-01 12:00:27",
        "RecordingUUID": file["recording_id"],
        "RecordingURL": url,
        "RecordingFormat": ".wav",
        "RecordingDuration": "1",
        "RecordingStartTime": "2026-03-01 12:00:26",
        "RecordingEndTime": "2026-03-01 12:00:27",
        "SequenceNumber": "5",
    }
    stream.new()
    written_units.clear()

    services.stores.callbacks.put(
        recorded.session_uuid,
        "0" * 64,
        kind="recordings",
        tenant_id="acme",
        attempt=1,
        attributes=attributes,
        received_at=clock(),
    )
    callback = sum(written_units)
    records = stream.new()
    written_units.clear()
    publish_app.lambda_handler({"Records": records}, None)
    link, item = written_units
    [event] = [
        e for e in deployment.bus.events(1) if e["detail-type"] == "recording.announced"
    ]
    deliver(services, event)
    publish_app.lambda_handler({"Records": stream.new()}, None)

    after = sum(written_units) - link
    print(f"callback {callback + link}, after it {after} ({item} to announce)")
    if url_length == 100:
        assert callback + link == 2
        assert after == 3
    else:
        # Callback and item hold the URL until the file is stored, and rewriting an
        # item costs what it was before, too.
        assert callback + link == 3
        assert after == 6


# Twice, and twice at once


def test_two_deliveries_at_once_make_one_object_and_one_event(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    aws: EmbeddedAws,
    deployment: Deployment,
    stream: TableStream,
) -> None:
    plivo.arm(recording_slow={"seconds": 1})
    called(plivo, recorded)
    begun = announced(services, recorded, clock, plivo.recordings()[-1]["url"])
    event = {"detail-type": "recording.announced", "detail": names(begun)}
    stream.new()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: deliver(services, event), range(2)))

    failed = [answer for answer in answers if answer["batchItemFailures"]]
    assert len(failed) == 1
    assert deliver(services, event) == {"batchItemFailures": []}
    versions = aws.client("s3").list_object_versions(Bucket=deployment.bucket_name)
    assert len(versions["Versions"]) == 1
    while records := stream.new():
        publish_app.lambda_handler({"Records": records}, None)
    told = [e["detail-type"] for e in deployment.bus.events(1)]
    assert told.count("recording.stored") == 1
    assert plivo.recordings()[-1]["fetches"] == 1


# Served


def test_a_link_signed_for_us_east_1_has_a_v4_signature_and_the_regional_host() -> None:
    from masking.core.settings import Settings
    from masking.wiring import Services

    built = Services(Settings({"BUCKET_NAME": "a-bucket"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "example")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        link = built.bucket.link(
            "recordings/a/b.mp3",
            file_name="b.mp3",
            content_type="audio/mpeg",
            seconds=300,
        )

    parts = urlsplit(link)
    query = parse_qs(parts.query)
    assert parts.hostname == "a-bucket.s3.us-east-1.amazonaws.com"
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Signature"]
    assert query["X-Amz-Expires"] == ["300"]
    assert query["response-content-disposition"] == ['attachment; filename="b.mp3"']
    assert "Signature" not in query


def test_a_stored_recording_is_linked_to_and_each_access_is_an_event(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    run: Run,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    kept = stored_one(services, plivo, recorded, clock, run)
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


@pytest.mark.parametrize("function", ["get_recording", "delete_recording"])
@pytest.mark.parametrize(
    "name", ["5d0f4a3b-2c1e-4f7a-9b8c-000000000000", "../x", "5D0F4A3B"]
)
@pytest.mark.usefixtures("deployment")
def test_an_unknown_recording_is_not_found(function: str, name: str) -> None:
    app = get_app if function == "get_recording" else delete_app

    answer = app.lambda_handler(request(function, name), None)

    assert problem(answer)[:2] == (404, "recording_not_found")


def test_nobody_sees_anothers_recordings(
    services: Services, recorded: Session, clock: Clock
) -> None:
    known = announced(services, recorded, clock, "https://media.plivo.com/x.wav")

    for app, function, name, code in (
        (get_app, "get_recording", known.recording_uuid, "recording_not_found"),
        (delete_app, "delete_recording", known.recording_uuid, "recording_not_found"),
        (list_app, "list_recordings", recorded.session_uuid, "session_not_found"),
    ):
        answer = app.lambda_handler(request(function, name, tenant="other"), None)
        assert problem(answer)[:2] == (404, code)


@pytest.mark.parametrize(
    ("app", "function"),
    [
        (get_app, "get_recording"),
        (list_app, "list_recordings"),
        (delete_app, "delete_recording"),
    ],
)
@pytest.mark.usefixtures("deployment")
def test_a_key_without_the_scope_gets_nothing(app: Any, function: str) -> None:
    answer = app.lambda_handler(
        request(function, "x", scopes="sessions:read sessions:write"), None
    )

    assert problem(answer)[:2] == (403, "scope_missing")


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


# Retention


@pytest.mark.parametrize(
    ("session_rule", "tenant_rule", "days"),
    [(None, None, 365), (None, 30, 30), (7, 30, 7), (90, None, 90)],
)
def test_how_long_it_is_kept_is_the_sessions_rule_or_the_tenants_or_the_deployments(
    services: Services,
    plivo: SimulatedPlivo,
    clock: Clock,
    run: Run,
    aws: EmbeddedAws,
    session_rule: int | None,
    tenant_rule: int | None,
    days: int,
) -> None:
    rule: dict[str, Any] = (
        {"recording_retention_days": session_rule} if session_rule else {}
    )
    session = created(services, clock, record=True, record_file_format="wav", **rule)
    if tenant_rule:
        services.stores.recordings.put_retention("acme", tenant_rule)

    kept = stored_one(services, plivo, session, clock, run)

    assert kept.retention_days == days
    tags = aws.client("s3").get_object_tagging(Bucket=kept.bucket, Key=kept.key)
    assert tags["TagSet"] == [{"Key": "retention-days", "Value": str(days)}]
    item = services.stores.table.get(
        key_space.session_key(session.session_uuid), f"R#{kept.recording_uuid}"
    )
    assert item
    expected = (kept.announced_at + timedelta(days=days)).timestamp()
    assert item["purge_at"] == int(expected)


def test_past_its_retention_it_is_hidden_before_anything_has_deleted_it(
    services: Services,
    plivo: SimulatedPlivo,
    clock: Clock,
    run: Run,
    deployment: Deployment,
) -> None:
    session = created(
        services,
        clock,
        record=True,
        record_file_format="wav",
        recording_retention_days=1,
    )
    kept = stored_one(services, plivo, session, clock, run)
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


def test_a_held_recording_is_kept_shown_and_not_deleted_until_it_is_let_go(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    run: Run,
    aws: EmbeddedAws,
) -> None:
    kept = stored_one(services, plivo, recorded, clock, run)
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


# Deleted


def test_a_deletion_takes_every_version_here_and_the_file_at_plivo(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    run: Run,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    kept = stored_one(services, plivo, recorded, clock, run)
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
    told = [e["detail-type"] for e in run()]
    assert told.count("recording.deleted") == 1


def test_a_deletion_that_stopped_in_the_middle_is_finished_by_the_queue(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    run: Run,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    kept = stored_one(services, plivo, recorded, clock, run)
    taken = recording_transitions.begin_deletion(kept, clock() - timedelta(minutes=2))
    services.stores.recordings.replace(kept, taken)
    assert problem(
        get_app.lambda_handler(request("get_recording", kept.recording_uuid), None)
    )[:2] == (410, "recording_deleted")

    told = [e["detail-type"] for e in run()]

    assert told == ["recording.deleting", "recording.deleted"]
    left = aws.client("s3").list_object_versions(Bucket=deployment.bucket_name)
    assert "Versions" not in left
    assert plivo.recordings()[-1]["deleted"]


def test_a_deletion_that_plivo_refuses_goes_on_and_says_so(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = stored_one(services, plivo, recorded, clock, run)
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


def test_it_is_deleted_at_plivo_once_it_is_stored_if_that_is_wanted(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = called(plivo, recorded)
    begun = announced(services, recorded, clock, plivo.recordings()[-1]["url"], name)
    event = {"detail-type": "recording.announced", "detail": names(begun)}
    with monkeypatch.context() as patch:
        patch.setenv("DELETE_RECORDINGS_AT_CARRIER", "true")
        patch.setenv("CARRIER_BASE_URL", "http://127.0.0.1:9")
        unreachable = deliver(services, event)
    assert len(unreachable["batchItemFailures"]) == 1
    [kept] = services.stores.recordings.of_session(recorded.session_uuid)
    assert kept.status is Status.STORED
    assert not plivo.recordings()[-1]["deleted"]

    monkeypatch.setenv("DELETE_RECORDINGS_AT_CARRIER", "true")
    assert deliver(services, event) == {"batchItemFailures": []}

    assert plivo.recordings()[-1]["deleted"]


# Found, where no callback came


def ended(services: Services, session: Session, clock: Clock) -> Session:
    """Let a session run out and the sweep end it."""
    clock.at = max(clock.at, session.expiry_time or clock.at) + timedelta(seconds=1)
    assert ExpireSessions(services.stores, clock, lambda: True).run() == 1
    return stored(services.stores, session)


def reconciler_of(services: Services, clock: Clock) -> Reconciler:
    """Return the reconciler with a clock of the test's."""
    return at(services, clock).reconciler


def reconcile(services: Services, clock: Clock) -> Mapping[str, int]:
    """Go once round what is due."""
    return go_round(reconciler_of(services, clock))


def test_with_no_webhook_at_all_every_recording_is_found_and_stored(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    run: Run,
) -> None:
    for _ in range(2):
        called(plivo, recorded)
    files = {file["recording_id"]: file for file in plivo.recordings()}
    session = ended(services, recorded, clock)
    due = due_work_of(session)
    assert due
    assert due.kind is Action.SETTLE
    assert reconcile(services, clock) == {}
    clock.at = due.at

    assert reconcile(services, clock) == {"fetched": 1}
    told = [e["detail-type"] for e in run()]

    found = {
        r.recording_uuid: r
        for r in services.stores.recordings.of_session(session.session_uuid)
    }
    assert found.keys() == files.keys()
    for name, kept in found.items():
        assert kept.status is Status.STORED
        assert kept.source is Source.CARRIER
        assert (kept.bytes, kept.sha256) == (
            files[name]["bytes"],
            files[name]["sha256"],
        )
        assert kept.call["call_uuid"]
        assert kept.call["from"] == "first"
    assert told.count("recording.announced") == told.count("recording.stored") == 2
    clock.advance(minutes=10)
    assert reconcile(services, clock) == {"settled": 1}
    assert "recording.announced" not in [e["detail-type"] for e in run()]
    assert due_work_of(stored(services.stores, session)) is None
    assert reconcile(services, clock) == {}


def test_what_is_known_already_is_not_announced_again_but_what_was_forgotten_is(
    services: Services, recorded: Session, plivo: SimulatedPlivo, clock: Clock, run: Run
) -> None:
    kept = stored_one(services, plivo, recorded, clock, run)
    name = called(plivo, recorded)
    announced(services, recorded, clock, plivo.recordings()[-1]["url"], name)
    announcer = Announcer(services.stores, clock, 365)

    missing = FetchRecordings(services.stores, services.carrier, announcer).fetch(
        recorded
    )

    assert missing == 1
    again = [e for e in run() if e["detail-type"] == "recording.announced"]
    assert [event["detail"]["recording_uuid"] for event in again] == [name]
    unchanged = services.stores.recordings.get(
        recorded.session_uuid, kept.recording_uuid
    )
    assert unchanged == kept


@pytest.mark.usefixtures("plivo")
def test_a_session_that_recorded_nothing_is_settled_without_any_recording(
    services: Services, clock: Clock, run: Run
) -> None:
    session = ended(services, created(services, clock, **PAIR), clock)
    for _ in range(2):
        clock.advance(minutes=15)
        reconcile(services, clock)

    assert stored(services.stores, session).settled
    assert services.stores.recordings.of_session(session.session_uuid) == []
    assert not [e for e in run() if e["detail-type"].startswith("recording.")]


@pytest.mark.parametrize("missing", [0, 1])
def test_settling_costs_four_writes_at_most_and_those_of_what_was_missing(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    run: Run,
    written_units: list[float],
    missing: int,
) -> None:
    for _ in range(missing):
        called(plivo, recorded)
    written_units.clear()
    session = ended(services, recorded, clock)
    expire = sum(written_units)
    due = due_work_of(session)
    assert due
    clock.at = due.at
    written_units.clear()
    reconciler = reconciler_of(services, clock)

    outcomes = [reconciler.work_off(session.session_uuid)]
    settle = sum(written_units)
    run()
    clock.advance(minutes=10)
    written_units.clear()
    outcomes.append(reconciler.work_off(session.session_uuid))
    settle += sum(written_units)

    print(f"expire {expire}, settle {settle} with {missing} missing")
    assert outcomes == ["fetched", "settled"]
    assert expire <= 3
    assert settle <= 4 + 2 * missing


# Buckets that fail


class FailingOnce:
    """A client of S3 that is not reached the first time that it is to put."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.failures = 1

    def put_object(self, **request: Any) -> Any:
        if self.failures:
            self.failures -= 1
            raise EndpointConnectionError(endpoint_url="https://s3.invalid")
        return self._client.put_object(**request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_when_the_bucket_fails_the_file_is_fetched_anew(
    services: Services, recorded: Session, plivo: SimulatedPlivo, clock: Clock
) -> None:
    called(plivo, recorded)
    begun = announced(services, recorded, clock, plivo.recordings()[-1]["url"])
    process = wiring.services()
    client: Any = FailingOnce(process.bucket._client)
    process.bucket = Bucket(client, process.bucket.name)

    answer = deliver(
        services, {"detail-type": "recording.announced", "detail": names(begun)}
    )

    assert answer == {"batchItemFailures": []}
    assert plivo.recordings()[-1]["fetches"] == 2
    [kept] = services.stores.recordings.of_session(recorded.session_uuid)
    assert kept.status is Status.STORED
    assert client.failures == 0


# What Plivo's data may look like


def test_what_plivos_data_holds_is_read_whatever_is_missing_in_it() -> None:
    name, call = (
        "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c",
        "7d1f0f3e-2b1c-4d7b-8a51-2f6e5c4b3a29",
    )
    session = {
        "interaction": [
            None,
            "text",
            {},
            {"recording_resource_url": None},
            {"recording_resource_url": "https://api.plivo.com/v1/Recording/../../x"},
            {
                "recording_resource_url": f"https://api.plivo.com/v1/Recording/{name}/",
                "first_party_resource_url": f"https://api.plivo.com/v1/Call/{call}",
                "start_time": "2024-05-29 04:47:18.12 +0000 UTC",
                "end_time": "",
            },
        ]
    }

    [found] = recorded_calls(session)

    assert found == RecordedCall(name, call, "2024-05-29T04:47:18Z", None)
    assert list(recorded_calls({"interaction": None})) == []
    assert list(recorded_calls({"interaction": "{}"})) == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ("", "", None)),
        (
            {
                "recording_url": "https://media.plivo.com/a.mp3",
                "recording_format": ".MP3",
                "recording_duration_ms": "345100.00000",
            },
            ("https://media.plivo.com/a.mp3", "mp3", 345),
        ),
        ({"recording_url": "https://x/a.wav"}, ("https://x/a.wav", "wav", None)),
        (
            {"recording_url": "https://x/a.ogg", "recording_duration_ms": "nan"},
            ("https://x/a.ogg", "", None),
        ),
    ],
)
def test_a_recording_resource_is_cleaned(
    body: dict[str, Any], expected: tuple[str, str, int | None]
) -> None:
    found = resource_from("r", body)

    assert (found.url, found.format, found.duration) == expected


def test_a_recording_that_plivo_gives_no_address_of_fails_aloud(
    services: Services, clock: Clock, run: Run
) -> None:
    session = planted(services.stores, clock)
    found = resource_from(NAME, {}).announcement(RecordedCall(NAME, None, None, None))

    Announcer(services.stores, clock, 365).from_carrier(
        found, session, caller=None, callee=None
    )

    told = [e for e in run() if e["detail-type"].startswith("recording.")]
    assert [e["detail-type"] for e in told] == ["recording.failed"]
    assert told[0]["detail"]["reason"] == "malformed"
