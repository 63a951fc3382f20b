"""Change a session at Plivo and in the table together.

(1) A conditional write records what is to change, with a lease. (2) Plivo. (3) Store
the session that Plivo answered and clear the record. If the outcome of (2) is unknown
the record stays, and the reconciler fetches what Plivo has: Plivo's values win.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from masking.api import requests
from masking.core.errors import StaleStateError
from masking.core.problems import (
    NOT_UPDATED,
    UNKNOWN,
    ProblemError,
    SessionExpiredError,
    SessionNotActiveError,
    SessionNotFoundError,
    StorageUnavailableError,
    UpdateInProgressError,
    VersionMismatchError,
)
from masking.domain import sessions, transitions
from masking.domain.sessions import Session, Status
from masking.lifecycle.changes_asked import changes_asked
from masking.plivo.errors import CarrierError, CarrierRefusedError, explained

if TYPE_CHECKING:
    from masking.api.request_models import UpdateSessionRequest
    from masking.core.times import Clock
    from masking.plivo.client import Carrier
    from masking.storage.stores import Stores


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
            session = self._updatable(session_uuid, tenant_id, if_match)
            changes = changes_asked(session, request)
            if not changes:
                return session
            refusal = requests.refusal_of_parties(
                changes, lambda number: self._is_ours(number, session)
            )
            if refusal:
                refusal.members["outcome"] = NOT_UPDATED
                raise refusal
            taken = transitions.begin_update(session, changes, self.now())
            self.stores.sessions.replace(session, taken)
        except StaleStateError:
            raise UpdateInProgressError(outcome=NOT_UPDATED, retry_after=1) from None
        except (BotoCoreError, ClientError) as error:
            raise StorageUnavailableError(outcome=NOT_UPDATED, retry_after=2) from error
        try:
            return self._send(taken, changes)
        except (BotoCoreError, ClientError) as error:
            raise StorageUnavailableError(outcome=UNKNOWN, retry_after=60) from error

    def _is_ours(self, number: str, session: Session) -> bool:
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
        waits = session.pending and session.status is Status.ACTIVE
        if waits and not sessions.is_leased(session, self.now()):
            session = self._settled(session)
        if session.pending and session.status is Status.ACTIVE:
            rest = sessions.rest_of_lease(session, self.now())
            raise UpdateInProgressError(outcome=NOT_UPDATED, retry_after=rest)
        if sessions.is_over(session, self.now()):
            raise SessionExpiredError(outcome=NOT_UPDATED)
        if session.status is not Status.ACTIVE:
            raise SessionNotActiveError(outcome=NOT_UPDATED)
        return session

    def _settled(self, session: Session) -> Session:
        """Find out the outcome of an update that nobody works on any more."""
        try:
            return settle(session, self.stores, self.carrier)
        except CarrierError as error:
            error.members["outcome"] = NOT_UPDATED
            raise

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
                self._give_up(taken, error)
                raise _told(error, changes) from None
        final = transitions.finish_update(taken, answer)
        try:
            self.stores.sessions.replace(taken, final)
        except StaleStateError:
            return self.stores.sessions.load(taken.session_uuid) or final
        return final

    def _give_up(self, taken: Session, error: CarrierError) -> None:
        """Return the error for an update that Plivo did not confirm."""
        if error.may_have_acted:
            error.members["outcome"] = UNKNOWN
            with suppress(StaleStateError):
                self.stores.sessions.replace(taken, transitions.doubt(taken))
            return
        error.members["outcome"] = NOT_UPDATED
        over = (
            isinstance(error, CarrierRefusedError)
            and "already expired" in error.explanation.lower()
        )
        after = (
            transitions.expire(taken, self.now())
            if over
            else transitions.drop_update(taken)
        )
        with suppress(StaleStateError):
            self.stores.sessions.replace(taken, after)
        if over:
            raise SessionExpiredError(outcome=NOT_UPDATED) from None


def _told(error: CarrierError, changes: Mapping[str, Any]) -> ProblemError:
    """Return the error of an update as what it is, with its outcome."""
    told = explained(error, changes)
    told.members.setdefault("outcome", NOT_UPDATED)
    return told


def settle(session: Session, stores: Stores, carrier: Carrier) -> Session:
    """Take over the session that Plivo has after an update of unknown outcome.

    Raises CarrierError if Plivo can't say, StaleStateError if another was faster.
    """
    answer = carrier.get(str(session.carrier_session_uuid))
    settled = transitions.finish_update(session, answer)
    stores.sessions.replace(session, settled)
    return settled
