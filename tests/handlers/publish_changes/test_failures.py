"""A record that fails is parked, and comes again if AWS is what failed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from functions.publish_changes import app as publish_changes
from masking.core.errors import EventsNotTakenError
from masking.storage import bus
from masking.storage.bus import Bus
from masking.storage.stores import Stores
from masking.storage.table import written_item
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.embedded_aws import Deployment, EmbeddedAws, make_queue
from tests.support.partial_bus import RefusingClient
from tests.support.publishing import active, callback_records
from tests.support.table_stream import TableStream


def test_a_record_that_fails_by_itself_is_parked_and_blocks_nothing(
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    aws: EmbeddedAws,
    capsys: pytest.CaptureFixture[str],
) -> None:
    queue_url = make_queue(aws.client("sqs"), "parked")
    monkeypatch.setenv("CHANGE_DEAD_LETTERS_URL", queue_url)
    first, _ = active(stores, clock), stream
    records = stream.new()
    key = {"pk": "S#1", "sk": "A#STATE"}
    broken = {
        "dynamodb": {
            "Keys": written_item(key),
            "NewImage": written_item({**key, "note": "2025550100"}),
            "SequenceNumber": "17",
        }
    }

    answer = publish_changes.lambda_handler({"Records": [broken, *records]}, None)

    assert answer == {"batchItemFailures": []}
    [event] = deployment.bus.events(1)
    assert event["detail"]["session_uuid"] == first.session_uuid
    [parked] = aws.client("sqs").receive_message(QueueUrl=queue_url)["Messages"]
    said = {"reason": "KeyError", "was": None, "place": "17"}
    assert json.loads(parked["Body"]) == {**key, **said}
    logged = capsys.readouterr().out
    assert "change parked" in logged
    assert "2025550100" not in logged


def test_a_record_whose_event_is_not_taken_comes_again(
    services: Services, stores: Stores, clock: Clock, stream: TableStream
) -> None:
    active(stores, clock)
    records = stream.new()
    moved = at(services, clock)
    moved.bus = Bus(RefusingClient(frozenset({0})), "x")  # type: ignore[arg-type]
    publisher = moved.change_publisher

    for quiet in records[:-1]:
        publisher.publish(quiet)
    with pytest.raises(EventsNotTakenError):
        publisher.publish(records[-1])


def test_a_poison_record_blocks_nothing_and_is_parked_with_key_and_reason(
    deployment: Deployment, services: Services
) -> None:
    records = callback_records(deployment, services, 3)
    records[1]["dynamodb"]["NewImage"]["attributes"] = {"no type": {}}

    answer = publish_changes.lambda_handler({"Records": records}, None)

    assert answer == {"batchItemFailures": []}
    assert len(deployment.published()) == 2
    [parked] = deployment.taken(deployment.environment["CHANGE_DEAD_LETTERS_URL"])
    keys = records[1]["dynamodb"]["Keys"]
    assert (parked["pk"], parked["sk"]) == (keys["pk"]["S"], keys["sk"]["S"])
    assert parked["reason"] == "TypeError"


@pytest.mark.parametrize(
    "failure",
    [
        EndpointConnectionError(endpoint_url="https://events.invalid"),
        ClientError({"Error": {"Code": "ThrottlingException"}}, "PutEvents"),
    ],
)
def test_what_fails_because_aws_fails_comes_again_and_is_parked_after_a_while(
    deployment: Deployment,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
) -> None:
    records = callback_records(deployment, services, 3)

    class Down:
        def put_events(self, **_: Any) -> Any:
            raise failure

    monkeypatch.setitem(services.__dict__, "bus", bus.Bus(Down(), "b"))  # type: ignore[arg-type]
    first = records[0]["dynamodb"]["SequenceNumber"]

    young = publish_changes.lambda_handler({"Records": records}, None)
    long_ago = (datetime.now(UTC) - timedelta(hours=1)).timestamp()
    for record in records:
        record["dynamodb"]["ApproximateCreationDateTime"] = long_ago
    old = publish_changes.lambda_handler({"Records": records}, None)

    assert young == {"batchItemFailures": [{"itemIdentifier": first}]}
    assert old == {"batchItemFailures": []}
    parked = deployment.taken(deployment.environment["CHANGE_DEAD_LETTERS_URL"])
    assert len(parked) == 3


def test_of_a_partial_failure_the_first_record_comes_again(
    deployment: Deployment, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = callback_records(deployment, services, 4)
    codes = [*[None] * 2, "InternalFailure", None]

    class Partial:
        def put_events(self, Entries: Any) -> Any:  # noqa: N803
            chosen = codes[:4] if len(Entries) == 4 else ["InternalFailure"]
            answers = [{"ErrorCode": c} if c else {"EventId": "x"} for c in chosen]
            return {"FailedEntryCount": 1, "Entries": answers}

    quiet = bus.Bus(Partial(), "b", sleep=lambda _: None)  # type: ignore[arg-type]
    monkeypatch.setitem(services.__dict__, "bus", quiet)

    answer = publish_changes.lambda_handler({"Records": records}, None)

    third = records[2]["dynamodb"]["SequenceNumber"]
    assert answer == {"batchItemFailures": [{"itemIdentifier": third}]}


def test_what_is_not_begun_in_time_comes_again(
    services: Services,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    deployment: Deployment,
) -> None:
    first = active(stores, clock)
    done = stream.new()
    second = active(stores, clock)
    left = stream.new()
    has_time = iter([True] * len(done))

    again = services.publish_changes.relay(
        [*done, *left], lambda: next(has_time, False)
    )

    assert again == left[0]["dynamodb"]["SequenceNumber"]
    [event] = deployment.bus.events(1)
    assert event["detail"]["session_uuid"] == first.session_uuid != second.session_uuid
