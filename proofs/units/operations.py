"""Carry each operation out against a table of its own, and measure it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from masking.api import requests
from masking.api.search_requests import Search
from masking.core import key_space
from masking.domain import transitions
from masking.domain.sessions import Session, Status
from masking.storage import session_items
from masking.storage.queues import Queue
from masking.storage.stores import Stores
from masking.storage.table import Table, written_item
from masking.tenants import tenant_settings
from masking.tenants.tenant_settings import TenantSettings
from proofs.harness import services_of
from proofs.units.meter import Meter, Units
from stack.aws.package import read_template
from stack.environments import ROOT
from stack.running import RunningStack

TENANT = "tenant-1"
BASE_URL = "https://masks.example.com"
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
        queue = aws.client("sqs").create_queue(QueueName=self._name)["QueueUrl"]
        services = self._services = services_of(self.stack)
        retention = services.settings.retention
        services.stores = Stores(Table(self._dynamodb, self._name, retention))
        services.check_queue = Queue(aws.client("sqs"), queue)
        services.erasure_queue = services.check_queue
        # Read each time, as a process does that has just begun.
        services.tenant_settings_of = self._settings_of

    def fill(self, count: int) -> None:
        """Write *count* sessions straight into the table, active for a day."""
        now = datetime.now(UTC)
        batch: list[Any] = []
        for number in range(count):
            for item in _items_of(_session(number, now), now):
                batch.append({"PutRequest": {"Item": written_item(item)}})
                if len(batch) == BATCH:
                    self._dynamodb.batch_write_item(RequestItems={self._name: batch})
                    batch.clear()
        if batch:
            self._dynamodb.batch_write_item(RequestItems={self._name: batch})
        self._skip_stream()

    def measure(self) -> dict[str, Cost]:
        """Measure every operation once, in the order in which a session meets them."""
        costs: dict[str, Cost] = {}
        # A virtual number costs a unit more at its first session, and not again.
        self._end(self._create())
        self._publish(self._records())
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
        return self._services.create_session.create(
            requests.parse_create(body),
            tenant_id=TENANT,
            idempotency_key=f"{self._name}-{self._created}",
            domain="masks.example.com",
        ).session

    def _settings_of(self, tenant_id: str) -> TenantSettings:
        return tenant_settings.load(self._services.stores.tenants, tenant_id)

    def _update(self, session: Session, body: Mapping[str, Any]) -> Session:
        request = requests.parse_update(body)
        return self._services.update_session.update(
            session.session_uuid, request, tenant_id=TENANT
        )

    def _end(self, session: Session) -> Session:
        return self._services.expire_session.end(session.session_uuid, tenant_id=TENANT)

    def _keep_callback(self, session: Session, event: str, caller: str) -> None:
        """Store a callback as `receive` does once its signature is checked."""
        stores = self._services.stores
        stores.sessions.load_state(session.session_uuid)
        stores.callbacks.put(
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
        stores = self._services.stores
        stores.sessions.load(session.session_uuid)
        stores.callbacks.of_session(session.session_uuid)

    def _list(self) -> None:
        self._services.search_sessions.find(Search(limit=PAGE), tenant_id=TENANT)

    def _sweep(self, at: datetime | None = None) -> None:
        now = at or _now()
        sweep = self._services.expire_sessions(lambda: True)
        replace(sweep, now=lambda: now).run()

    def _publish(self, records: list[Any]) -> None:
        publisher = self._services.change_publisher
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


def _items_of(session: Session, now: datetime) -> Iterator[key_space.Item]:
    yield session_items.state_item(session, int(now.timestamp()) + 1_000_000)
    yield {
        "pk": key_space.carrier_key(str(session.carrier_session_uuid)),
        "sk": key_space.LINK,
        "session_uuid": session.session_uuid,
        **session_items.listing_keys(session),
    }
