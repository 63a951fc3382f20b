"""Fetch Plivo's final truth about a session that is over, and keep it.

    expired ──5 min──> fetch: keep a snapshot ──10 min──> fetch: the same? final
                         │ a call is open: later            │ not the same: keep it,
                         ▼ (until it must have ended)       ▼ fetch again, up to 6

Plivo's totals follow a call with a delay of their own and its callbacks may be lost;
so nothing is believed before two fetches agree. In the ordinary case these are all that
Plivo is asked: the records of a call's legs are read where callbacks don't tell all of
it (see `told_legs`), and once, unless Plivo's account of the call changes. The due work
stays where it is in the index until the end, which saves a write for each fetch. A
callback that comes after the end opens the session once more (see `reactions`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from masking.core import times
from masking.domain import (
    carrier_answers,
    plivo_events,
    redaction,
    told_legs,
    transitions,
)
from masking.domain.sessions import PARTIES, CarrierSession, Session, parties_of
from masking.domain.timeline import Timeline
from masking.plivo.errors import CarrierSessionMissingError
from masking.storage import timelines

if TYPE_CHECKING:
    from masking.core.key_space import Item
    from masking.core.times import Clock
    from masking.plivo.account import Account
    from masking.plivo.client import Carrier
    from masking.recording.fetch_recordings import FetchRecordings
    from masking.storage.stores import Stores


APART = timedelta(minutes=10)
MOST_FETCHES = 6

# What Plivo takes for a call when a session does not say (plivo-contract 1.2).
RING_TIMEOUT = 120
CALL_TIME_LIMIT = 14_400

WAITING = "waiting"
FETCHED = "fetched"
SETTLED = "settled"


@dataclass(frozen=True)
class Settlement:
    """Settles sessions; *recordings* fetches those that are missing."""

    stores: Stores
    carrier: Carrier
    account: Account
    recordings: FetchRecordings
    now: Clock

    def work(self, session: Session) -> str:
        """Do the next step for *session*; return which that was.

        Raises CarrierError, or StaleStateError if another was faster.
        """
        last = self.stores.snapshots.head(session.session_uuid)
        kept = last if last and last.get("settle_at") == _settle_at(session) else None
        if kept and self.now() < times.parse_stamp(kept["fetched_at"]) + APART:
            return WAITING
        try:
            answer = self.carrier.get(str(session.carrier_session_uuid))
        except CarrierSessionMissingError:
            return self._finish(session, None, differs=False)
        if carrier_answers.is_alive(answer, self.now()):
            self.carrier.expire(answer.session_uuid)
            return WAITING
        found = answer.totals.get("interaction", ())
        if self.now() < latest_end(session) and is_open(answer, found):
            return WAITING
        self.recordings.fetch(session, found)
        told = self._told(session)
        had = self.stores.snapshots.calls(kept) if kept else None
        calls = self._with_legs(found, had or (), told, session)
        if session.erased_at:
            calls = [redaction.redacted_call(call) for call in calls]
        digest = digest_of(answer, calls)
        ended = ended_in(told)
        same = kept is not None and kept["digest"] == digest and ended <= len(calls)
        count = (kept["fetches"] if kept else 0) + 1
        if not (same and calls == had):
            fetched = {"digest": digest, "calls": calls, "fetches": count}
            self._keep(session, fetched, last)
        if same or count >= MOST_FETCHES:
            return self._finish(session, answer, differs=ended != len(calls))
        return FETCHED

    def _told(self, session: Session) -> Timeline:
        """Return what callbacks alone tell of a session."""
        callbacks = self.stores.callbacks.of_session(session.session_uuid)
        return timelines.timeline_of(callbacks, replace(session, settled=None))

    def _with_legs(
        self,
        found: Sequence[Mapping[str, Any]],
        had: Sequence[Mapping[str, Any]],
        told: Timeline,
        session: Session,
    ) -> list[dict[str, Any]]:
        """Return Plivo's interactions with the records of their legs.

        A call that is as it was when it was fetched last has the legs that it *had*.
        """
        known = told_legs.calls_told(found, told, parties_of(session))
        whole = []
        for place, call in enumerate(found):
            before = had[place] if place < len(had) else {}
            if _has_ended(_legs_of(before)) and gist_of(before) == gist_of(call):
                whole.append(_replaced(call, _legs_of(before)))
            else:
                whole.append(known[place] or _replaced(call, self._legs(call)))
        return whole

    def _legs(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """Read the records of a call's legs, without those that Plivo lacks."""
        found = {}
        for party in PARTIES:
            with suppress(CarrierSessionMissingError):
                found[party] = self.account.leg(call.get(f"{party}_resource_url"))
        return {party: leg for party, leg in found.items() if leg}

    def _keep(self, session: Session, fetched: Item, last: Item | None) -> None:
        snapshot = {
            **fetched,
            "fetched_at": times.stamp(self.now()),
            "settle_at": _settle_at(session),
        }
        purge_at = self.stores.sessions.purge_at(session)
        self.stores.snapshots.put(session, snapshot, last, purge_at)

    def _finish(
        self,
        session: Session,
        answer: CarrierSession | None,
        *,
        differs: bool,
    ) -> str:
        changed = ["carrier_session"]
        if answer:
            changed = changes_of(session, answer)
            if differs:
                changed.append("interaction")
        if session.erased_at:
            # Another may have set out before the erasure and been killed.
            self.stores.snapshots.remove_unredacted(session.session_uuid)
        self.stores.sessions.replace(
            session, transitions.settle(session, answer, changed, self.now())
        )
        return SETTLED


# Rules


def latest_end(session: Session) -> datetime:
    """Return when the last call of *session* has ended and is in Plivo's totals.

    A call that came in at the last second may ring and then be talked through.
    """
    limit = session.time_limit or RING_TIMEOUT + CALL_TIME_LIMIT
    ends = session.expiry_time or session.reserved_at
    return ends + timedelta(seconds=limit) + transitions.SETTLE_AFTER


def is_open(answer: CarrierSession, calls: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether Plivo shows a call that has not ended."""
    if answer.status == "in-progress":
        return True
    return any(call.get("start_time") and not call.get("end_time") for call in calls)


def changes_of(session: Session, answer: CarrierSession) -> list[str]:
    """Return the names of the attributes that Plivo's answer corrects."""
    # Plivo has one time for both.
    ends = "ended_time" if session.planned_end else "expiry_time"
    had = {
        "virtual_number": session.virtual_number,
        ends: session.expiry_time,
        **session.answered,
    }
    has = {
        "virtual_number": answer.virtual_number,
        ends: answer.expiry_time,
        **{k: v for k, v in answer.totals.items() if k != "interaction"},
    }
    return [
        name
        for name, value in has.items()
        if value is not None and value != had.get(name, _unset(value))
    ]


def _unset(value: object) -> object:
    """Return the zero of *value*'s type: totals of zero are not kept."""
    return "0" if isinstance(value, str) else 0


def _settle_at(session: Session) -> str:
    return times.stamp(session.settle_at) if session.settle_at else ""


def ended_in(told: Timeline) -> int:
    """Count the calls that ended, by their callbacks.

    Plivo's totals may lag behind them. An end that was told twice is one call's.
    """
    ends = {
        each.digest for each in told.history if each.name == plivo_events.PARTIES_HANGUP
    }
    return sum(not ends.isdisjoint(call.digests) for call in told.calls)


def gist_of(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Plivo's session says of a call, but for the addresses of its parts.

    It is the same of a call that was kept with its legs, or redacted.
    """
    return {name: value for name, value in call.items() if name in redaction.CALL}


def _legs_of(call: Mapping[str, Any]) -> dict[str, Any]:
    legs = {party: call.get(f"{party}_leg") for party in PARTIES}
    return {party: leg for party, leg in legs.items() if leg}


def _has_ended(legs: Mapping[str, Any]) -> bool:
    """Return whether legs are known and their records say no more later."""
    return bool(legs) and all(leg.get("end_time") for leg in legs.values())


def _replaced(call: Mapping[str, Any], legs: Mapping[str, Any]) -> dict[str, Any]:
    """Put the records of legs into a call, in place of their addresses."""
    gone = {f"{party}_resource_url" for party in legs}
    whole = {name: value for name, value in call.items() if name not in gone}
    return {**whole, **{f"{party}_leg": leg for party, leg in legs.items()}}


def digest_of(answer: CarrierSession, calls: Sequence[Mapping[str, Any]]) -> str:
    """Return the SHA-256 of what two fetches must agree in (hex).

    The totals themselves are kept in the session's state once they are final. Legs
    are records of calls that are over; what they add up to is in the call.
    """
    totals = {k: v for k, v in answer.totals.items() if k != "interaction"}
    said = [answer.status, answer.virtual_number, totals, [gist_of(c) for c in calls]]
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
