"""Work off one message of the queue of erasures.

| message                      | from                        | what is done          |
|------------------------------|-----------------------------|-----------------------|
| `erasure_id`                 | the stream, a request       | its next step         |
| `erasure_id`, `session_uuid` | the stream, a late link     | that session is added |
| `session_uuid`               | the stream, a late callback | it is erased again    |

Messages wait longer in the queue than any create, callback or link takes that did not
know of the tombstone. So what the traversal of the links misses is sent here by whoever
finds the tombstone. The links are traversed twice, and go the second time, when nobody
writes into an erased session any more without knowing that it is erased.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from masking.core import key_space, numbers, telemetry, times
from masking.core.errors import ErasureNotReadyError, StaleStateError
from masking.core.key_space import Item
from masking.core.problems import ProblemError
from masking.domain import due_work, erasures, sessions
from masking.domain.due_work import Schedule
from masking.domain.erasures import Erasure
from masking.domain.sessions import LEASE, Session, Status
from masking.plivo.errors import CarrierError
from masking.storage.table import MOST_KEYS

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.erasure.erase_session import EraseSession
    from masking.storage.queues import Queue
    from masking.storage.stores import Stores


# Counted beside what the proof shows: recordings that only Plivo had.
AT_PLIVO = "recordings_at_plivo"

# Seconds until what failed is tried again.
LATER = 60

# After so many failures of Plivo in a row nothing more is asked of it for now.
MOST_FAILURES = 3

# A number's sessions, each with the links that lead to it.
Found = Mapping[str, list[Item]]


@dataclass(frozen=True)
class EraseNumber:
    """Erases numbers; begins with another session only while it *has_time*.

    *number_key* is the key that numbers are hashed with.
    """

    stores: Stores
    erase_session: EraseSession
    queue: Queue
    number_key: bytes
    now: Clock
    has_time: Callable[[], bool]

    def work(self, message: Mapping[str, Any]) -> bool:
        """Deal with an SQS message; False if it must come again, after a pause."""
        asked = json.loads(message["body"])
        telemetry.note_ids(**asked)
        try:
            self.carry_out(asked)
        except ErasureNotReadyError as waits:
            telemetry.note(outcome="put_off")
            received = int(message["attributes"]["ApproximateReceiveCount"])
            pause = erasures.pause_after(received, waits.retry_after)
            self.queue.postpone(message["receiptHandle"], pause)
            return False
        return True

    def carry_out(self, message: Mapping[str, str]) -> None:
        """Do what a message asks for. Raises ErasureNotReadyError if it can't yet."""
        if "erasure_id" not in message:
            return self._each([message["session_uuid"]], self._erase_again)
        erasure = self.stores.erasures.get(message["erasure_id"])
        if erasure is None:
            return None
        if "session_uuid" in message:
            return self._each(
                [message["session_uuid"]], lambda uuid: self._add(erasure, uuid)
            )
        if erasure.completed_at is None:
            self._advance(erasure)
        return None

    # Steps of an erasure

    def _advance(self, erasure: Erasure) -> None:
        if erasure.swept_at is None:
            self._sweep(erasure)
            erasure = erasures.sweep(erasure, self.now())
            self.stores.erasures.put(erasure)
        elif self.now() >= erasure.swept_at + erasures.REST:
            return self._close(erasure)
        return self.queue.send({"erasure_id": erasure.erasure_id})

    def _sweep(self, erasure: Erasure) -> None:
        """Erase every session that has not been erased, whoever began with it."""
        counts = self.stores.erasures.all_counts(erasure.erasure_id)
        done = {uuid for uuid, item in counts.items() if item["done"]}
        found = self._found(erasure)
        left = [uuid for uuid in found if uuid not in done]
        self._each(left, lambda uuid: self._erase(erasure, uuid, found[uuid]))

    def _close(self, erasure: Erasure) -> None:
        """Erase what came in meanwhile, then the links; then it is complete."""
        found = self._found(erasure)
        self._each(found, lambda uuid: self._erase_and_unlink(erasure, uuid, found))
        self._complete(erasure)

    def _complete(self, erasure: Erasure) -> None:
        items = self.stores.erasures.all_counts(erasure.erasure_id).values()
        counts = [item["counts"] for item in items]
        closed = erasures.close(erasure, counts, self.now())
        self.stores.erasures.put(closed, amends=erasure.completed_at is not None)
        telemetry.count("ErasureCompleted")
        telemetry.note(outcome="completed", found=closed.found)

    def _add(self, erasure: Erasure, session_uuid: str) -> None:
        """Erase a session that was linked late; the proof is amended."""
        links = [
            link
            for link in self.stores.erasures.links_of(
                erasure.tenant_id, erasure.number_hash
            )
            if key_space.name_of(link) == session_uuid
        ]
        self._erase_and_unlink(erasure, session_uuid, {session_uuid: links})
        if erasure.completed_at:
            self._complete(erasure)

    # Sessions

    def _found(self, erasure: Erasure) -> Found:
        """Find the sessions of a number that are older than the erasure."""
        found: dict[str, list[Item]] = {}
        for link in self.stores.erasures.links_of(
            erasure.tenant_id, erasure.number_hash
        ):
            found.setdefault(key_space.name_of(link), []).append(link)
        keys = [(key_space.session_key(uuid), key_space.STATE) for uuid in found]
        states = self.stores.table.get_all(keys)
        at = times.stamp(erasure.requested_at)
        older = {
            uuid: links
            for uuid, links in found.items()
            if _since(links, states.get((key_space.session_key(uuid), key_space.STATE)))
            <= at
        }
        for session in self.in_doubt():
            if self._is_of(session, erasure):
                older.setdefault(session.session_uuid, [])
        return older

    def in_doubt(self) -> Iterator[Session]:
        """List the sessions whose outcome the reconciler must still find out.

        Their numbers may have no link yet. As many are read as have due work of the
        reconciler's.
        """
        stores = self.stores
        for shard in due_work.shards(Schedule.RECONCILE):
            due = stores.due_work.list_due(shard, self.now())
            while batch := [each.session_uuid for each in islice(due, MOST_KEYS)]:
                for state in stores.sessions.load_states(batch):
                    if state.status is not Status.EXPIRED:
                        yield stores.sessions.load(state.session_uuid) or state

    def _is_of(self, session: Session, erasure: Erasure) -> bool:
        """Return whether a session of unknown outcome is the number's, and older."""
        if session.tenant_id != erasure.tenant_id:
            return False
        given = [session.settings.get(name) for name in sessions.PARTIES]
        since = session.reserved_at
        if session.pending and not self._has(given, erasure):
            given = [session.pending.changes.get(name) for name in sessions.PARTIES]
            since = session.pending.lease_until - LEASE
        return since <= erasure.requested_at and self._has(given, erasure)

    def _has(self, given: Iterable[str | None], erasure: Erasure) -> bool:
        hashes = [numbers.hashed(self.number_key, each) for each in given if each]
        return erasure.number_hash in hashes

    def _erase(
        self, erasure: Erasure, session_uuid: str, links: Iterable[Item]
    ) -> bool:
        """Count a session, then erase it; return whether its recordings are held."""
        plan = self.erase_session.plan(session_uuid)
        if not plan.items:
            return False
        known = self.stores.erasures.counts_of(erasure.erasure_id, session_uuid)
        before = known["counts"] if known else {}
        seen = self.erase_session.counts(plan)
        counts = {**before, **erasures.merged_counts(before, seen)}
        if counts != before:
            self.stores.erasures.put_counts(erasure, session_uuid, counts, done=False)
        for label, value in plan.labels_of_purged.items():
            key = key_space.label_key(erasure.tenant_id, label, value)
            for link in links:
                self.stores.table.delete(key, link["sk"])
        only_at_plivo = self.erase_session.carry_out(plan)
        done = self._recordings_done(erasure, session_uuid, only_at_plivo, before)
        if {**counts, **done} != before or not (known and known["done"]):
            counts.update(done)
            self.stores.erasures.put_counts(erasure, session_uuid, counts, done=True)
        return plan.held

    def _recordings_done(
        self,
        erasure: Erasure,
        session_uuid: str,
        only_at_plivo: int,
        before: Mapping[str, int],
    ) -> dict[str, int]:
        """Count recordings by what has become of them, not by what was meant to."""
        there = only_at_plivo + before.get(AT_PLIVO, 0)
        found = self.erase_session.deleted_since(session_uuid, erasure.requested_at)
        found["recordings"] += there
        return {**found, **({AT_PLIVO: there} if there else {})}

    def _erase_and_unlink(
        self, erasure: Erasure, session_uuid: str, found: Found
    ) -> None:
        """Erase a session and the way to it, unless the next erasure needs that."""
        held = self._erase(erasure, session_uuid, found[session_uuid])
        for link in () if held else found[session_uuid]:
            self.stores.table.delete(link["pk"], link["sk"])

    def _erase_again(self, session_uuid: str) -> None:
        """Erase what came into an erased session from a writer who did not know."""
        session = self.stores.sessions.load_state(session_uuid)
        if session and session.erased_at:
            self.erase_session.carry_out(self.erase_session.plan(session_uuid))

    def _each(
        self, session_uuids: Iterable[str], work: Callable[[str], object]
    ) -> None:
        """Work on sessions, each for itself; what fails is left for the next time."""
        waits = []
        failures = 0
        for session_uuid in session_uuids:
            if not self.has_time():
                raise ErasureNotReadyError(1)
            try:
                work(session_uuid)
                failures = 0
            except (ErasureNotReadyError, ProblemError, StaleStateError) as error:
                waits.append(getattr(error, "retry_after", None) or LATER)
                _log_delay(session_uuid, error)
                failures += isinstance(error, CarrierError)
            if failures == MOST_FAILURES:
                break
        if waits:
            raise ErasureNotReadyError(max(waits))


def _since(links: list[Item], state: Item | None) -> str:
    """Return since when a session is linked to a number; empty if unknown."""
    reserved = state["reserved_at"] if state else ""
    return min(str(link.get("since", reserved)) for link in links)


def _log_delay(session_uuid: str, error: Exception) -> None:
    telemetry.count("ErasurePutOff")
    if isinstance(error, CarrierError):
        telemetry.count_carrier_failure(error.code, error.metric)
    telemetry.logger().warning(
        "session not erased yet",
        extra={"session_uuid": session_uuid, "error": type(error).__name__},
    )
