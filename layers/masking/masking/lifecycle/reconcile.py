"""Do the due work of one session that needs Plivo: confirm, check, end, settle.

What can't be done now stays due for the next run. Two reconcilers at once do no harm,
because every change is conditional on the session itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from masking.core import telemetry
from masking.core.errors import StaleStateError
from masking.domain import carrier_answers, due_work, sessions, transitions
from masking.domain.due_work import Action
from masking.domain.sessions import Session, Status
from masking.lifecycle import match_at_plivo
from masking.lifecycle.expire_session import finish
from masking.plivo.errors import (
    CarrierAnswerInvalidError,
    CarrierError,
    CarrierSessionMissingError,
)

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.lifecycle.settlement import Settlement
    from masking.plivo.client import Carrier
    from masking.storage.stores import Stores


# Outcomes, as they are counted and logged.
MATCHED = "adopted"
ENDED = "ended"
CLOSED = "closed"
CHECKED = "checked"
REMOVED = "removed"
LEFT = "left"
FAILED = "failed"

# Outcomes that repaired something that should have worked by itself.
REPAIRS = frozenset({MATCHED, ENDED, CLOSED, CHECKED, REMOVED})


@dataclass(frozen=True)
class Reconciler:
    """Reconciles sessions with Plivo; *callback_key* is that of callback URLs.

    *settlement* returns what settles: it is made when a session is due for it.
    """

    stores: Stores
    carrier: Carrier
    settlement: Callable[[], Settlement]
    callback_key: bytes
    now: Clock

    def work_off(self, session_uuid: str) -> str:
        """Do the work of a session that is due, if any; return the outcome."""
        session = self.stores.sessions.load(session_uuid)
        due = due_work.due_work_of(session) if session else None
        if session is None or due is None or self.now() < due.at:
            return LEFT
        return self._work_at(session, due.kind)

    def check(self, session_uuid: str) -> str:
        """Find out the outcome of an update or an ending that nobody works on any more.

        Returns the outcome; `left` if there is nothing to be done yet, or nothing could
        be done now and the next run will try it.
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
            # A callback came, so Plivo has it: no need to wait for the next run.
            return self._work_at(session, Action.CONFIRM)
        if not sessions.is_in_doubt(session):
            return LEFT
        ending = session.status is Status.ENDING
        outcome = self._work_at(
            session, Action.FINISH_ENDING if ending else Action.CHECK_UPDATE
        )
        if outcome not in (LEFT, FAILED):
            return outcome
        if not (session.doubted or session.presumed):
            with suppress(StaleStateError):
                self.stores.sessions.replace(session, transitions.doubt(session))
        return LEFT

    def remove_orphans(self, session_uuid: str) -> str:
        """End the duplicates that Plivo has under our UUID beside the session we hold.

        Takes a session that matches a create that was given up, or that nobody works
        on any more. Raises CarrierError, so that the message comes again.
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
        if found.match and session.status is Status.ABANDONED and not closed:
            confirmed = transitions.confirm(session, found.match, session.attempt)
            after = transitions.repaired(confirmed, "create_adopted")
        elif found.match and closed and session.status is not Status.EXPIRED:
            # The key is free, and the app may have been told that nothing was created;
            # or nobody may be called in it any more.
            orphans.append(found.match)
        for orphan in orphans:
            self.carrier.expire(orphan.session_uuid)
        if orphans or after.status is not session.status:
            with suppress(StaleStateError):
                self.stores.sessions.replace(session, after)
        if not found.complete:
            return LEFT
        return REMOVED if orphans else LEFT

    def sessions_at_plivo(self, session: Session) -> set[str]:
        """Return the UUIDs of all that Plivo has under ours. Raises CarrierError.

        What was confirmed at the first attempt has no other.
        """
        if session.carrier_session_uuid and session.attempt == 1:
            return {session.carrier_session_uuid}
        found = {each.session_uuid for each in self._find(session).all_of_ours}
        return found | {session.carrier_session_uuid or ""} - {""}

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
                "due work left for the next run",
                extra={"session_uuid": session.session_uuid, "code": error.code},
            )
            return FAILED

    def _work(self) -> Mapping[Action, Callable[[Session], str]]:
        """Return what does each kind of due work."""
        return {
            Action.CONFIRM: self._confirm,
            Action.CHECK_UPDATE: self._check_update,
            Action.FINISH_ENDING: self._finish_ending,
            Action.SETTLE: self._settle,
        }

    def _confirm(self, session: Session) -> str:
        """Find out the outcome of a create; remove the duplicates it made."""
        found = self._find(session)
        for orphan in found.orphans:
            self.carrier.expire(orphan.session_uuid)
        if found.match:
            confirmed = transitions.confirm(session, found.match, session.attempt)
            self._replace(session, confirmed, "create_adopted")
            return MATCHED
        if not found.complete:
            return LEFT
        if transitions.may_recreate(session):
            self._replace(session, transitions.fail(session), "create_closed")
        else:
            self._replace(session, transitions.abandon(session), "create_abandoned")
        return CLOSED

    def _check_update(self, session: Session) -> str:
        """Take over the session that Plivo has after an update of unknown outcome.

        One whose expiry Plivo never told ends when it was asked to.
        """
        try:
            answer = self.carrier.get(str(session.carrier_session_uuid))
        except CarrierSessionMissingError:
            after = transitions.expire(session, self.now())
        except CarrierAnswerInvalidError:
            ends = session.expiry_time
            if not (session.presumed and ends and self.now() >= ends):
                raise
            return self._finish_ending(session)
        else:
            after = transitions.finish_update(session, answer)
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
        return self.settlement().work(session)

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
        if not carrier_answers.is_alive(answer, self.now()):
            return False
        self.carrier.expire(answer.session_uuid)
        return True

    def _replace(self, before: Session, after: Session, repair: str | None) -> None:
        """Write what was found out; *repair* is its name in the event."""
        self.stores.sessions.replace(
            before, transitions.repaired(after, repair) if repair else after
        )
