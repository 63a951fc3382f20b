"""Sessions of many calls, on a table in memory that counts what is read of it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from masking.api import callback_requests
from masking.core.key_space import name_of
from masking.core.times import stamp
from masking.domain import transitions
from masking.domain.callback_event import CallbackEvent
from masking.domain.calls import Call
from masking.domain.sessions import Session, Status
from masking.domain.timeline import Timeline
from masking.storage.histories import CallsRead
from masking.storage.stores import Stores
from masking.storage.table import Table
from masking.storage.timelines import timeline_of
from masking.stream.count_calls import CountCalls
from proofs.calls import channel, model
from proofs.units import capacity
from proofs.units.meter import Units, units_of
from tests.support.clock import Clock
from tests.support.harness_parts import KeptBus, KeptQueue
from tests.support.harness_services import HarnessServices
from tests.support.memory_dynamodb import Item, Key, MemoryDynamoDb
from tests.support.request_units import index_keys

TENANT = "acme"
SESSION = "7f3f1d5e-1c84-4a52-9a53-0d7d3c1f2a11"
CARRIER = "7d1f0f3e-2b1c-4d7b-8a51-2f6e5c4b3a29"
BEGAN = model.BEGIN
PAIR = {"first_party": "+12025550100", "second_party": "+12025550101"}

# A callback, and when it is received.
Arrival = tuple[datetime, dict[str, str]]


class CountingDynamoDb(MemoryDynamoDb):
    """A table in memory; *read* counts the items that queries returned."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    def query(self, **request: Any) -> dict[str, Any]:
        """Read a page, and count it."""
        page = super().query(**request)
        self.read += len(page["Items"])
        return page


class MeteredDynamoDb(CountingDynamoDb):
    """A table in memory that counts request units, as AWS counts them, in *units*."""

    def __init__(self) -> None:
        super().__init__()
        self.units = Units()
        self._indexes = index_keys()

    def get_item(self, **request: Any) -> dict[str, Any]:
        """Read an item, and count it."""
        answer = super().get_item(**request)
        self.units.add(units_of("GetItem", request, answer))
        return answer

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """Read several items, and count them."""
        answer = super().batch_get_item(**request)
        self.units.add(units_of("BatchGetItem", request, answer))
        return answer

    def query(self, **request: Any) -> dict[str, Any]:
        """Read a page, and count it."""
        page = super().query(**request)
        self.units.add(units_of("Query", request, page))
        return page

    def _write(self, key: Key, request: Mapping[str, Any], change: Any) -> Item:
        there = self.items.get(key, {})
        try:
            return super()._write(key, request, change)
        except ClientError:
            self.units.write += capacity.refused_write_units(capacity.item_size(there))
            raise

    def _set(self, key: Key, item: Item | None) -> None:
        before, after = self.items.get(key, {}), item or {}
        super()._set(key, item)
        sizes = capacity.item_size(before), capacity.item_size(after)
        self.units.write += capacity.write_units(*sizes) + sum(
            capacity.index_write_units(before, after, keys, projected)
            for keys, projected in self._indexes
        )


@dataclass
class LongSession:
    """A session whose calls are counted as its callbacks come."""

    dynamodb: CountingDynamoDb = field(default_factory=CountingDynamoDb)
    clock: Clock = field(default_factory=lambda: Clock(BEGAN))

    def __post_init__(self) -> None:
        """Make the session, active for a year."""
        client: Any = self.dynamodb
        self.stores = Stores(Table(client, "memory", timedelta(days=400)))
        nobody: Any = None
        self.services = HarnessServices(
            stores=self.stores,
            carrier=nobody,
            now=self.clock,
            bus=KeptBus(),
            check_queue=KeptQueue(),
            erasure_queue=KeptQueue(),
        )
        reserved = transitions.reserve(
            session_uuid=SESSION,
            tenant_id=TENANT,
            asked=dict(PAIR),
            labels={},
            base_url="https://masks.example.com",
            now=BEGAN,
        )
        self.stores.sessions.reserve(reserved)
        self.session: Session = replace(
            reserved,
            version=reserved.version + 1,
            status=Status.ACTIVE,
            lease_until=None,
            carrier_session_uuid=CARRIER,
            virtual_number="+12025550180",
            created_time=BEGAN,
            expiry_time=BEGAN + timedelta(days=365),
            answered=dict(PAIR),
        )
        self.stores.sessions.replace(reserved, self.session)

    def receive(self, arrivals: Iterable[Arrival], *, counted: bool = True) -> None:
        """Keep callbacks in the order in which they come, each at its time.

        With *counted* calls are counted as the stream does for each of them.
        """
        for received, attributes in sorted(arrivals, key=lambda each: each[0]):
            self.clock.at = max(self.clock.at, received)
            digest = callback_requests.digest_of(list(attributes.items()))
            self.stores.callbacks.put(
                SESSION,
                digest,
                kind="events",
                tenant_id=TENANT,
                attempt=1,
                attributes=attributes,
                received_at=received,
            )
            if counted:
                self.count(CallbackEvent(digest, attributes, stamp(received)))

    def publish(self) -> None:
        """Publish the table's stream, and what publishing adds to it."""
        while records := self.dynamodb.take_records():
            for record in records:
                self.services.change_publisher.publish(record)

    def count(self, callback: CallbackEvent) -> None:
        """Count what a callback changes."""
        CountCalls(self.stores, self.clock).after_callback(callback, self.session)

    @property
    def whole(self) -> Timeline:
        """Return the timeline that all callbacks together tell."""
        found = self.stores.sessions.load_whole(SESSION)
        assert found
        return timeline_of(found.callbacks, found.session)

    def pages(self) -> list[CallsRead]:
        """Read its calls page by page, the newest first."""
        get = self.services.get_session.get
        found = [get(SESSION, tenant_id=TENANT)]
        while found[-1].since:
            found.append(get(SESSION, tenant_id=TENANT, until=found[-1].since))
        return found

    def calls(self) -> list[Call]:
        """Return its calls, of all pages, the oldest first."""
        return [call for page in reversed(self.pages()) for call in page.calls]

    def read_by(self, read: Any) -> int:
        """Count the items that something reads."""
        before = self.dynamodb.read
        read()
        return self.dynamodb.read - before

    def counted(self) -> list[tuple[datetime, int]]:
        """Return its checkpoints: times, and the calls before."""
        found = self.stores.checkpoints.after(SESSION, BEGAN - timedelta(days=400))
        return [(each.at, each.calls) for each in found]

    def names(self) -> set[str]:
        """Return the digests of its callbacks."""
        return {name_of(each) for each in self.stores.callbacks.of_session(SESSION)}


def arrivals_of(
    chance: random.Random, history: model.History, *, faults: int = 0, late: int = 0
) -> list[Arrival]:
    """Return what arrives of a history: some spoilt, some *late* by up to a day."""
    spoilt = channel.spoil(history, chance, faults)
    found = [(each.received, dict(each.attributes)) for each in spoilt.reports]
    for place in chance.sample(range(len(found)), min(late, len(found))):
        received, attributes = found[place]
        later = received + timedelta(seconds=chance.choice((60, 700, 5_000, 86_400)))
        found[place] = later, attributes
    return found
