"""Change a session at Plivo and in the table together.

(1) A conditional write records what is to change, with a lease. (2) Plivo. (3) Store
the session that Plivo answered and clear the record. If Plivo failed at (2), it is
asked what it has: then the outcome is known. If it can't say, the record stays, and the
reconciler fetches what Plivo has: Plivo's values win.

A DELETE that came in between wins: what the update has brought to life is ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from masking.api import requests
from masking.core.errors import StaleStateError
from masking.core.problems import (
    NOT_UPDATED,
    UNKNOWN,
    SessionExpiredError,
    SessionNotActiveError,
    SessionNotFoundError,
    StorageUnavailableError,
    UpdateInProgressError,
    VersionMismatchError,
)
from masking.core.retries import retry_stale
from masking.domain import carrier_answers, sessions, transitions
from masking.domain.sessions import CarrierSession, Session, Status
from masking.lifecycle import expire_session
from masking.lifecycle.changes_asked import changes_asked
from masking.plivo.errors import CarrierError, CarrierRefusedError, explained

if TYPE_CHECKING:
    from masking.api.request_models import UpdateSessionRequest
    from masking.core.times import Clock
    from masking.plivo.client import Carrier
    from masking.storage.stores import Stores


# What a gateway says that has waited long enough: behind it work may go on.
GATEWAY_TIMEOUT = 504


@dataclass(frozen=True)
class UpdateSession:
    """Updates sessions."""

    stores: Stores
    carrier: Carrier
    now: Clock

    def update(
        self,
        session_uuid: str,
        request: UpdateSessionRequest,
        *,
        tenant_id: str,
        if_match: int | None = None,
    ) -> Session:
        """Change a session as *request* says and return it.

        Every error that is raised carries `outcome`: `not_updated` or `unknown`.
        """
        try:
            taken, changes = self._begin(session_uuid, request, tenant_id, if_match)
            if not changes:
                return taken
        except StaleStateError:
            raise UpdateInProgressError(outcome=NOT_UPDATED, retry_after=1) from None
        except (BotoCoreError, ClientError) as error:
            raise StorageUnavailableError(outcome=NOT_UPDATED, retry_after=2) from error
        try:
            return self._send(taken, changes)
        except StaleStateError:
            raise StorageUnavailableError(outcome=UNKNOWN, retry_after=2) from None
        except (BotoCoreError, ClientError) as error:
            raise StorageUnavailableError(outcome=UNKNOWN, retry_after=60) from error

    def _begin(
        self,
        session_uuid: str,
        request: UpdateSessionRequest,
        tenant_id: str,
        if_match: int | None,
    ) -> tuple[Session, Mapping[str, Any]]:
        """Record the update; who was faster is read again, and may be no hindrance.

        Returns the session and what of it is to change; what changes nothing is not
        recorded.
        """

        def begin() -> tuple[Session, Mapping[str, Any]]:
            session = self._updatable(session_uuid, tenant_id, if_match)
            changes = changes_asked(session, request)
            if not changes:
                return session, changes
            refusal = requests.refusal_of_parties(
                changes, lambda number: self._is_virtual(number, session)
            )
            if refusal:
                refusal.members["outcome"] = NOT_UPDATED
                raise refusal
            taken = transitions.begin_update(session, changes, self.now())
            self.stores.sessions.replace(session, taken)
            return taken, changes

        return retry_stale(begin)

    def _is_virtual(self, number: str, session: Session) -> bool:
        if number == session.virtual_number:
            return True
        return self.stores.sessions.has_virtual_number(number, self.now())

    def _updatable(
        self, session_uuid: str, tenant_id: str, if_match: int | None
    ) -> Session:
        session = self.stores.sessions.load(session_uuid)
        now = self.now()
        if session is None or not sessions.is_shown_to(tenant_id, session, now):
            raise SessionNotFoundError(outcome=NOT_UPDATED)
        if if_match is not None and if_match != session.version:
            raise VersionMismatchError(outcome=NOT_UPDATED, version=session.version)
        if sessions.is_over(session, self.now()):
            raise SessionExpiredError(outcome=NOT_UPDATED)
        waits = session.pending and session.status is Status.ACTIVE
        if waits and not sessions.is_leased(session, self.now()):
            session = self._settled(session)
        if session.pending and session.status is Status.ACTIVE:
            raise UpdateInProgressError(
                outcome=NOT_UPDATED, retry_after=self._pause_of(session)
            )
        if sessions.is_over(session, self.now()):
            raise SessionExpiredError(outcome=NOT_UPDATED)
        if session.status is not Status.ACTIVE:
            raise SessionNotActiveError(outcome=NOT_UPDATED)
        return session

    def _pause_of(self, session: Session) -> int:
        """Return how long to wait for an update: briefly, unless it is in doubt."""
        if session.doubted:
            return sessions.rest_of_lease(session, self.now())
        return sessions.pause_of(session, self.now())

    def _settled(self, session: Session) -> Session:
        """Find out the outcome of an update that nobody works on any more.

        Takes over what Plivo has. Raises CarrierError if it can't say, StaleStateError
        if another was faster.
        """
        try:
            answer = self.carrier.get(str(session.carrier_session_uuid))
        except CarrierError as error:
            error.members["outcome"] = NOT_UPDATED
            raise
        settled = transitions.finish_update(session, answer)
        self.stores.sessions.replace(session, settled)
        return settled

    def _send(self, taken: Session, changes: Mapping[str, Any]) -> Session:
        # An empty URL is how Plivo says that there is none.
        sent = {
            k: "" if v is None else v
            for k, v in changes.items()
            if k not in transitions.OURS
        }
        answer = None
        if sent:
            try:
                answer = self.carrier.update(str(taken.carrier_session_uuid), sent)
            except CarrierError as error:
                answer = self._outcome_of(taken, sent, error)
        return self._finish(taken, answer)

    def _finish(self, taken: Session, answer: CarrierSession | None) -> Session:
        """Store what Plivo answered, beside what has changed meanwhile."""

        def finished(stored: Session) -> Session | None:
            if not _is_same_update(stored, taken):
                # Somebody has asked Plivo since and stored what it said.
                return None
            return transitions.finish_update(stored, answer, since=taken)

        final = self.stores.sessions.change(taken, finished)
        is_to_end = final.status in (Status.ENDING, Status.EXPIRED)
        if is_to_end and answer and carrier_answers.is_alive(answer, self.now()):
            return self._end_after_all(final)
        return final

    def _end_after_all(self, session: Session) -> Session:
        """End at Plivo what a late update has left of a session that is to end."""
        try:
            ended = expire_session.finish(session, self.carrier, self.now())
        except CarrierError:
            return self.stores.sessions.change(session, transitions.doubt)

        def end(stored: Session) -> Session | None:
            return ended if stored.version == session.version else None

        if session.status is Status.ENDING:
            return self.stores.sessions.change(session, end)
        return session

    def _outcome_of(
        self, taken: Session, sent: Mapping[str, Any], error: CarrierError
    ) -> CarrierSession:
        """Find out what became of an update that Plivo did not confirm.

        Returns what Plivo has if the update is in it; raises *error*, with its outcome,
        if it is not, or if nobody can tell.
        """
        if not error.may_have_acted:
            self._refuse(taken, error)
        answered = error.carrier_status not in (None, GATEWAY_TIMEOUT)
        there = None
        if error.carrier_status is not None:
            with suppress(CarrierError):
                there = self.carrier.get(str(taken.carrier_session_uuid))
        if there and self._is_in(sent, taken, there):
            return there
        if there and answered:
            self._finish(taken, there)
            error.members["outcome"] = NOT_UPDATED
            raise error

        def doubted(stored: Session) -> Session | None:
            if not _is_same_update(stored, taken):
                return None
            return transitions.doubt(stored, answered=answered)

        left = self.stores.sessions.change(taken, doubted)
        error.members["outcome"] = UNKNOWN
        error.retry_after = error.retry_after or max(2, self._pause_of(left))
        raise error

    def _is_in(
        self, sent: Mapping[str, Any], taken: Session, there: CarrierSession
    ) -> bool:
        """Return whether an update is in what Plivo has, as sent or as Plivo made it.

        Plivo may have set another value than it was sent, but not left the old one.
        """
        for name, value in sent.items():
            if name == "session_expiry":
                fresh = self.now() + timedelta(seconds=value)
                has = there.expiry_time
                moved = has and (
                    has != taken.expiry_time or abs(has - fresh) < sessions.LEASE
                )
                if not moved:
                    return False
                continue
            now, before = there.settings.get(name), taken.settings.get(name)
            if (now or None) != (value or None) and (now or None) == (before or None):
                return False
        return True

    def _refuse(self, taken: Session, error: CarrierError) -> NoReturn:
        """Free the session after a definite no, and raise what says so."""
        error.members["outcome"] = NOT_UPDATED
        over = (
            isinstance(error, CarrierRefusedError)
            and "already expired" in error.explanation.lower()
        )
        there = None
        if over:
            with suppress(CarrierError):
                there = self.carrier.get(str(taken.carrier_session_uuid))

        def refused(stored: Session) -> Session | None:
            if not _is_same_update(stored, taken):
                return None
            if over:
                return transitions.expire(stored, self.now(), there)
            return transitions.drop_update(stored)

        self.stores.sessions.change(taken, refused)
        if over:
            raise SessionExpiredError(outcome=NOT_UPDATED) from None
        told = explained(error, taken.pending.changes if taken.pending else {})
        told.members["outcome"] = NOT_UPDATED
        raise told from None


def _is_same_update(stored: Session, taken: Session) -> bool:
    """Return whether an update that was recorded has not been dealt with by another."""
    ours, theirs = taken.pending, stored.pending
    return bool(ours and theirs and ours.lease_until == theirs.lease_until)
