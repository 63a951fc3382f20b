"""A deployment in one process whose time is moved by hand.

The real rules, stores, SDK and use cases work on the embedded AWS and the Plivo
simulator; both see one clock. Functions are not deployed: what a schedule, a queue or
the stream would set off, a test sets off itself, and so decides the order.
"""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from masking.api import callback_requests, requests
from masking.core.errors import ErasureNotReadyError
from masking.core.times import Clock
from masking.domain.erasures import Erasure
from masking.domain.sessions import Session
from masking.erasure.erase_number import EraseNumber
from masking.lifecycle.reconcile_sessions import Run
from masking.plivo.client import Carrier
from masking.storage import session_items
from masking.storage.bucket import Bucket
from masking.storage.table import written_item
from plivo_simulator import account as accounts
from plivo_simulator.server import Running
from proofs.units.meter import Meter
from tests.support.embedded_aws import EmbeddedAws, make_bucket, make_table
from tests.support.harness_parts import (
    Interruption,
    KeptBus,
    KeptQueue,
    KilledError,
    ProcessKill,
    StreamReader,
    hooked_client,
)
from tests.support.harness_services import HarnessServices
from tests.support.interrupted import rewriting
from tests.support.people import pair_of
from tests.support.stores import stores_over

TENANT = "acme"

# A time to purge that never comes, in seconds since 1970.
FAR = 4_000_000_000

# Nobody listens there: callbacks are delivered by the test.
NOWHERE_DOMAIN = "127.0.0.1:9"
NOWHERE = f"https://{NOWHERE_DOMAIN}"


class Harness:
    """Everything that a session meets in its life, over a simulator that is reset."""

    def __init__(self, aws: EmbeddedAws, plivo: Running) -> None:
        self.plivo = plivo
        self.simulator = plivo.simulator
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.ask_simulator("POST", "reset", {})
        self.dynamodb = hooked_client(aws, "dynamodb")
        self.s3 = hooked_client(
            aws, "s3", signature_version="s3v4", retries={"total_max_attempts": 1}
        )
        self.units = Meter(self.dynamodb).total
        self.table_name = make_table(self.dynamodb)
        self.stores = stores_over(self.dynamodb, self.table_name)
        self.bucket = Bucket(self.s3, make_bucket(aws.client("s3")))
        self.kill = ProcessKill()
        self.interruption = Interruption()
        hooks = self.dynamodb.meta.events
        hooks.register("before-call.dynamodb", self._before_request)
        hooks.register("after-call.dynamodb", self.kill.after_request)
        self.s3.meta.events.register("before-call.s3", self._before_request)
        self.carrier = self.new_carrier(before=self._before_request)
        self.bus = KeptBus()
        self.check_queue = KeptQueue()
        self.erasure_queue = KeptQueue()
        self.time_left = True
        self.retry_after = 0
        self._stream = StreamReader(aws, self.table_name)

    @property
    def services(self) -> HarnessServices:
        """Return services over all of this."""
        return self.services_at(self.now)

    def services_at(self, now: Clock) -> HarnessServices:
        """Return services over all of this whose clock is *now*."""
        return HarnessServices(
            stores=self.stores,
            carrier=self.carrier,
            now=now,
            bus=self.bus,
            bucket=self.bucket,
            check_queue=self.check_queue,
            erasure_queue=self.erasure_queue,
        )

    def new_carrier(self, **more: Any) -> Carrier:
        """Return a client of Plivo, with the simulator's credentials."""
        return Carrier(
            auth_id=accounts.AUTH_ID,
            auth_token=accounts.AUTH_TOKEN,
            base_url=self.plivo.origin,
            **more,
        )

    def rewriting(self, *operations: str, **changes: Any) -> Carrier:
        """Return a client of Plivo that reads other attributes in sessions."""
        return rewriting(
            self.plivo, *(operations or ("create", "get", "update")), **changes
        )

    def _has_time(self) -> bool:
        return self.time_left

    def _before_request(self, **_: object) -> None:
        self.kill.before_request()
        self.interruption.before_request()

    # Time

    def now(self) -> datetime:
        """Return the one time."""
        return self.simulator.clock.now()

    def advance(self, **span: float) -> None:
        """Move the one time; Plivo does meanwhile what is due there."""
        seconds = timedelta(**span).total_seconds()
        self.ask_simulator("POST", "clock/advance", {"seconds": seconds})

    # What apps do

    def create(self, number: int = 0, **asked: Any) -> Session:
        """Create a session of the pair *number*, which no other session has."""
        body = {
            **pair_of(number),
            "session_expiry": 600,
            **asked,
        }
        return self.services.create_session.create(
            requests.parse_create(body),
            tenant_id=TENANT,
            idempotency_key=None,
            domain=NOWHERE_DOMAIN,
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

    def put_sessions(self, made: list[Session]) -> None:
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

    def sweep(self, has_time: Callable[[], bool] | None = None) -> int:
        """Run the rule of every minute."""
        return self.services.expire_sessions(has_time or self._has_time).run()

    def reconcile(self) -> Run:
        """Run the rule of every quarter of an hour."""
        return self.services.reconcile_sessions(self._has_time).work()

    def publish(self) -> None:
        """Publish the table's stream, and what publishing adds to it."""
        while records := self.take_records():
            self.publish_records(records)

    def take_records(self) -> list[dict[str, Any]]:
        """Take what is in the stream."""
        return self._stream.take()

    def publish_records(self, records: list[dict[str, Any]]) -> None:
        """Publish records of the stream."""
        publisher = self.services.change_publisher
        for record in records:
            publisher.publish(record)

    def skip_records(self) -> None:
        """Drop what the stream holds, as if it had been published."""
        while self._stream.take():
            pass

    def run_checks(self) -> list[str]:
        """Carry out the messages of the queue of checks."""
        reconciler = self.services.reconciler
        return [
            (reconciler.remove_orphans if each.get("orphans") else reconciler.check)(
                each["session_uuid"]
            )
            for each in self.check_queue.take()
        ]

    def run_quarters(self, count: int) -> None:
        """Let *count* quarters of an hour pass with all that runs by itself."""
        for _ in range(count):
            self.advance(minutes=15)
            self.sweep()
            self.publish()
            self.run_checks()
            self.reconcile()
            self.publish()

    # Erasures

    def request_erasure(self, number: str) -> Erasure:
        """Ask for a number to be erased."""
        return self.services.create_erasure.begin(number, tenant_id=TENANT)

    def erase_number(self) -> EraseNumber:
        """Return the use case that carries erasures out."""
        return self.services.erase_number(self._has_time)

    def carry_out(self, message: dict[str, Any]) -> bool:
        """Carry out a message; return False if it must come again."""
        body = {k: v for k, v in message.items() if k != "at_once"}
        try:
            with self.interruption.counting():
                self.erase_number().carry_out(body)
        except ErasureNotReadyError as waits:
            self.retry_after = waits.retry_after
            return False
        except KilledError:
            # Its leases run on; the message comes again when it is visible.
            self.retry_after = 360
            return False
        return True

    def run_until_idle(self, turns: int = 60) -> None:
        """Let everything run by itself until no message of an erasure is left."""
        for _ in range(turns):
            self.publish()
            self.run_checks()
            taken = self.erasure_queue.take()
            if not taken:
                return
            if not any(each["at_once"] for each in taken):
                self.advance(seconds=75)
            left = [each for each in taken if not self.carry_out(each)]
            if left:
                self.advance(seconds=self.retry_after)
            self.erasure_queue.messages += left
        raise AssertionError("the erasure does not come to an end")

    def load_erasure(self, erasure: Erasure) -> Erasure:
        """Read an erasure."""
        found = self.stores.erasures.get(erasure.erasure_id)
        assert found
        return found

    # What Plivo does

    def call(self, session: Session, **plan: Any) -> dict[str, Any]:
        """Let the first party call; time must be moved for it to go on."""
        return self.ask_simulator(
            "POST",
            "calls",
            {
                "from": session.settings["first_party"],
                "to": session.virtual_number,
                **plan,
            },
        )

    def deliver_callbacks(self, session: Session, *, event: str | None = None) -> int:
        """Deliver the callbacks that Plivo had for a session; return how many."""
        at_plivo = str(session.carrier_session_uuid)
        return sum(
            self.put_callback(session, callback.attributes)
            for callback in list(self.simulator.store.callbacks_of.get(at_plivo, ()))
            if event in (None, callback.event)
        )

    def put_callback(self, session: Session, attributes: Mapping[str, Any]) -> bool:
        """Keep one callback as the function does that receives it."""
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

    def count_requests(self) -> int:
        """Return how many requests the masking API has had."""
        return len(self.simulator.store.ledger)

    def is_live(self, session: Session) -> bool:
        """Return whether Plivo would connect calls of a session."""
        at_plivo = self.simulator.store.sessions[str(session.carrier_session_uuid)]
        return at_plivo.is_live(self.now())

    def ask_simulator(self, method: str, path: str, body: object) -> dict[str, Any]:
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


def copies(pattern: Session, count: int, **changes: Any) -> list[Session]:
    """Return sessions like *pattern*, each of its own UUID, that Plivo never saw."""
    return [
        replace(
            pattern,
            session_uuid=str(uuid.uuid4()),
            carrier_session_uuid=str(uuid.uuid4()),
            **changes,
        )
        for _ in range(count)
    ]
