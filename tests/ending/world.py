"""A deployment in one process whose time is moved by hand.

The real rules, table module, SDK and flows work on the embedded AWS and the Plivo
simulator; both see one clock. Functions are not deployed: what a schedule, a queue or
the stream would set off, a test sets off itself, and so decides the order.
"""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config

from masking.api import requests
from masking.domain.bus_events import Event
from masking.domain.sessions import Session
from masking.lifecycle.reconcile import Reconciler
from masking.lifecycle.reconcile_sessions import Run
from masking.plivo.client import Carrier
from masking.storage import session_items
from masking.storage.table import written_item
from plivo_simulator import account as accounts
from plivo_simulator.server import Running, running
from stack.aws.clients import ACCESS_KEY, REGION, SECRET_KEY
from tests.support.embedded_aws import EmbeddedAws, make_table
from tests.support.harness_services import HarnessServices
from tests.support.stores import stores_over

TENANT = "acme"

# A time to purge that never comes, in seconds since 1970.
FAR = 4_000_000_000

# Nobody listens there: callbacks are handed over by the test.
NOWHERE = "https://127.0.0.1:9"


@dataclass
class Bus:
    """Take events as the bus would, by their id."""

    events: list[dict[str, Any]] = field(default_factory=list)

    def put(self, events: list[Event]) -> None:
        """Keep events in the order they come."""
        self.events += [event.detail() for event in events]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Give the events of a type."""
        return [event for event in self.events if event["type"] == kind]


@dataclass
class Checks:
    """Take messages as the queue of checks would."""

    messages: list[dict[str, Any]] = field(default_factory=list)

    def send(self, message: Mapping[str, Any], *, at_once: bool = False) -> None:
        """Keep a message."""
        self.messages.append({**message, "at_once": at_once})


class KilledError(BaseException):
    """The process is no more. Nothing of ours catches this."""


@dataclass
class Death:
    """Let a process die at its n-th request, before it is sent or after it was.

    From then on every request dies, as a process that is dead sends none.
    """

    at: int | None = None
    after: bool = False
    seen: int = 0

    def plan(self, at: int | None, *, after: bool = False) -> None:
        """Die at request number *at*, from now on; None: live."""
        self.at, self.after, self.seen = at, after, 0

    def before(self, **_: object) -> None:
        """Count a request that is about to be sent."""
        self.seen += 1
        if self.at is None:
            return
        if self.seen > self.at or (self.seen == self.at and not self.after):
            raise KilledError

    def behind(self, **_: object) -> None:
        """Note that a request was answered."""
        if self.at is not None and self.seen >= self.at:
            raise KilledError


@dataclass
class Meter:
    """Count the request units that DynamoDB says it used."""

    written: float = 0
    read: float = 0

    def take(self, parsed: Mapping[str, Any], model: Any, **_: object) -> None:
        """Add what an answer consumed."""
        used = parsed.get("ConsumedCapacity") or []
        is_read = model.name in ("GetItem", "Query", "BatchGetItem")
        for each in used if isinstance(used, list) else [used]:
            if is_read:
                self.read += each["CapacityUnits"]
            else:
                self.written += each["CapacityUnits"]


class World:
    """Everything a session meets in its life."""

    def __init__(self, aws: EmbeddedAws, plivo: Running) -> None:
        self.plivo = plivo
        self.simulator = plivo.simulator
        self.dynamodb = _dynamodb(aws)
        self.meter = Meter()
        hooks = self.dynamodb.meta.events
        for operation in ("PutItem", "UpdateItem", "GetItem", "Query", "BatchGetItem"):
            hooks.register(f"provide-client-params.dynamodb.{operation}", _metered)
        hooks.register("after-call.dynamodb", self.meter.take)
        self.table_name = make_table(self.dynamodb)
        self.stores = stores_over(self.dynamodb, self.table_name)
        self.death = Death()
        hooks.register("before-call.dynamodb", self.death.before)
        hooks.register("after-call.dynamodb", self.death.behind)
        self.carrier = self.new_carrier(before=self.death.before)
        self.bus = Bus()
        self.checks = Checks()
        self.erasures = Checks()
        self.time_left = True
        self._stream = Stream(aws, self.table_name)
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._told = 0

    @property
    def services(self) -> HarnessServices:
        """Return services over all of this."""
        return HarnessServices(
            stores=self.stores,
            carrier=self.carrier,
            now=self.now,
            bus=self.bus,
            check_queue=self.checks,
            erasure_queue=self.erasures,
        )

    def new_carrier(self, **more: Any) -> Carrier:
        """Give Plivo, with the simulator's credentials."""
        return Carrier(
            auth_id=accounts.AUTH_ID,
            auth_token=accounts.AUTH_TOKEN,
            base_url=self.plivo.origin,
            **more,
        )

    # Time

    def now(self) -> datetime:
        """Give the one time."""
        return self.simulator.clock.now()

    def advance(self, **span: float) -> None:
        """Move the one time; Plivo does meanwhile what is due there."""
        seconds = timedelta(**span).total_seconds()
        self.control("POST", "clock/advance", {"seconds": seconds})

    # What apps do

    def create(self, number: int = 0, **asked: Any) -> Session:
        """Create a session of a pair that is a pair's alone."""
        body = {
            "first_party": f"+1202555{2 * number:04d}",
            "second_party": f"+1202556{2 * number:04d}",
            "session_expiry": 600,
            **asked,
        }
        return self.services.create_session.create(
            requests.parse_create(body),
            tenant_id=TENANT,
            idempotency_key=None,
            domain=NOWHERE.removeprefix("https://"),
        ).session

    def update(self, session: Session, **changes: Any) -> Session:
        """Change a session."""
        return self.services.update_session.update(
            session.session_uuid, requests.parse_update(changes), tenant_id=TENANT
        )

    def end(self, session: Session) -> Session:
        """End a session."""
        return self.services.expire_session.end(session.session_uuid, tenant_id=TENANT)

    def load(self, session: Session) -> Session:
        """Read a session."""
        found = self.stores.sessions.load(session.session_uuid)
        assert found is not None
        return found

    def write(self, made: list[Session]) -> None:
        """Put sessions into the table as they are, 25 with each request."""
        wanted = [
            {"PutRequest": {"Item": written_item(session_items.state_item(each, FAR))}}
            for each in made
        ]
        for start in range(0, len(wanted), 25):
            answer = self.dynamodb.batch_write_item(
                RequestItems={self.table_name: wanted[start : start + 25]}
            )
            assert not answer["UnprocessedItems"]

    # What runs by itself

    def sweep(self) -> int:
        """Run the rule of every minute."""
        return self.services.expire_sessions(lambda: self.time_left).run()

    def reconcile(self) -> Run:
        """Run the rule of every quarter of an hour."""
        return self.services.reconcile_sessions(lambda: self.time_left).work()

    def reconciler(self) -> Reconciler:
        """Return what does the due work of one session."""
        return self.services.reconciler

    def publish(self) -> None:
        """Work the table's stream off, and the messages that this sends."""
        while records := self.take():
            self.publish_records(records)

    def take(self) -> list[dict[str, Any]]:
        """Take what is in the stream."""
        return self._stream.take()

    def publish_records(self, records: list[dict[str, Any]]) -> None:
        """Work records of the stream off."""
        publisher = self.services.change_publisher
        for record in records:
            publisher.publish(record)

    def forget(self) -> None:
        """Let what the stream holds be, as if it had been worked off."""
        while self._stream.take():
            pass

    def check(self) -> list[str]:
        """Work the queue of checks off."""
        taken, self.checks.messages = self.checks.messages, []
        reconciler = self.reconciler()
        return [
            (reconciler.remove_orphans if each.get("orphans") else reconciler.check)(
                each["session_uuid"]
            )
            for each in taken
        ]

    def quarters(self, count: int) -> None:
        """Let *count* quarters of an hour pass with all that runs by itself."""
        for _ in range(count):
            self.advance(minutes=15)
            self.sweep()
            self.publish()
            self.check()
            self.reconcile()
            self.publish()

    # What Plivo does

    def call(self, session: Session, **plan: Any) -> dict[str, Any]:
        """Let the first party call; time must be moved for it to go on."""
        return self.control(
            "POST",
            "calls",
            {
                "from": session.settings["first_party"],
                "to": session.virtual_number,
                **plan,
            },
        )

    def tell(self, session: Session, *, event: str | None = None) -> int:
        """Hand over the callbacks that Plivo had for a session; give how many."""
        told = 0
        at_plivo = str(session.carrier_session_uuid)
        for callback in list(self.simulator.store.callbacks_of.get(at_plivo, ())):
            if event in (None, callback.event):
                told += self.hand_over(session, callback.attributes)
        return told

    def hand_over(self, session: Session, attributes: Mapping[str, Any]) -> bool:
        """Keep one callback as the function does that receives it."""
        from masking.api import callback_requests

        pairs = [(name, str(value)) for name, value in attributes.items()]
        return self.stores.callbacks.put(
            session.session_uuid,
            callback_requests.digest_of(pairs),
            kind="events",
            tenant_id=TENANT,
            attempt=session.attempt,
            attributes=callback_requests.attributes_of(pairs),
            received_at=self.now(),
        )

    def requests(self) -> int:
        """Count the requests that the masking API has had."""
        return len(self.simulator.store.ledger)

    def alive(self, session: Session) -> bool:
        """Say whether Plivo would connect calls of a session."""
        at_plivo = self.simulator.store.sessions[str(session.carrier_session_uuid)]
        return at_plivo.is_live(self.now())

    def control(self, method: str, path: str, body: object) -> dict[str, Any]:
        """Ask the simulator's control API."""
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.plivo.origin}/_sim/{path}",
            method=method,
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        with self._opener.open(request, timeout=120) as response:
            answer: dict[str, Any] = json.loads(response.read())
        return answer


class Stream:
    """Read the stream of a table, each record once."""

    def __init__(self, aws: EmbeddedAws, table_name: str) -> None:
        self._client = aws.client("dynamodbstreams")
        arn = self._client.list_streams(TableName=table_name)["Streams"][0]["StreamArn"]
        shards = self._client.describe_stream(StreamArn=arn)["StreamDescription"]
        self._iterators = [
            self._client.get_shard_iterator(
                StreamArn=arn,
                ShardId=shard["ShardId"],
                ShardIteratorType="TRIM_HORIZON",
            )["ShardIterator"]
            for shard in shards["Shards"]
        ]

    def take(self) -> list[dict[str, Any]]:
        """Give the records that came since, oldest first."""
        found = []
        for place, iterator in enumerate(self._iterators):
            answer = self._client.get_records(ShardIterator=iterator)
            self._iterators[place] = answer["NextShardIterator"]
            found += answer["Records"]
        return found


@contextmanager
def running_world(aws: EmbeddedAws) -> Iterator[World]:
    """Give a world of its own whose clock stands still."""
    with running(speed=0) as plivo:
        yield World(aws, plivo)


def _dynamodb(aws: EmbeddedAws) -> Any:
    """Give a client that the sweep's threads can share, with hooks of its own."""
    return boto3.Session(
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name=REGION,
    ).client(
        "dynamodb",
        endpoint_url=aws.url,
        verify=str(aws.ca_file),
        config=Config(max_pool_connections=16, proxies={}),
    )


def _metered(params: dict[str, Any], **_: object) -> None:
    params["ReturnConsumedCapacity"] = "INDEXES"


def copies(pattern: Session, count: int, **changes: Any) -> list[Session]:
    """Make sessions like *pattern*, each a session of its own that Plivo never saw."""
    return [
        replace(
            pattern,
            session_uuid=str(uuid.uuid4()),
            carrier_session_uuid=str(uuid.uuid4()),
            **changes,
        )
        for _ in range(count)
    ]
