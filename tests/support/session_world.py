"""Sessions and all that befalls them, in memory; whatever is told is held to be true.

The real rules, stores and use cases work on a table and a Plivo in memory that share
one clock. What a schedule, the stream or a queue sets off is done at its time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from masking.api import callback_requests, requests, session_views
from masking.core.problems import ProblemError
from masking.domain import due_work, sessions
from masking.domain.due_work import Schedule
from masking.domain.sessions import Session, Status
from masking.storage.stores import Stores
from masking.storage.table import Table
from tests.support.clock import Clock
from tests.support.harness_parts import KeptBus, KilledError
from tests.support.harness_services import HarnessServices
from tests.support.memory_dynamodb import MemoryDynamoDb
from tests.support.model_plivo import LATE, ModelPlivo, There
from tests.support.people import pair_of

TENANT = "acme"
MINUTE = timedelta(minutes=1)

# How late news of an end may be: two minutes, and what a request may take.
NEWS = timedelta(seconds=125)

# After how many seconds the queue of checks hands its messages out.
CHECK_SECONDS = 75


@dataclass
class Checks:
    """The queue of checks."""

    now: Callable[[], datetime]
    messages: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)

    def send(self, message: Mapping[str, Any], *, at_once: bool = False) -> None:
        """Keep a message until it is due."""
        seconds = 0 if at_once else CHECK_SECONDS
        due = self.now() + timedelta(seconds=seconds)
        self.messages.append((due, dict(message)))

    def take(self) -> list[dict[str, Any]]:
        """Take out what is due."""
        due = [message for at, message in self.messages if at <= self.now()]
        self.messages = [each for each in self.messages if each[0] > self.now()]
        return due


@dataclass
class Known:
    """A session as whoever created it knows it.

    *latest* is the latest end that its creator or an update may have given it.
    """

    session_uuid: str
    latest: datetime
    reads_expired: bool = False
    is_at_plivo: bool = False


class World:
    """One tenant, his sessions, Plivo, and time."""

    def __init__(self) -> None:
        self.clock = Clock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
        self.dynamodb = MemoryDynamoDb()
        self.plivo = ModelPlivo(self.clock)
        self.checks = Checks(self.clock)
        self.bus = KeptBus()
        client: Any = self.dynamodb
        self.stores = Stores(Table(client, "table", timedelta(days=400)))
        carrier: Any = self.plivo
        self.services = HarnessServices(
            stores=self.stores,
            carrier=carrier,
            now=self.clock,
            bus=self.bus,
            bucket=None,
            check_queue=self.checks,
            erasure_queue=Checks(self.clock),
        )
        self.known: list[Known] = []
        self.disturbed = self.clock()
        self._nested = False

    # What apps do

    def create(self, expiry: int, trouble: str) -> None:
        """Create a session."""
        body = {
            **pair_of(len(self.known)),
            "session_expiry": expiry,
        }
        key = f"order {len(self.known)}"
        uuid = sessions.session_uuid_for(TENANT, key)
        latest = self.clock() + timedelta(seconds=expiry) + LATE
        self.known.append(Known(uuid, latest))
        told = self._ask(
            trouble,
            None,
            lambda: (
                self.services.create_session.create(
                    requests.parse_create(body),
                    tenant_id=TENANT,
                    idempotency_key=key,
                    domain="masks.example.com",
                ).session
            ),
        )
        there = self._there(uuid)
        if isinstance(told, Session):
            assert there, "a session was created that Plivo does not have"
        if isinstance(told, ProblemError) and _outcome(told) == "not_created":
            assert not any(
                uuid in each.callback_url for each in self.plivo.there.values()
            ), "a session was made that was not created"

    def update(
        self,
        known: Known,
        changes: Mapping[str, Any],
        trouble: str,
        meanwhile: Callable[[], None] | None,
    ) -> None:
        """Change a session; *meanwhile* happens while Plivo works on it."""
        if "session_expiry" in changes:
            lasts = timedelta(seconds=changes["session_expiry"])
            known.latest = max(known.latest, self.clock() + lasts + LATE)
        before = self._copy(known)
        told = self._ask(
            trouble,
            meanwhile,
            lambda: self.services.update_session.update(
                known.session_uuid, requests.parse_update(changes), tenant_id=TENANT
            ),
        )
        there = self._there(known.session_uuid)
        if isinstance(told, Session) and there:
            assert told.expiry_time == there.expiry, "another expiry was told"
            for name in changes.keys() - {"session_expiry"}:
                assert told.settings[name] == there.settings[name] == changes[name]
        if isinstance(told, ProblemError) and _outcome(told) == "not_updated":
            assert meanwhile or before == self._copy(known), "it was updated"

    def end(
        self, known: Known, trouble: str, meanwhile: Callable[[], None] | None
    ) -> None:
        """End a session; *meanwhile* happens while Plivo works on it."""
        before = self._copy(known)
        ending = replace(self.services.expire_session, sleep=self._pause)
        told = self._ask(
            trouble,
            meanwhile,
            lambda: ending.end(known.session_uuid, tenant_id=TENANT),
        )
        if isinstance(told, Session):
            shown = session_views.status_of(told, self.clock())
            assert shown == "expired", "an end was told of a session that goes on"
            assert not self._is_alive(known)
        if isinstance(told, ProblemError) and _outcome(told) == "not_expired":
            assert meanwhile or before == self._copy(known), "it was ended"

    def _ask(
        self,
        trouble: str,
        meanwhile: Callable[[], None] | None,
        ask: Callable[[], Session],
    ) -> Session | ProblemError | None:
        """Send a request; return the session or the error, None if it was killed."""
        if trouble != "fine":
            self.disturbed = self.clock()
        self.plivo.trouble, self.plivo.meanwhile = trouble, meanwhile
        told: Session | ProblemError | None = None
        try:
            told = ask()
        except KilledError:
            self.disturbed = self.clock()
        except ProblemError as error:
            told = error
        finally:
            self.plivo.trouble, self.plivo.meanwhile = "fine", None
        if isinstance(told, ProblemError) and _outcome(told) == "unknown":
            assert told.retry_after, f"{told.code}: nobody knows when to come again"
            self.disturbed = self.clock()
        return told

    def _pause(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)

    # What Plivo does

    def call_back(self, known: Known, attributes: Mapping[str, str]) -> None:
        """Keep a callback, and let the stream do what follows."""
        pairs = list({**attributes, "EventTimestamp": str(self.clock())}.items())
        self.stores.callbacks.put(
            known.session_uuid,
            callback_requests.digest_of(pairs),
            kind="events",
            tenant_id=TENANT,
            attempt=1,
            attributes=callback_requests.attributes_of(pairs),
            received_at=self.clock(),
        )
        self.publish()

    def replace_number(self, known: Known) -> None:
        """Let Plivo replace the virtual number."""
        there = self._there(known.session_uuid)
        if there is None or not there.is_alive(self.clock()):
            return
        self.clock.advance(seconds=1)
        there.number = f"+12025551{int(there.number[-3:]) + 1:03d}"
        self.call_back(
            known,
            {
                "EventName": "SessionVirtualNumberReplaced",
                "VirtualNumber": there.number,
                "SessionUUID": there.session_uuid,
            },
        )

    def tell_timeout(self, known: Known) -> None:
        """Let Plivo tell that a session has ended, if it has."""
        there = self._there(known.session_uuid)
        if there and not there.is_alive(self.clock()):
            name = {"EventName": "SessionTimeout", "SessionUUID": there.session_uuid}
            self.call_back(known, name)

    # What runs by itself

    def advance(self, seconds: float) -> None:
        """Let time pass, with all that runs by itself."""
        until = self.clock() + timedelta(seconds=seconds)
        while self.clock() < until:
            now = self.clock()
            minute = now.replace(second=0, microsecond=0) + MINUTE
            delayed = [at for at, _ in self.plivo.delayed if at > now]
            due = [at for at, _ in self.checks.messages if at > now]
            self.clock.at = min([until, minute, *delayed, *due])
            if self.plivo.down:
                self.disturbed = self.clock()
            self.plivo.carry_out_late()
            if self.clock() == minute:
                self.sweep()
            self.publish()
            self.run_checks()
            if self.clock() == minute and minute.minute % 15 == 0:
                self.reconcile()
            self.check()

    def sweep(self) -> None:
        """Run the rule of every minute."""
        shards = due_work.shards(Schedule.SWEEP)
        sweep = self.services.expire_sessions(lambda: True)
        for shard in shards:
            if (listed := sweep._look(shard, self.clock())) is not None:
                sweep._end_shard(listed, self.clock())

    def publish(self) -> None:
        """Publish the table's stream."""
        while records := self.dynamodb.take_records():
            publisher = self.services.change_publisher
            for record in records:
                publisher.publish(record)

    def run_checks(self) -> None:
        """Carry out the checks that are due."""
        for message in self.checks.take():
            reconciler = self.services.reconciler
            try:
                if message.get("orphans"):
                    reconciler.remove_orphans(message["session_uuid"])
                else:
                    reconciler.check(message["session_uuid"])
            except ProblemError:
                self.checks.messages.append((self.clock() + 6 * MINUTE, message))
        self.publish()

    def reconcile(self) -> None:
        """Run the rule of every quarter of an hour."""
        reconciler = self.services.reconciler
        for shard in due_work.shards(Schedule.RECONCILE):
            for due in list(self.stores.due_work.list_due(shard, self.clock())):
                with suppress(ProblemError):
                    reconciler.work_off(due.session_uuid)
        self.publish()

    # What must be true

    def check(self) -> None:
        """Assert that all that is told at this moment is true."""
        for known in self.known:
            session = self.stores.sessions.load(known.session_uuid)
            if session is None:
                continue
            there = self._there(known.session_uuid)
            if there and not known.is_at_plivo:
                known.is_at_plivo = True
                self.disturbed = max(self.disturbed, self.clock())
            self._check(known, session, there)

    def _check(self, known: Known, session: Session, there: There | None) -> None:
        now = self.clock()
        shown = session_views.status_of(session, now)
        alive = there is not None and there.is_alive(now)
        if known.reads_expired:
            assert shown == "expired", f"it was expired and is {shown}"
        if shown == "expired":
            known.reads_expired = True
            assert not alive, "it reads as expired and Plivo connects"
        if shown == "active":
            assert alive, "it reads as active and Plivo does not connect"
            if session.pending is None:
                assert there
                assert session.presumed or session.expiry_time == there.expiry
                assert session.virtual_number == there.number
        news = self._news_of(known)
        assert len(news) <= 1, "its end was told twice"
        assert not news or shown == "expired", "its end was told before it came"
        if there and not alive and not news:
            waits = max(there.expiry, min(self.disturbed, known.latest))
            assert now <= waits + NEWS, "its end was not told in time"

    def _news_of(self, known: Known) -> set[str]:
        return {
            event["id"]
            for event in self.bus.of_type("session.expired")
            if event["session_uuid"] == known.session_uuid
        }

    def come_to_rest(self) -> None:
        """Let two days pass without any trouble; assert that nothing is left."""
        self.plivo.down = False
        self.dynamodb.lost = 0
        for hours in (0.05, 0.3, 0.3, 0.3, 2, 20, 20):
            self.clock.advance(hours=hours)
            self.disturbed = self.clock()
            for _ in range(3):
                self.plivo.carry_out_late()
                self.sweep()
                self.publish()
                self.clock.advance(seconds=CHECK_SECONDS)
                self.run_checks()
                self.reconcile()
        assert not any(
            each.is_alive(self.clock()) for each in self.plivo.there.values()
        )
        for known in self.known:
            session = self.stores.sessions.load(known.session_uuid)
            assert session is None or due_work.due_work_of(session) is None
            if session and session.carrier_session_uuid:
                assert session.status is Status.EXPIRED
                assert len(self._news_of(known)) == 1

    def _there(self, session_uuid: str) -> There | None:
        session = self.stores.sessions.load(session_uuid)
        if session is None:
            return None
        return self.plivo.there.get(str(session.carrier_session_uuid))

    def _is_alive(self, known: Known) -> bool:
        there = self._there(known.session_uuid)
        return there is not None and there.is_alive(self.clock())

    def _copy(self, known: Known) -> There | None:
        there = self._there(known.session_uuid)
        return replace(there, settings=dict(there.settings)) if there else None


def _outcome(error: ProblemError) -> str:
    return str(error.members["outcome"])
