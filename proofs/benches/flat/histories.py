"""A session of many calls in a table of its own, and what apps and Plivo do in it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from masking.api import callback_requests
from masking.api.pages import PageRequest
from masking.core import key_space
from masking.core.key_space import Item, part_key, session_key
from masking.core.times import stamp
from masking.domain.callback_event import CallbackEvent
from masking.domain.checkpoints import BEGINNING, SETTLED_AFTER, Checkpoint
from masking.domain.cut_history import checkpoints_in
from masking.domain.sessions import Session, parties_of
from masking.storage.callbacks import place_of
from masking.storage.histories import MOST
from masking.storage.table import written_item
from masking.storage.timelines import timeline_of
from masking.stream.count_calls import CHOSEN, CountCalls
from proofs.units.operations import BATCH, PAIR, TENANT, Operations

# Seconds from a call to the next, and of talk.
APART = 60
TALK = 20

# Threads that write the callbacks.
WRITERS = 2

RECEIVED = timedelta(seconds=1)

# Operations.
CALLBACK = "a callback, kept and published"
COUNTING = "counting calls, for one callback in 16"
GET = "a GET"
EVENTS = "a page of events"


@dataclass(frozen=True)
class Cost:
    """What an operation took: milliseconds of CPU, and request units."""

    cpu: float
    read: float
    write: float


def calls(count: int, until: datetime) -> Iterator[dict[str, str]]:
    """Yield the callbacks of so many calls, the last of which ends an hour before."""
    began = until - timedelta(hours=1, seconds=APART * count)
    for number in range(count):
        yield from call_at(began + timedelta(seconds=APART * number), 6 * number + 1)


def call_at(began: datetime, number: int) -> Iterator[dict[str, str]]:
    """Yield the callbacks of a call; *number* is the SequenceNumber of the first."""
    answered = began + timedelta(seconds=4)
    ended = answered + timedelta(seconds=TALK)
    over = {"PlivoHangupCauseCode": "4000", "BilledDuration": "60", "Amount": "0.0085"}
    events: list[tuple[str, datetime, dict[str, str]]] = [
        ("SessionFirstPartyAnswer", began, {}),
        ("SessionSecondPartyRing", began + timedelta(seconds=1), {}),
        ("SessionSecondPartyAnswer", answered, {}),
        ("SessionFirstPartyHangup", ended, {**over, "Duration": str(TALK + 4)}),
        ("SessionSecondPartyHangup", ended, {**over, "Duration": str(TALK)}),
        ("SessionPartiesHangup", ended, {**over, "Duration": str(TALK)}),
    ]
    for place, (name, at, more) in enumerate(events):
        yield {
            "EventName": name,
            "EventTimestamp": at.strftime("%Y-%m-%d %H:%M:%S"),
            "SequenceNumber": str(number + place),
            "From": PAIR[0],
            "To": PAIR[1],
            "VirtualNumber": "+12025550180",
            **more,
        }


class LongSession(Operations):
    """A session of *count* calls, which were counted as the stream does."""

    def load(self, count: int) -> None:
        """Write the session, the callbacks of its calls, and its checkpoints."""
        self.session: Session = self._create(session_expiry=86_400)
        self._publish(self._records())
        self._now = datetime.now(UTC)
        self._next = 6 * count + 1
        told = (self._told(each) for each in calls(count, self._now))
        self.callbacks = [self._item_of(each) for each in told]
        batches = [
            self.callbacks[start : start + BATCH]
            for start in range(0, len(self.callbacks), BATCH)
        ]
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(self._write, batches))
        purge_at = self._services.stores.sessions.purge_at(self.session)
        for each in self._checkpoints():
            checkpoints = self._services.stores.checkpoints
            checkpoints.put_new(self.session.session_uuid, each, purge_at)

    def _write(self, items: list[Item]) -> None:
        puts: list[Any] = [{"PutRequest": {"Item": written_item(i)}} for i in items]
        self._dynamodb.batch_write_item(RequestItems={self._name: puts})

    def _checkpoints(self) -> Iterator[Checkpoint]:
        """Yield what the stream makes while the calls go on."""
        last, rest = BEGINNING, self.callbacks
        while True:
            part = timeline_of(rest[:MOST], self.session, since=last)
            until = min(part.history[-1].at, self._now - SETTLED_AFTER)
            made = checkpoints_in(part, parties_of(self.session), last, until)
            if not made:
                return
            yield from made
            last = made[-1]
            first = part_key(key_space.CALLBACK, stamp(last.at))
            rest = [each for each in rest if each["sk"] >= first]

    def _count(self) -> None:
        """Count the calls, as one callback in sixteen does."""
        counting = CountCalls(self._services.stores, lambda: self._now)
        counting.after_callback(CallbackEvent(CHOSEN, {}), self.session)

    def costs(self, rounds: int) -> dict[str, Cost]:
        """Measure each operation so many times; return the medians."""
        uuid = self.session.session_uuid
        get = self._services.get_session.get
        events = self._services.list_events.page
        at = (self._now - timedelta(hours=1, minutes=10)).isoformat()
        last = PageRequest(after=[at, 0, 0, ""])
        operations: dict[str, Callable[[], object]] = {
            CALLBACK: self._keep_and_publish,
            COUNTING: self._count,
            GET: lambda: get(uuid, tenant_id=TENANT),
            EVENTS: lambda: events(uuid, last, tenant_id=TENANT),
        }
        return {
            name: self._median(operation, rounds)
            for name, operation in operations.items()
        }

    def _median(self, operation: Callable[[], object], rounds: int) -> Cost:
        found = []
        for _ in range(rounds):
            with self._meter.measuring() as units:
                began = time.thread_time()
                operation()
                cpu = 1_000 * (time.thread_time() - began)
            found.append(Cost(cpu, units.read, units.write))
        return Cost(
            *(
                statistics.median(getattr(each, name) for each in found)
                for name in ("cpu", "read", "write")
            )
        )

    def _keep_and_publish(self) -> None:
        """Keep the next callback and publish it, as the two functions do."""
        fields = self._told(next(call_at(self._now, self._next)))
        self._next += 1
        stores = self._services.stores
        stores.sessions.load_state(self.session.session_uuid)
        item = self._item_of(fields, received=datetime.now(UTC))
        stores.callbacks.put(
            self.session.session_uuid,
            str(item["sk"]).rpartition("#")[2],
            kind="events",
            tenant_id=TENANT,
            attempt=1,
            attributes=fields,
            received_at=datetime.now(UTC),
        )
        image = written_item(item)
        record = {"dynamodb": {"NewImage": image, "SequenceNumber": str(self._next)}}
        self._services.change_publisher.publish(record)

    def _told(self, fields: dict[str, str]) -> dict[str, str]:
        return {**fields, "SessionUUID": str(self.session.carrier_session_uuid)}

    def _item_of(
        self, fields: dict[str, str], received: datetime | None = None
    ) -> Item:
        digest = callback_requests.digest_of(list(fields.items()))
        at = datetime.fromisoformat(fields["EventTimestamp"]).replace(tzinfo=UTC)
        return {
            "pk": session_key(self.session.session_uuid),
            "sk": part_key(key_space.CALLBACK, f"{place_of(fields)}#{digest}"),
            "kind": "events",
            "tenant_id": TENANT,
            "attempt": 1,
            "attributes": fields,
            "came": {"as": "form", "proof": "v3 form"},
            "received_at": stamp(received or at + RECEIVED),
            "purge_at": int(self._now.timestamp()) + 1_000_000,
        }
