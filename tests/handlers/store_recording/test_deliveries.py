"""A recording is stored once, however often it comes, for as long as rules say."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config

from functions.publish_changes import app as publish_app
from masking import wiring
from masking.core import key_space
from masking.domain.recordings import Status
from masking.domain.sessions import Session
from masking.storage.bucket import Bucket
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.recorded_calls import (
    Drain,
    announced,
    called,
    deliver,
    names,
    stored_one,
)
from tests.support.sessions_there import created
from tests.support.simulated_plivo import SimulatedPlivo
from tests.support.table_stream import TableStream


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


@pytest.mark.parametrize(
    ("session_rule", "tenant_rule", "days"),
    [(None, None, 365), (None, 30, 30), (7, 30, 7), (90, None, 90)],
)
def test_how_long_it_is_kept_is_the_sessions_rule_or_the_tenants_or_the_deployments(
    services: Services,
    plivo: SimulatedPlivo,
    clock: Clock,
    drain: Drain,
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

    kept = stored_one(services, plivo, session, clock, drain)

    assert kept.retention_days == days
    tags = aws.client("s3").get_object_tagging(Bucket=kept.bucket, Key=kept.key)
    assert tags["TagSet"] == [{"Key": "retention-days", "Value": str(days)}]
    item = services.stores.table.get(
        key_space.session_key(session.session_uuid), f"R#{kept.recording_uuid}"
    )
    assert item
    expected = (kept.announced_at + timedelta(days=days)).timestamp()
    assert item["purge_at"] == int(expected)


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


def test_when_the_bucket_fails_the_file_is_fetched_anew(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    aws: EmbeddedAws,
) -> None:
    called(plivo, recorded)
    begun = announced(services, recorded, clock, plivo.recordings()[-1]["url"])
    broken = boto3.client(
        "s3",
        endpoint_url="https://127.0.0.1:9",
        config=Config(retries={"total_max_attempts": 1}),
    )
    failures = [Bucket(broken, services.bucket.name)]

    class FailingOnce(Bucket):
        """A bucket whose first object goes to an address where nobody answers."""

        def put(self, *arguments: Any, **named: Any) -> None:
            if failures:
                failures.pop().put(*arguments, **named)
            super().put(*arguments, **named)

    bucket = FailingOnce(aws.client("s3"), services.bucket.name)
    wiring.services().streaming_bucket = bucket

    answer = deliver(
        services, {"detail-type": "recording.announced", "detail": names(begun)}
    )

    assert answer == {"batchItemFailures": []}
    assert failures == []
    assert plivo.recordings()[-1]["fetches"] == 2
    [kept] = services.stores.recordings.of_session(recorded.session_uuid)
    assert kept.status is Status.STORED
