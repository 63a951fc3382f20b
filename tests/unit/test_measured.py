"""What CloudWatch would measure of the embedded AWS is measured, and time passes."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import MutableMapping
from typing import Any

import pytest

from stack.aws.measured import KEPT, Measured, embedded_metrics
from stack.aws.passing_time import PassingTime

NOW = 1_000_000.0


@pytest.fixture(name="measured")
def _measured() -> Measured:
    return Measured(lambda: NOW)


def shown(measured: Measured) -> dict[str, float]:
    """Return the last value of each metric that was recorded."""
    return {point["metric"]: point["value"] for point in measured.after(0)}


FUNCTION = {"config": {"FunctionName": "one"}}


@pytest.mark.parametrize(
    ("result", "found"),
    [
        ({"body": {}}, {"Throttles": 0, "Invocations": 1, "Errors": 0, "Duration": 0}),
        (
            {"error": True},
            {"Throttles": 0, "Invocations": 1, "Errors": 1, "Duration": 0},
        ),
        ({"error": True, "throttle": True}, {"Throttles": 1}),
    ],
    ids=["run", "error", "throttle"],
)
def test_each_run_of_a_function_is_recorded(
    measured: Measured, result: dict[str, Any], found: dict[str, float]
) -> None:
    execute = measured.runs(lambda _function, _event: result)

    assert execute(FUNCTION, {}) is result
    assert shown(measured) == found
    assert measured.after(0)[0]["dimensions"] == {"FunctionName": "one"}


def test_a_run_that_ministack_passes_on_to_itself_counts_once(
    measured: Measured,
) -> None:
    again: list[Any] = []

    def twice(function: Any, event: Any) -> dict[str, Any]:
        again.append(event)
        return execute(function, event) if len(again) == 1 else {}

    execute = measured.runs(twice)
    execute(FUNCTION, {})

    assert len(again) == 2
    assert [p["metric"] for p in measured.after(0)].count("Invocations") == 1


def test_a_batch_of_a_stream_is_recorded_with_the_age_of_its_last_record(
    measured: Measured,
) -> None:
    records = [
        {
            "eventSource": "aws:dynamodb",
            "dynamodb": {"ApproximateCreationDateTime": NOW - age},
        }
        for age in (90, 30)
    ]

    measured.runs(lambda _function, _event: {})(FUNCTION, {"Records": records})

    assert shown(measured)["IteratorAge"] == 30_000


def test_metrics_are_read_from_logs_with_all_their_dimensions() -> None:
    printed = {
        "_aws": {
            "CloudWatchMetrics": [
                {
                    "Namespace": "Maskline",
                    "Dimensions": [["service", "Country"]],
                    "Metrics": [{"Name": "Live", "Unit": "Count"}, {"Name": "Cooling"}],
                }
            ]
        },
        "service": "one",
        "Country": "US",
        "Live": [2.0, 3.0],
        "Cooling": 1,
    }
    log = "\n".join(
        ["START", '{"message": "x"}', json.dumps(printed), '{"_aws" broken']
    )

    dimensions = {"service": "one", "Country": "US"}
    assert list(embedded_metrics(log)) == [
        ("Maskline", "Live", dimensions, 2),
        ("Maskline", "Live", dimensions, 3),
        ("Maskline", "Cooling", dimensions, 1),
    ]


def test_logs_are_kept_and_their_metrics_recorded(measured: Measured) -> None:
    kept: list[str] = []
    directive = {"Namespace": "N", "Dimensions": [[]], "Metrics": [{"Name": "M"}]}
    line = json.dumps({"_aws": {"CloudWatchMetrics": [directive]}, "M": 4})

    measured.logs(lambda _f, _id, text, *_: kept.append(text))(FUNCTION, "1", line, 0)

    assert kept == [line]
    assert shown(measured) == {"M": 4}


def asked(measured: Measured, action: str, body: dict[str, Any]) -> Any:
    """Send a request to a DynamoDB that does as asked; return its answer."""

    async def handle(*_: Any) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, b"{}"

    headers = {"x-amz-target": f"DynamoDB_20120810.{action}"}
    handled = measured.requests(handle)
    return asyncio.run(_awaited(handled, headers, json.dumps(body).encode()))


async def _awaited(handled: Any, headers: dict[str, str], body: bytes) -> Any:
    return await handled("POST", "/", headers, body, {})


def test_reads_and_writes_of_the_table_are_recorded(measured: Measured) -> None:
    asked(measured, "PutItem", {"TableName": "arn:aws:dynamodb:::table/one"})
    asked(measured, "BatchGetItem", {"RequestItems": {"one": {"Keys": [{}]}}})
    asked(measured, "DescribeTable", {"TableName": "one"})

    found = [(p["metric"], p["dimensions"]) for p in measured.after(0)]
    assert found == [
        ("ConsumedWriteCapacityUnits", {"TableName": "one"}),
        ("ConsumedReadCapacityUnits", {"TableName": "one"}),
    ]


def test_a_throttled_table_refuses_and_says_so(measured: Measured) -> None:
    measured.throttled = frozenset({"Write"})

    status, _, body = asked(measured, "UpdateItem", {"TableName": "one"})

    assert status == 400
    assert b"ProvisionedThroughputExceededException" in body
    assert asked(measured, "Query", {"TableName": "one"})[0] == 200
    found = shown(measured)
    assert found == {"WriteThrottleEvents": 1, "ConsumedReadCapacityUnits": 0.5}


@pytest.mark.parametrize(
    ("request_", "answer", "units"),
    [
        ({"TableName": "one"}, b"{}", 0.5),
        ({"TableName": "one", "ConsistentRead": True}, b"{}", 1),
        ({"TableName": "one", "ConsistentRead": True}, b"x" * 12_000, 3),
        ({"RequestItems": {"one": {"Keys": [{}, {}, {}]}}}, b"x" * 12_000, 1.5),
    ],
)
def test_a_read_counts_by_its_size_and_its_consistency(
    measured: Measured, request_: dict[str, Any], answer: bytes, units: float
) -> None:
    async def handle(*_: Any) -> Any:
        return 200, {}, answer

    action = "BatchGetItem" if "RequestItems" in request_ else "Query"
    headers = {"x-amz-target": f"DynamoDB_20120810.{action}"}
    body = json.dumps(request_).encode()

    asyncio.run(_awaited(measured.requests(handle), headers, body))

    assert shown(measured) == {"ConsumedReadCapacityUnits": units}


@pytest.mark.parametrize(
    ("status", "kinds"), [(201, [0, 0]), (404, [1, 0]), (503, [0, 1])]
)
def test_answers_of_the_api_are_recorded(
    measured: Measured, status: int, kinds: list[float]
) -> None:
    measured.answered("an-api", status, 0.25)

    found = shown(measured)
    assert [found["4xx"], found["5xx"]] == kinds
    assert [found["Count"], found["Latency"]] == [1, 250]


def message(age: float, *, receipts: int = 0, hidden: bool = False) -> dict[str, Any]:
    """Return a message of a queue as ministack keeps it."""
    return {
        "sent_at": NOW - age,
        "visible_at": NOW + 60 if hidden else NOW - age,
        "receive_count": receipts,
        "first_receive_at": None,
    }


def test_a_queue_has_a_depth_and_an_age_without_what_came_too_often(
    measured: Measured,
) -> None:
    messages = [message(500, receipts=4), message(70, receipts=3), message(9)]
    messages.append(message(90, receipts=1, hidden=True))

    measured.look_at([{"name": "one", "messages": messages}])
    assert shown(measured) == {
        "ApproximateNumberOfMessagesVisible": 3,
        "ApproximateAgeOfOldestMessage": 90,
    }

    measured.look_at([{"name": "one", "messages": []}])
    assert set(shown(measured).values()) == {0}


def test_the_newest_points_are_kept(measured: Measured) -> None:
    for _ in range(KEPT + 5):
        measured.record("N", "M", {}, 1)

    kept = measured.after(0)
    assert len(kept) == KEPT
    assert [p["number"] for p in measured.after(KEPT + 3)] == [KEPT + 4, KEPT + 5]


# Time


@pytest.fixture(name="world")
def _world(measured: Measured) -> dict[str, Any]:
    held = {("account", "region", "q"): {"name": "q", "messages": [message(10)]}}
    record = {"dynamodb": {"ApproximateCreationDateTime": NOW}}
    world: dict[str, Any] = {
        "queues": held,
        "records": {("account", "region", "t"): [record]},
        "rules": {("account", "region", "r"): {"CreationTime": NOW}},
        "fired": {("account", "region", "r"): NOW},
        "pauses": {"a mapping": NOW},
        "logs": [],
        "ticks": [],
    }
    world["time"] = PassingTime(
        measured,
        rules=world["rules"],
        fired=world["fired"],
        queues=held,
        lock=threading.Lock(),
        records=world["records"],
        pauses=world["pauses"],
        late_logs=lambda: world["logs"],
        tick=lambda: world["ticks"].append(measured.skipped),
        in_flight=lambda: 3,
    )
    return world


def test_time_passes_for_queues_streams_and_rules(
    measured: Measured, world: dict[str, Any]
) -> None:
    world["time"].skip(60)

    [queue] = world["queues"].values()
    [[record]] = world["records"].values()
    assert queue["messages"][0]["sent_at"] == NOW - 70
    assert queue["messages"][0]["first_receive_at"] is None
    assert record["dynamodb"]["ApproximateCreationDateTime"] == NOW - 60
    assert set(world["fired"].values()) == {NOW - 60}
    assert [rule["CreationTime"] for rule in world["rules"].values()] == [NOW - 60]
    assert world["pauses"] == {"a mapping": NOW - 60}
    assert measured.now() == NOW + 60
    # Queues are looked at before, rules run after it.
    assert shown(measured)["ApproximateAgeOfOldestMessage"] == 10
    assert world["ticks"] == [60]


def test_metrics_that_were_printed_late_belong_to_the_minute_that_passes(
    measured: Measured, world: dict[str, Any]
) -> None:
    directive = {"Namespace": "N", "Dimensions": [[]], "Metrics": [{"Name": "M"}]}
    printed = {"_aws": {"CloudWatchMetrics": [directive]}, "M": 4}
    world["logs"].append(json.dumps(printed))

    world["time"].skip(60)

    assert measured.after(0)[0]["metric"] == "M"
    assert measured.after(0)[0]["at"] == NOW


def page(world: dict[str, Any], method: str, query: str) -> Any:
    """Ask for the page; return its document."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(part: MutableMapping[str, Any]) -> None:
        sent.append(part)

    scope = {"method": method, "query_string": query.encode()}
    asyncio.run(world["time"].page(scope, receive, send))
    assert sent[0]["status"] == 200
    return json.loads(sent[1]["body"])


def test_the_page_shows_what_is_new_and_changes_nothing_unasked(
    measured: Measured, world: dict[str, Any]
) -> None:
    measured.record("N", "M", {"a": "b"}, 1)

    assert page(world, "GET", "skip=60&throttle=Write") == {
        "now": NOW,
        "in_flight": 3,
        "points": [
            {
                "number": 1,
                "at": NOW,
                "namespace": "N",
                "metric": "M",
                "dimensions": {"a": "b"},
                "value": 1,
            }
        ],
    }
    assert page(world, "GET", "after=1")["points"] == []
    assert measured.throttled == frozenset()


def test_the_page_lets_time_pass_and_throttles(
    measured: Measured, world: dict[str, Any]
) -> None:
    assert page(world, "POST", "skip=60")["now"] == NOW + 60
    page(world, "POST", "throttle=Read,Write")
    assert measured.throttled == {"Read", "Write"}
