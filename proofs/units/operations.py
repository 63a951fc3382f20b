"""Carry each operation out against a table of its own, and measure it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from masking import contract, items, listing, tenant_settings, transitions
from masking.bus import Bus
from masking.carrier import Carrier
from masking.create import CreateFlow
from masking.end import EndFlow
from masking.expire import Sweep
from masking.publish import Publisher
from masking.queue import Queue
from masking.search import Search
from masking.sessions import Session, Status
from masking.table import Table
from masking.tenant_settings import TenantSettings
from masking.update import UpdateFlow
from plivo_simulator import account
from proofs.units.meter import Meter, Units
from stack.aws.package import read_template
from stack.environments import ROOT
from stack.running import RunningStack

TENANT = "tenant-1"
BASE_URL = "https://masks.example.com"
KEY = b"key of the proof"
PAIR = ("+12025550100", "+12025550101")
STRANGER = "+12025550199"
BATCH = 25
PAGE = 50


@dataclass(frozen=True)
class Cost:
    """What an operation took on its own path and in the stream's handler."""

    path: Units
    stream: Units

    @property
    def total(self) -> Units:
        """Return both together."""
        return self.path + self.stream


@dataclass
class Operations:
    """Operations on a table of their own in the embedded AWS of *stack*."""

    stack: RunningStack
    url_length: int = 100
    _created: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Make the table, a bus and a queue."""
        aws = self.stack.aws
        self._dynamodb, self._streams = (
            aws.client("dynamodb"),
            aws.client("dynamodbstreams"),
        )
        self._name = f"units-{uuid.uuid4()}"
        made = self._dynamodb.create_table(TableName=self._name, **table_properties())
        self._iterator = self._start_of(made["TableDescription"]["LatestStreamArn"])
        self._meter = Meter(self._dynamodb)
        self._table = Table(self._dynamodb, self._name)
        queue = aws.client("sqs").create_queue(QueueName=self._name)["QueueUrl"]
        self._queue = Queue(aws.client("sqs"), queue)
        self._bus = Bus(aws.client("events"), self.stack.outputs["BusName"])
        self._carrier = Carrier(
            auth_id=account.AUTH_ID,
            auth_token=account.AUTH_TOKEN,
            base_url=self.stack.addresses.plivo_url,
        )

    def fill(self, count: int) -> None:
        """Write *count* sessions straight into the table, active for a day."""
        now = datetime.now(UTC)
        batch: list[Any] = []
        for number in range(count):
            for item in _items_of(_session(number, now), now):
                batch.append({"PutRequest": {"Item": items.written(item)}})
                if len(batch) == BATCH:
                    self._dynamodb.batch_write_item(RequestItems={self._name: batch})
                    batch.clear()
        if batch:
            self._dynamodb.batch_write_item(RequestItems={self._name: batch})
        self._skip_stream()

    def measure(self) -> dict[str, Cost]:
        """Measure every operation once, in the order in which a session meets them."""
        costs: dict[str, Cost] = {}
        created: list[Session] = []
        costs["create"] = self._of(lambda: created.append(self._create()))
        session = created[0]
        later = {"session_expiry": 5_000}
        costs["update"] = self._of(lambda: self._update(session, {"record": True}))
        costs["update, expiry moves"] = self._of(lambda: self._update(session, later))
        answer, hangup = "SessionFirstPartyAnswer", "SessionFirstPartyHangup"
        keep = self._keep_callback
        costs["callback"] = self._of(lambda: keep(session, answer, PAIR[0]))
        costs["callback, repeated"] = self._of(lambda: keep(session, answer, PAIR[0]))
        costs["callback, new caller"] = self._of(
            lambda: keep(session, hangup, STRANGER)
        )
        for number in range(8):
            keep(session, f"Session{number}", PAIR[0])
        self._publish(self._records())
        costs["get, 10 events"] = self._of(lambda: self._get(session))
        costs["list, page of 50"] = self._of(self._list)
        costs["sweep, idle"] = self._of(self._sweep)
        costs["expire now"] = self._of(lambda: self._end(session))
        due = self._create(session_expiry=1)
        self._publish(self._records())
        costs["expire by the sweep"] = self._of(lambda: self._sweep(due.expiry_time))
        return costs

    def _of(self, operation: Callable[[], object]) -> Cost:
        with self._meter.measuring() as path:
            operation()
        records = self._records()
        with self._meter.measuring() as stream:
            self._publish(records)
        # What the stream's handler wrote comes in the stream as well.
        for _ in range(3):
            more = self._records()
            with self._meter.measuring() as after:
                self._publish(more)
            stream += after
        return Cost(path, stream)

    def _create(self, **more: Any) -> Session:
        self._created += 1
        url = "https://app.example.com/".ljust(self.url_length, "x")
        body = {
            "first_party": PAIR[0],
            "second_party": PAIR[1],
            "callback_url": url,
            "recording_callback_url": url,
            "first_party_play_url": url[:-5] + ".mp3",
            "labels": {"order_id": "A-17"},
            **more,
        }
        flow = CreateFlow(self._table, self._carrier, KEY, _now, self._settings_of)
        return flow.create(
            contract.parse_create(body),
            tenant_id=TENANT,
            idempotency_key=f"{self._name}-{self._created}",
            base_url=BASE_URL,
        ).session

    def _settings_of(self, tenant_id: str) -> TenantSettings:
        """Read the settings each time, as a process does that has just begun."""
        return tenant_settings.load(self._table.tenants, tenant_id)

    def _update(self, session: Session, body: Mapping[str, Any]) -> Session:
        flow = UpdateFlow(self._table, self._carrier, _now)
        request = contract.parse_update(body)
        return flow.update(session.session_uuid, request, tenant_id=TENANT)

    def _end(self, session: Session) -> Session:
        flow = EndFlow(self._table, self._carrier, _now)
        return flow.end(session.session_uuid, tenant_id=TENANT)

    def _keep_callback(self, session: Session, event: str, caller: str) -> None:
        """Store a callback as `receive` does once its signature is checked."""
        self._table.load_state(session.session_uuid)
        self._table.put_callback(
            session.session_uuid,
            f"digest-{event}",
            kind="events",
            tenant_id=TENANT,
            attempt=1,
            attributes={
                "EventName": event,
                "EventTimestamp": "2026-01-31 12:00:00",
                "SessionUUID": str(session.carrier_session_uuid),
                "From": caller,
                "To": PAIR[1],
                "VirtualNumber": str(session.virtual_number),
                "SequenceNumber": "1",
            },
            received_at=_now(),
        )

    def _get(self, session: Session) -> None:
        self._table.load(session.session_uuid)
        self._table.callbacks(session.session_uuid)

    def _list(self) -> None:
        listing.find(
            Search(limit=PAGE),
            tenant_id=TENANT,
            table=self._table,
            number_key=KEY,
            now=_now(),
        )

    def _sweep(self, at: datetime | None = None) -> None:
        now = at or _now()
        Sweep(self._table, lambda: now, lambda: True).run()

    def _publish(self, records: list[Any]) -> None:
        publisher = Publisher(
            self._table, self._bus, self._queue, self._queue, KEY, _now
        )
        for record in records:
            publisher.publish(record)

    def _records(self) -> list[Any]:
        answer = self._streams.get_records(ShardIterator=self._iterator)
        self._iterator = answer["NextShardIterator"]
        return list(answer["Records"])

    def _skip_stream(self) -> None:
        while self._records():
            pass

    def _start_of(self, stream: str) -> str:
        described = self._streams.describe_stream(StreamArn=stream)
        shard = described["StreamDescription"]["Shards"][0]["ShardId"]
        answer = self._streams.get_shard_iterator(
            StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )
        return str(answer["ShardIterator"])


def table_properties() -> dict[str, Any]:
    """Return the template's Table as CreateTable takes it."""
    template = read_template(ROOT / "template.yaml")
    properties = template["Resources"]["Table"]["Properties"]
    same = (
        "BillingMode",
        "AttributeDefinitions",
        "KeySchema",
        "GlobalSecondaryIndexes",
    )
    stream = {"StreamEnabled": True, **properties["StreamSpecification"]}
    return {name: properties[name] for name in same} | {"StreamSpecification": stream}


def _now() -> datetime:
    return datetime.now(UTC)


def _session(number: int, now: datetime) -> Session:
    created = now - timedelta(seconds=number % 500_000)
    reserved = transitions.reserve(
        session_uuid=str(uuid.uuid4()),
        tenant_id=TENANT,
        asked={"first_party": PAIR[0], "second_party": PAIR[1]},
        labels={},
        base_url=BASE_URL,
        now=created,
    )
    return replace(
        reserved,
        status=Status.ACTIVE,
        lease_until=None,
        carrier_session_uuid=str(uuid.uuid4()),
        virtual_number="+12025550180",
        created_time=created,
        expiry_time=now + timedelta(days=1),
        answered={"first_party": PAIR[0], "second_party": PAIR[1]},
    )


def _items_of(session: Session, now: datetime) -> Iterator[items.Item]:
    yield items.state_item(session, int(now.timestamp()) + 1_000_000)
    yield {
        "pk": items.carrier_key(str(session.carrier_session_uuid)),
        "sk": items.LINK,
        "session_uuid": session.session_uuid,
        **items.listing_keys(session),
    }
