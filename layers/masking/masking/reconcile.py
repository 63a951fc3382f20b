"""Settle with Plivo what was left in doubt. One duty of one session at a time.

A duty that can't be settled now stays due and is taken up by the next pass; two
passes at once do no harm, since every change is conditional on the session itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from masking import adopt, sessions, telemetry
from masking.errors import CarrierError, CarrierSessionMissingError, StaleStateError
from masking.sessions import DutyKind, Rule, Session, Status
from masking.update import settle

if TYPE_CHECKING:
    from masking.carrier import Carrier
    from masking.table import Due, Table
    from masking.wiring import Clock

# What became of a duty, as counted and logged.
ADOPTED = "adopted"
ENDED = "ended"
CLOSED = "closed"
SETTLED = "settled"
LEFT = "left"


@dataclass(frozen=True)
class Reconciler:
    """What reconciling takes: table, Plivo, the callbacks' key, time, time left."""

    table: Table
    carrier: Carrier
    callback_key: bytes
    now: Clock
    has_time: Callable[[], bool]

    def run(self) -> Mapping[str, int]:
        """Work off what is due; count what became of it."""
        outcomes: Counter[str] = Counter()
        for shard in sessions.shards(Rule.RECONCILE):
            for due in self.table.due(shard, self.now()):
                if not self.has_time():
                    return outcomes
                outcomes[self._settle(due)] += 1
        return outcomes

    def check(self, session_uuid: str) -> str:
        """Clear up an update or an ending that nobody works on any more.

        Says what became of it; `left` if there is nothing to be done yet, or nothing
        could be done now and the rule will take it up.
        """
        session = self.table.load(session_uuid)
        if session is None or sessions.is_leased(session, self.now()):
            return LEFT
        if session.status is Status.RESERVED and self.table.callbacks(session_uuid):
            # A callback came, so Plivo has it; the rule need not be waited for.
            return self._work_at(session, DutyKind.CONFIRM)
        if not sessions.is_in_doubt(session):
            return LEFT
        ending = session.status is Status.ENDING
        outcome = self._work_at(
            session, DutyKind.FINISH_ENDING if ending else DutyKind.CHECK_UPDATE
        )
        if outcome == LEFT and not session.doubted:
            with suppress(StaleStateError):
                self.table.replace(session, sessions.doubt(session))
        return outcome

    def _settle(self, due: Due) -> str:
        session = self.table.load(due.session_uuid)
        duty = sessions.duty_of(session) if session else None
        if session is None or duty is None or self.now() < duty.at:
            return LEFT
        return self._work_at(session, duty.kind)

    def _work_at(self, session: Session, kind: DutyKind) -> str:
        work = self._work().get(kind)
        if work is None:
            return LEFT
        try:
            return work(session)
        except StaleStateError:
            return LEFT
        except CarrierError as error:
            telemetry.logger().warning(
                "duty left for the next pass",
                extra={
                    "session_uuid": session.session_uuid,
                    "duty": kind.value,
                    "code": error.code,
                },
            )
            return LEFT

    def _work(self) -> Mapping[DutyKind, Callable[[Session], str]]:
        """Say what is to be done for each kind of duty."""
        return {
            DutyKind.CONFIRM: self._confirm,
            DutyKind.CHECK_UPDATE: self._check_update,
            DutyKind.FINISH_ENDING: self._finish_ending,
        }

    def _confirm(self, session: Session) -> str:
        """Find out what became of a create; remove what it made beside the keeper."""
        found = adopt.find(
            session, self.carrier, self.callback_key, self.now(), self.table.callbacks
        )
        for orphan in found.orphans:
            self.carrier.expire(orphan.session_uuid)
        if found.keeper:
            adopted = sessions.confirm(session, found.keeper, session.attempt)
            self.table.replace(session, adopted)
            return ADOPTED
        if not found.complete:
            return LEFT
        recreatable = sessions.may_recreate(session)
        close = sessions.fail if recreatable else sessions.abandon
        self.table.replace(session, close(session))
        return CLOSED

    def _check_update(self, session: Session) -> str:
        """Take over what Plivo has of a session whose update has no known outcome."""
        try:
            settle(session, self.table, self.carrier)
        except CarrierSessionMissingError:
            self.table.replace(session, sessions.expire(session))
        return SETTLED

    def _finish_ending(self, session: Session) -> str:
        """End at Plivo what was to end; one that has ended already is a success."""
        self.carrier.expire(str(session.carrier_session_uuid))
        self.table.replace(session, sessions.expire(session))
        return ENDED
