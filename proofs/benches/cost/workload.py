"""Play the workload on a stack and count what AWS would bill."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from proofs.alarms.virtual_time import VirtualTime
from proofs.benches.load.processes import usage
from proofs.creates.plan import pair
from proofs.harness import (
    api_client,
    drain,
    get_json,
    invoke,
    listen_to_bus,
    messages_in,
    place_call,
    reconcile_ahead,
    simulator_client,
)
from proofs.http_listener import HttpListener
from proofs.runner import ProofError, wait_for
from proofs.units import capacity
from stack.running import RunningStack

# What one session is, in words.
SESSION = (
    "created with a label and a recorded call, updated once, called once for three "
    "minutes, read once, its recording listed and linked to, expired and settled"
)

# Seconds until a session expires: longer than all of that takes here.
LIFETIME = 30.0

# Sessions a second; later than the last one's changes are published, as a rule.
PER_SECOND = 1.0

# How far the clock runs ahead for settlements: each later than the one before allows.
AHEAD = (timedelta(hours=2), timedelta(hours=26), timedelta(hours=60))

PATIENCE = 60.0

# What CloudWatch bills for each event beside its bytes, and DynamoDB for each item.
OF_LOG_EVENT, OF_ITEM = 26, 100

INDEXES = {
    "duties": ("duty_shard", "duty_at"),
    "by_tenant": ("tenant_sessions", "created_key"),
}

# Lines of Lambda itself, which the embedded AWS writes at every level.
LAMBDAS_OWN = re.compile(r"(START|END|REPORT) RequestId")


@dataclass(frozen=True)
class Counts:
    """What one session takes."""

    api_requests: float
    invocations: Mapping[str, float]
    processor_seconds: float
    writes: Mapping[str, float]
    reads: float
    read_requests: float
    events: float
    deliveries: float
    log_bytes: float
    kept_bytes: float
    webhooks: bool = field(default=True)


def count(
    stack: RunningStack,
    emulator: int,
    app: HttpListener | None,
    sessions: int,
    lifetime: float = LIFETIME,
) -> Counts:
    """Play so many sessions and return what one takes.

    *app* gets webhooks; None for sessions without.
    """
    with _Player(stack, app, lifetime) as player:
        player.play(100, 2)
        meter = player.meter
        meter.start()
        before = usage(emulator)
        player.play(110, sessions)
        player.expire()
        meter.time.wait()
        taken = usage(emulator).since(before)
        for ahead in AHEAD:
            reconcile_ahead(stack, ahead)
        time.sleep(2)
        return meter.counts(player, sessions, taken["functions"])


class _Player:
    def __init__(
        self, stack: RunningStack, app: HttpListener | None, lifetime: float
    ) -> None:
        self.stack, self.app, self.lifetime = stack, app, int(lifetime)
        self.api, self.simulator = api_client(stack), simulator_client(stack)
        self.meter = _Meter(stack)
        self._until = datetime.now(UTC)

    def __enter__(self) -> _Player:
        return self

    def __exit__(self, *_: object) -> None:
        self.api.close()
        self.simulator.close()
        self.meter.time.client.close()

    def play(self, first: int, sessions: int) -> None:
        before = self._stored()
        made = [self._create(first + number) for number in range(sessions)]
        wait_for("calls and their callbacks", self._is_quiet, PATIENCE)
        wait_for(
            "recordings",
            lambda: self._stored() == before + sessions,
            PATIENCE,
        )
        # The last changes that a recording sets off.
        time.sleep(1)
        for session in made:
            path = f"/v1/sessions/{session['session_uuid']}"
            self.api.get(path).raise_for_status()
            found = get_json(self.api, f"{path}/recordings")["objects"]
            link = f"/v1/recordings/{found[0]['recording_uuid']}"
            self.api.get(link, follow_redirects=False)
        self._until = max(datetime.fromisoformat(s["expiry_time"]) for s in made)

    def expire(self) -> None:
        time.sleep(max(0, (self._until - datetime.now(UTC)).total_seconds() + 1))
        invoke(self.stack, "expire_sessions", {})
        time.sleep(2)

    def _create(self, number: int) -> dict[str, Any]:
        began = time.monotonic()
        first, second = pair(number)
        body = {
            "first_party": first,
            "second_party": second,
            "record": True,
            "record_file_format": "mp3",
            "labels": {"order_id": f"order-{number}"},
            "session_expiry": self.lifetime,
        }
        if self.app:
            body["callback_url"] = self.app.url
        answer = self.api.post("/v1/sessions", json=body).raise_for_status()
        session: dict[str, Any] = answer.json()["session"]
        path = f"/v1/sessions/{session['session_uuid']}"
        self.api.patch(path, json={"ring_timeout": 30}).raise_for_status()
        script = {"from": first, "to": session["virtual_number"], "talk_seconds": 3}
        place_call(self.simulator, script)
        time.sleep(max(0, 1 / PER_SECOND - (time.monotonic() - began)))
        return session

    def _is_quiet(self) -> bool:
        calls = get_json(self.simulator, "/_sim/calls")["calls"]
        left = get_json(self.simulator, "/_sim/callbacks?state=pending")["callbacks"]
        return not left and all(call["state"] == "ended" for call in calls)

    def _stored(self) -> int:
        """Count recordings without a request of the API or the table: these count."""
        found = self.stack.aws.client("s3").list_objects_v2(
            Bucket=self.stack.outputs["BucketName"]
        )
        return int(found["KeyCount"])


class _Meter:
    """Counts from `start` on."""

    def __init__(self, stack: RunningStack) -> None:
        self.stack = stack
        self.time = VirtualTime.of(stack)
        self._bus = listen_to_bus(stack, "metered", {"source": [{"prefix": ""}]})
        self._streams = stack.aws.client("dynamodbstreams")
        table = stack.aws.client("dynamodb").describe_table(
            TableName=stack.outputs["TableName"]
        )["Table"]
        arn = table["LatestStreamArn"]
        described = self._streams.describe_stream(StreamArn=arn)["StreamDescription"]
        self._iterator = self._streams.get_shard_iterator(
            StreamArn=arn,
            ShardId=described["Shards"][0]["ShardId"],
            ShardIteratorType="TRIM_HORIZON",
        )["ShardIterator"]
        self._began = 0

    def start(self) -> None:
        self.time.wait()
        self.time.measured()
        list(self._records())
        list(drain(self.stack, self._bus))
        self._began = int(time.time() * 1_000)

    def counts(self, player: _Player, sessions: int, seconds: float) -> Counts:
        self.time.wait()
        found = self.time.measured()
        invocations = self._invocations(found)
        # Checks are held back for longer than this takes.
        invocations["check_sessions"] += messages_in(
            self.stack, self.stack.outputs["CheckQueueUrl"]
        )
        writes, kept = self._writes()
        named: Counter[str] = Counter()
        for point in found:
            named[point["metric"]] += point["value"]
        return Counts(
            api_requests=named["Count"] / sessions,
            invocations={f: n / sessions for f, n in invocations.items()},
            processor_seconds=seconds / sessions,
            writes={kind: units / sessions for kind, units in writes.items()},
            reads=named["ConsumedReadCapacityUnits"] / sessions,
            read_requests=sum(
                point["metric"] == "ConsumedReadCapacityUnits" for point in found
            )
            / sessions,
            events=sum(1 for _ in drain(self.stack, self._bus)) / sessions,
            deliveries=writes["W"] / sessions,
            log_bytes=self._log_bytes() / sessions,
            kept_bytes=kept / sessions,
            webhooks=player.app is not None,
        )

    def _invocations(self, points: Iterable[Mapping[str, Any]]) -> Counter[str]:
        folders = {name: f for f, name in self.stack.function_names().items()}
        return Counter(
            folders[point["dimensions"]["FunctionName"]]
            for point in points
            if point["metric"] == "Invocations"
        )

    def _writes(self) -> tuple[defaultdict[str, float], float]:
        """Work out the units of all writes by kind of item, and the bytes that stay."""
        writes: defaultdict[str, float] = defaultdict(float)
        kept = 0.0
        for record in self._records():
            change = record["dynamodb"]
            before, after = change.get("OldImage", {}), change.get("NewImage", {})
            sizes = capacity.item_size(before), capacity.item_size(after)
            kind = _kind_of(change["Keys"])
            writes[kind] += capacity.write_units(*sizes)
            kept += sizes[1] - sizes[0] + OF_ITEM * (bool(after) - bool(before))
            for index, keys in INDEXES.items():
                projected = ("pk", "sk", *keys)
                units = capacity.index_write_units(before, after, keys, projected)
                writes[f"index {index}"] += units
        return writes, kept

    def _records(self) -> Iterator[Any]:
        while True:
            answer = self._streams.get_records(ShardIterator=self._iterator)
            self._iterator = answer["NextShardIterator"]
            if not answer["Records"]:
                return
            yield from answer["Records"]

    def _log_bytes(self) -> int:
        logs = self.stack.aws.client("logs")
        size = 0
        for group in self.stack.log_groups().values():
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=group, startTime=self._began
            )
            for page in pages:
                for event in page["events"]:
                    text = event["message"]
                    if not LAMBDAS_OWN.match(text):
                        size += len(text.encode()) + OF_LOG_EVENT
        return size


def _kind_of(keys: Mapping[str, Any]) -> str:
    """Return what kind of item has these keys: of a session's items by their sort key.

    Others go by their partition.
    """
    partition, item = keys["pk"]["S"], keys["sk"]["S"]
    kind = item if partition.startswith("S#") else partition
    first, _, second = kind.partition("#")
    return f"{first} {second}" if first == "A" else first


def check(counts: Counts) -> None:
    """Raise ProofError where the run was none: nothing was written or published."""
    if not (counts.writes and counts.events and counts.log_bytes):
        raise ProofError("the workload left nothing to count")
