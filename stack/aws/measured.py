"""Measure the embedded AWS as CloudWatch would, and let time pass for it.

ministack has metrics of functions alone. Here, what CloudWatch would have is recorded
as it happens: what functions print in its embedded metric format, their runs, answers
of the API, writes and throttles of the table, the age of what is read from a stream,
depth and age of queues. `stack.aws.patches` puts the parts of this into ministack;
``/_measured`` on the API's port shows what was recorded.

Time passes by moving what waits for it into the past (`skip`): rules of schedules,
messages, records of streams. Functions keep the clock of the machine.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any

Dimensions = Mapping[str, str]

# Under this path the API's port shows what was measured.
PATH = "_measured"

# Points that are kept, the newest.
KEPT = 20_000

# SQS leaves messages out of a queue's age that were received more often.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
MOST_RECEIPTS = 3

WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
READS = frozenset({"GetItem", "Query", "BatchGetItem"})

# Of the JSON of an answer, what its items take as DynamoDB counts them.
ITEM_SHARE = 0.7

THROTTLED = (
    400,
    {"Content-Type": "application/x-amz-json-1.0"},
    json.dumps(
        {
            "__type": "com.amazonaws.dynamodb.v20120810"
            "#ProvisionedThroughputExceededException",
            "message": "The level of configured provisioned throughput was exceeded.",
        }
    ).encode(),
)


class Measured:
    """What was measured, each point with a number and its time in seconds since 1970.

    *clock* is the machine's; times are as much later as was skipped. DynamoDB refuses
    what is in *throttled*, Read or Write.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._points: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._count = 0
        self.skipped = 0.0
        self.throttled: frozenset[str] = frozenset()

    def now(self) -> float:
        """Return the time: the machine's and what was skipped."""
        return self._clock() + self.skipped

    def record(
        self, namespace: str, metric: str, dimensions: Dimensions, value: float
    ) -> None:
        """Record a value of a metric."""
        with self._lock:
            self._count += 1
            self._points.append(
                {
                    "number": self._count,
                    "at": self.now(),
                    "namespace": namespace,
                    "metric": metric,
                    "dimensions": dict(dimensions),
                    "value": float(value),
                }
            )

    def after(self, number: int) -> list[dict[str, Any]]:
        """Return the points after the one of that number."""
        with self._lock:
            return [point for point in self._points if point["number"] > number]

    # What ministack calls

    def runs(self, execute: Callable[..., Any]) -> Callable[..., Any]:
        """Return *execute*, which runs a function, that records the run.

        What comes from a stream is recorded with its age. What is throttled does not
        count as invoked.
        """
        nested = threading.local()

        def execute_function(function: dict[str, Any], event: Any) -> Any:
            if getattr(nested, "runs", False):
                # Under another account or region it calls itself.
                return execute(function, event)
            name = (function.get("config") or function)["FunctionName"]
            came = _came_from_stream(event)
            if came is not None:
                age = max(self._clock() - came, 0) * 1000
                self.record("AWS/Lambda", "IteratorAge", {"FunctionName": name}, age)
            began, nested.runs = self._clock(), True
            try:
                result = execute(function, event)
            finally:
                nested.runs = False
            self._ran(name, result, (self._clock() - began) * 1000)
            return result

        return execute_function

    def _ran(self, name: str, result: Mapping[str, Any], milliseconds: float) -> None:
        of_function = {"FunctionName": name}
        throttled = bool(result.get("throttle"))
        self.record("AWS/Lambda", "Throttles", of_function, throttled)
        if not throttled:
            error = bool(result.get("error"))
            self.record("AWS/Lambda", "Invocations", of_function, 1)
            self.record("AWS/Lambda", "Errors", of_function, error)
            self.record("AWS/Lambda", "Duration", of_function, milliseconds)

    def logs(self, emit: Callable[..., None]) -> Callable[..., None]:
        """Return *emit*, which keeps a function's log, that reads metrics from it."""

        def emit_logs(
            function: Any, request_id: str, text: str, *rest: Any, **more: Any
        ) -> None:
            emit(function, request_id, text, *rest, **more)
            self.read(text)

        return emit_logs

    def read(self, text: str) -> None:
        """Record the metrics that a function's log embeds."""
        for point in embedded_metrics(text):
            self.record(*point)

    def requests(
        self, handle: Callable[..., Awaitable[Any]]
    ) -> Callable[..., Awaitable[Any]]:
        """Return *handle*, which answers a request to DynamoDB, that is recorded.

        Each write of an item counts as one unit: what matters is that there were any.
        Reads count by the size of the answer.
        """

        async def handle_request(
            method: str, path: str, headers: Any, body: bytes, *rest: Any
        ) -> Any:
            action = headers.get("x-amz-target", "").rpartition(".")[2]
            kind = "Write" if action in WRITES else "Read" if action in READS else None
            if kind is None:
                return await handle(method, path, headers, body, *rest)
            request = json.loads(body or b"{}")
            table = {"TableName": _table_in(request)}
            if kind in self.throttled:
                self.record("AWS/DynamoDB", f"{kind}ThrottleEvents", table, 1)
                return THROTTLED
            answer = await handle(method, path, headers, body, *rest)
            if answer[0] == 200:
                units = f"Consumed{kind}CapacityUnits"
                read = kind == "Read"
                number = _read_units(request, answer[2]) if read else 1
                self.record("AWS/DynamoDB", units, table, number)
            return answer

        return handle_request

    def answered(self, api_id: str, status: int, seconds: float) -> None:
        """Record an answer of the API; *seconds* is how long it took."""
        of_api = {"ApiId": api_id}
        self.record("AWS/ApiGateway", "Count", of_api, 1)
        self.record("AWS/ApiGateway", "4xx", of_api, 400 <= status < 500)
        self.record("AWS/ApiGateway", "5xx", of_api, status >= 500)
        self.record("AWS/ApiGateway", "Latency", of_api, seconds * 1000)

    def look_at(self, queues: Iterable[Mapping[str, Any]]) -> None:
        """Record depth and age of queues, as they are."""
        now = self._clock()
        for queue in queues:
            messages = list(queue["messages"])
            of_queue = {"QueueName": str(queue["name"])}
            visible = sum(message["visible_at"] <= now for message in messages)
            sent = [
                message["sent_at"]
                for message in messages
                if message["receive_count"] <= MOST_RECEIPTS
            ]
            depth, age = "NumberOfMessagesVisible", "AgeOfOldestMessage"
            self.record("AWS/SQS", f"Approximate{depth}", of_queue, visible)
            oldest = max(now - min(sent, default=now), 0)
            self.record("AWS/SQS", f"Approximate{age}", of_queue, oldest)


def embedded_metrics(text: str) -> Iterator[tuple[str, str, dict[str, str], float]]:
    """Yield namespace, name, dimensions and value of each metric that a log embeds.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    for line in text.splitlines():
        if '"_aws"' not in line:
            continue
        try:
            found = json.loads(line)
        except ValueError:
            continue
        for directive in found["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                dimensions = {name: str(found[name]) for name in names}
                for metric in directive["Metrics"]:
                    value = found[metric["Name"]]
                    for each in value if isinstance(value, list) else [value]:
                        yield (
                            directive["Namespace"],
                            metric["Name"],
                            dimensions,
                            float(each),
                        )


def _table_in(request: Mapping[str, Any]) -> str:
    named = request.get("TableName") or next(iter(request.get("RequestItems", {})), "")
    return str(named).rpartition("/")[2]


def _read_units(request: Mapping[str, Any], answer: bytes) -> float:
    """Return the units of a read: half of one for 4 KB, or one if it is consistent.

    Items are taken for `ITEM_SHARE` of the answer that they are in. Each item of a
    batch counts for itself; it is taken for no larger than 4 KB.
    """
    batch = request.get("RequestItems", {})
    if batch:
        return sum(
            len(each["Keys"]) * (1.0 if each.get("ConsistentRead") else 0.5)
            for each in batch.values()
        )
    steps = max(1, math.ceil(len(answer) * ITEM_SHARE / 4_096))
    return steps * (1.0 if request.get("ConsistentRead") else 0.5)


def _came_from_stream(event: Any) -> float | None:
    """Return when the last record of a batch was written; None for other events."""
    records = event.get("Records") if isinstance(event, dict) else None
    last = records[-1] if isinstance(records, list) and records else None
    if not isinstance(last, dict) or last.get("eventSource") != "aws:dynamodb":
        return None
    return float(last["dynamodb"]["ApproximateCreationDateTime"])
