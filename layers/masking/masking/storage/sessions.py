"""Sessions: their state and their request.

| access                               | request units (items up to 1 KB)         |
|--------------------------------------|------------------------------------------|
| reserve                              | 3 write (state, its due work, request)   |
| confirm                              | 3 write (state, the due work moves)      |
| begin and finish an update           | 1 + 1 write (3 if the expiry moves);     |
|                                      | in doubt 4, and the end beside the check |
| expire                               | 3 write (state, the due work moves)      |
| settle, beside the snapshot          | 2 write (state, the due work goes)       |
| get a session                        | 1 read for each 4 KB of state, request   |
| look for a virtual number            | 0.5 read                                 |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from masking.core.errors import SessionTakenError, StaleStateError
from masking.core.key_space import (
    ASPECT,
    NUMBER,
    RECORDING,
    REQUEST,
    STATE,
    Item,
    is_part,
    part_key,
    pool_key,
    session_key,
)
from masking.domain import due_work
from masking.domain.sessions import Session
from masking.storage.session_items import (
    Whole,
    end_item,
    request_item,
    session_from,
    session_in,
    state_item,
    whole_from,
)
from masking.storage.table import (
    IS_NEW,
    IS_THERE,
    IS_UNCHANGED,
    ConditionFailedError,
    Table,
    between,
    written_item,
)

# How often a change is made again to what others have written meanwhile.
MOST_TRIES = 5


class SessionStore:
    """Sessions; each is kept for its own retention, else for the table's."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def reserve(self, session: Session) -> None:
        """Write a new session. Raises SessionTakenError if it is there already."""
        kept = self._kept_until(session)
        try:
            self._table.put(state_item(session, self.purge_at(session), kept), IS_NEW)
        except ConditionFailedError:
            raise SessionTakenError from None
        self.put_request(session)

    def put_request(self, session: Session) -> None:
        """Write the request; writing it twice changes nothing."""
        self._table.put(request_item(session, self.purge_at(session)))

    def replace(self, before: Session, after: Session) -> None:
        """Write the next state. Raises StaleStateError if *before* has gone by.

        An end beside a check is written first, so that no state lacks it, and last, as
        the sweep may have found it without need in between and removed it.
        """
        purge_at = self._purge_after(before, after)
        self._put_end(after, purge_at)
        try:
            self._table.put(
                state_item(after, purge_at, self._kept_until(after)),
                IS_UNCHANGED,
                {":seen": before.version},
            )
        except ConditionFailedError:
            raise StaleStateError from None
        self._put_end(after, purge_at)

    def change(
        self, session: Session, change: Callable[[Session], Session | None]
    ) -> Session:
        """Write what *change* makes of a session, and of a newer one if there is one.

        Changes that have nothing to do with each other so come together. Returns the
        session as it is then: *change* returns None to leave it as it is. Raises
        StaleStateError if others were faster five times.
        """
        stored: Session | None = session
        for _ in range(MOST_TRIES):
            after = change(stored) if stored else None
            if stored is None or after is None:
                return stored or session
            try:
                self.replace(stored, after)
            except StaleStateError:
                stored = self.load(session.session_uuid)
                continue
            return after
        raise StaleStateError

    def load(self, session_uuid: str) -> Session | None:
        """Read a session with its request, consistently.

        It comes without its calls if they are so many that they are kept in parts.
        """
        found = self._table.parts(session_key(session_uuid), part_key(ASPECT, ""))
        return session_in(found)

    def load_whole(self, session_uuid: str) -> Whole | None:
        """Read a session with its callbacks and recordings, consistently."""
        first, last = part_key(ASPECT, ""), part_key(RECORDING, "~")
        request = between(session_key(session_uuid), first, last)
        return self.whole_of(list(self._table.query(**request)))

    def whole_of(self, items: Sequence[Item]) -> Whole | None:
        """Build a session of all its items; calls that are in none of them are read."""
        if any("parts" in each for each in items):
            from masking.storage.snapshots import SnapshotStore

            items = SnapshotStore(self._table).completed(items)
        return whole_from(items)

    def load_state(self, session_uuid: str) -> Session | None:
        """Read a session without its request, consistently."""
        item = self._table.get(session_key(session_uuid), STATE)
        return session_from(item) if item else None

    def load_states(self, session_uuids: Sequence[str]) -> list[Session]:
        """Read up to 100 sessions without their requests, in the order given.

        Half a request unit each: what was written in the last second may be missing.
        """
        keys = [(session_key(uuid), STATE) for uuid in dict.fromkeys(session_uuids)]
        items = self._table.get_all(keys, consistent=False).values()
        found = {each.session_uuid: each for each in map(session_from, items)}
        return [found[uuid] for uuid in session_uuids if uuid in found]

    # Virtual numbers

    def has_virtual_number(self, number: str, now: datetime) -> bool:
        """Return whether *number* was a virtual number of ours within 30 days."""
        item = self._table.get(pool_key(number), NUMBER, consistent=False)
        return item is not None and item["purge_at"] > now.timestamp()

    # Erasing

    def load_items(self, session_uuid: str) -> list[Item]:
        """Read every item of a session."""
        return list(
            self._table.query(
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues=written_item(
                    {":pk": session_key(session_uuid)}
                ),
                ConsistentRead=True,
            )
        )

    def delete_request(self, session_uuid: str) -> None:
        """Delete the request."""
        self._table.delete(session_key(session_uuid), REQUEST)

    # Purging

    def purge_at(self, session: Session) -> int:
        """Return when the items of a session are purged, in seconds since 1970."""
        if session.purge_at is not None:
            return session.purge_at
        kept = self._table.retention(session.retention_days)
        ends = session.expiry_time or _asked_end(session)
        return due_work.purge_time(int((ends + kept).timestamp()), kept)

    def keep_items(self, session: Session) -> None:
        """Make all items of a session go with it, except recordings.

        Costs a write for each whose purge time differs.
        """
        purge_at = self.purge_at(session)
        for item in self.load_items(session.session_uuid):
            has_own = item["sk"] == STATE or is_part(RECORDING, item)
            if has_own or item.get("purge_at") in (None, purge_at):
                continue
            with suppress(ConditionFailedError):
                self._table.update(
                    (item["pk"], item["sk"]),
                    "SET purge_at = :at",
                    {":at": purge_at},
                    IS_THERE,
                )

    def _purge_after(self, before: Session, after: Session) -> int:
        """Return when the items are purged now that a session's state is another."""
        planned = self.purge_at(before)
        if after.expiry_time is None:
            return planned
        kept = self._table.retention(after.retention_days)
        return due_work.purge_time(self._kept_until(after), kept, planned)

    def _kept_until(self, session: Session) -> int:
        ends = session.expiry_time or session.reserved_at
        return self._table.purge_at(ends, session.retention_days)

    def _put_end(self, session: Session, purge_at: int) -> None:
        """Write the end that is due beside work that needs Plivo, if one is."""
        end = due_work.end_beside(session)
        if end:
            self._table.put(end_item(session, end, purge_at))


def _asked_end(session: Session) -> datetime:
    """Return when a session ends if Plivo does as it was asked."""
    lifetime = timedelta(seconds=session.asked.get("session_expiry", 0))
    return session.reserved_at + lifetime
