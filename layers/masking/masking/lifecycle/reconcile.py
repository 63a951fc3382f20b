"""Settle with Plivo what was left in doubt. One duty of one session at a time.

A duty that can't be settled now stays due and is taken up by the next pass; two
at once do no harm, since every change is conditional on the session itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from masking.core import telemetry
from masking.core.errors import StaleStateError
from masking.domain import due_work, sessions, transitions
from masking.domain.due_work import Action
from masking.domain.sessions import Session, Status
from masking.lifecycle import match_at_plivo, settlement
from masking.lifecycle.expire_session import finish
from masking.plivo.errors import CarrierError, CarrierSessionMissingError

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.lifecycle.settlement import Settlement
    from masking.plivo.client import Carrier
    from masking.storage.stores import Stores


# What became of a duty, as counted and logged.
ADOPTED = "adopted"
ENDED = "ended"
CLOSED = "closed"
CHECKED = "checked"
REMOVED = "removed"
LEFT = "left"
FAILED = "failed"

# Outcomes that mend what an operator believes to run by itself.
REPAIRS = frozenset({ADOPTED, ENDED, CLOSED, CHECKED, REMOVED})


@dataclass(frozen=True)
class Reconciler:
    """What reconciling takes: the table, Plivo, the callbacks' key, the time."""

    stores: Stores
    carrier: Carrier
    settlement: Settlement
    callback_key: bytes
    now: Clock

    def work_off(self, session_uuid: str) -> str:
        """Work off the duty of a session, if it has one that is due."""
        session = self.stores.sessions.load(session_uuid)
        duty = due_work.due_work_of(session) if session else None
        if session is None or duty is None or self.now() < duty.at:
            return LEFT
        return self._work_at(session, duty.kind)

    def check(self, session_uuid: str) -> str:
        """Clear up an update or an ending that nobody works on any more.

        Says what became of it; `left` if there is nothing to be done yet, or nothing
        could be done now and the rule will take it up.
        """
        session = self.stores.sessions.load(session_uuid)
        if session is None:
            return LEFT
        if session.status is Status.EXPIRED and session.doubted:
            outcome = self._guarded(session, self._clear_up)
            return LEFT if outcome == FAILED else outcome
        if sessions.is_leased(session, self.now()):
            return LEFT
        if session.status is Status.RESERVED and self.stores.callbacks.of_session(
            session_uuid
        ):
            # A callback came, so Plivo has it; the rule need not be waited for.
            return self._work_at(session, Action.CONFIRM)
        if not sessions.is_in_doubt(session):
            return LEFT
        ending = session.status is Status.ENDING
        outcome = self._work_at(
            session, Action.FINISH_ENDING if ending else Action.CHECK_UPDATE
        )
        if outcome not in (LEFT, FAILED):
            return outcome
        if not session.doubted:
            with suppress(StaleStateError):
                self.stores.sessions.replace(session, transitions.doubt(session))
        return LEFT

    def remove_orphans(self, session_uuid: str) -> str:
        """End what Plivo has under our UUID beside the session that we hold.

        Adopts a session for a create that was given up, or that nobody works on any
        more. Raises CarrierError, so that the message comes again.
        """
        session = self.stores.sessions.load(session_uuid)
        if session is None or not (session.asked or session.erased_at):
            return LEFT
        if session.status is Status.RESERVED:
            leased = sessions.is_leased(session, self.now())
            return LEFT if leased else self._work_at(session, Action.CONFIRM)
        found = self._find(session)
        orphans = list(found.orphans)
        after = transitions.note(session, "orphan_removed")
        closed = session.status is Status.FAILED or session.erased_at
        if found.keeper and session.status is Status.ABANDONED and not closed:
            adopted = transitions.confirm(session, found.keeper, session.attempt)
            after = transitions.repaired(adopted, "create_adopted")
        elif found.keeper and closed and session.status is not Status.EXPIRED:
            # The key is free and may have been said not to have created anything; or
            # nobody may be called in it any more.
            orphans.append(found.keeper)
        for orphan in orphans:
            self.carrier.expire(orphan.session_uuid)
        if orphans or after.status is not session.status:
            with suppress(StaleStateError):
                self.stores.sessions.replace(session, after)
        if not found.complete:
            return LEFT
        return REMOVED if orphans else LEFT

    def _find(self, session: Session) -> match_at_plivo.Found:
        return match_at_plivo.find(
            session, self.carrier, self.stores, self.callback_key, self.now()
        )

    def _work_at(self, session: Session, kind: Action) -> str:
        work = self._work().get(kind)
        return self._guarded(session, work) if work else LEFT

    def _guarded(self, session: Session, work: Callable[[Session], str]) -> str:
        try:
            return work(session)
        except StaleStateError:
            return LEFT
        except CarrierError as error:
            telemetry.count_carrier_failure(error.code, error.metric)
            telemetry.logger().warning(
                "duty left for the next pass",
                extra={"session_uuid": session.session_uuid, "code": error.code},
            )
            return FAILED

    def _work(self) -> Mapping[Action, Callable[[Session], str]]:
        """Say what is to be done for each kind of duty."""
        return {
            Action.CONFIRM: self._confirm,
            Action.CHECK_UPDATE: self._check_update,
            Action.FINISH_ENDING: self._finish_ending,
            Action.SETTLE: self._settle,
        }

    def _confirm(self, session: Session) -> str:
        """Find out what became of a create; remove what it made beside the keeper."""
        found = self._find(session)
        for orphan in found.orphans:
            self.carrier.expire(orphan.session_uuid)
        if found.keeper:
            adopted = transitions.confirm(session, found.keeper, session.attempt)
            self._replace(session, adopted, "create_adopted")
            return ADOPTED
        if not found.complete:
            return LEFT
        if sessions.may_recreate(session):
            self._replace(session, transitions.fail(session), "create_closed")
        else:
            self._replace(session, transitions.abandon(session), "create_abandoned")
        return CLOSED

    def _check_update(self, session: Session) -> str:
        """Take over what Plivo has of a session whose update has no known outcome."""
        try:
            answer = self.carrier.get(str(session.carrier_session_uuid))
            after = transitions.finish_update(session, answer)
        except CarrierSessionMissingError:
            after = transitions.expire(session, self.now())
        self._replace(session, after, "update_checked")
        return CHECKED

    def _finish_ending(self, session: Session) -> str:
        """End at Plivo what was to end; one that has ended already is a success."""
        after = finish(session, self.carrier, self.now())
        self._replace(session, after, "ending_finished")
        return ENDED

    def _settle(self, session: Session) -> str:
        """Fetch the final truth, once nothing is alive at Plivo."""
        if session.doubted:
            self._clear_up(session)
            return self.work_off(session.session_uuid)
        return self.settlement.work(session)

    def _clear_up(self, session: Session) -> str:
        """End at Plivo whatever is alive of a session that we call expired."""
        ended = self._end_if_alive(session)
        if session.attempt > 1:
            for orphan in self._find(session).orphans:
                self.carrier.expire(orphan.session_uuid)
                ended = True
        self._replace(
            session, transitions.clear(session), "ended_late" if ended else None
        )
        return ENDED if ended else LEFT

    def _end_if_alive(self, session: Session) -> bool:
        try:
            answer = self.carrier.get(str(session.carrier_session_uuid))
        except CarrierSessionMissingError:
            return False
        if not settlement.is_alive(answer, self.now()):
            return False
        self.carrier.expire(answer.session_uuid)
        return True

    def _replace(self, before: Session, after: Session, repair: str | None) -> None:
        """Write what was found out; *repair* names it for whoever listens."""
        self.stores.sessions.replace(
            before, transitions.repaired(after, repair) if repair else after
        )
