"""End a session now: mark it, end it at Plivo, mark it as expired.

We never say `expired` while Plivo may still connect: until Plivo has confirmed, the
session is `ending`, and if its outcome is unknown the reconciler finishes it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from masking.core.errors import StaleStateError
from masking.core.problems import (
    NOT_EXPIRED,
    UNKNOWN,
    EndInProgressError,
    SessionNotActiveError,
    SessionNotFoundError,
    StorageUnavailableError,
    UpdateInProgressError,
    VersionMismatchError,
)
from masking.domain import sessions, transitions
from masking.domain.sessions import Session, Status
from masking.plivo.errors import CarrierError, CarrierSessionMissingError

if TYPE_CHECKING:
    from datetime import datetime

    from masking.core.times import Clock
    from masking.plivo.client import Carrier
    from masking.storage.stores import Stores


@dataclass(frozen=True)
class ExpireSession:
    """Expires one session."""

    stores: Stores
    carrier: Carrier
    now: Clock

    def end(
        self, session_uuid: str, *, tenant_id: str, if_match: int | None = None
    ) -> Session:
        """End a session and return it; ending it twice is no error.

        Every error that is raised carries `outcome`: `not_expired` or `unknown`.
        """
        try:
            session = self._endable(session_uuid, tenant_id, if_match)
            if sessions.is_over(session, self.now()):
                return session
            taken = transitions.begin_ending(session, self.now())
            self.stores.sessions.replace(session, taken)
        except StaleStateError:
            raise EndInProgressError(outcome=NOT_EXPIRED, retry_after=1) from None
        except (BotoCoreError, ClientError) as error:
            raise StorageUnavailableError(outcome=NOT_EXPIRED, retry_after=2) from error
        try:
            return self._send(taken)
        except (BotoCoreError, ClientError) as error:
            raise StorageUnavailableError(outcome=UNKNOWN, retry_after=60) from error

    def _endable(
        self, session_uuid: str, tenant_id: str, if_match: int | None
    ) -> Session:
        session = self.stores.sessions.load(session_uuid)
        now = self.now()
        if session is None or not sessions.is_shown_to(tenant_id, session, now):
            raise SessionNotFoundError(outcome=NOT_EXPIRED)
        if if_match is not None and if_match != session.version:
            raise VersionMismatchError(outcome=NOT_EXPIRED, version=session.version)
        if sessions.is_over(session, self.now()):
            return session
        if session.status not in (Status.ACTIVE, Status.ENDING):
            raise SessionNotActiveError(outcome=NOT_EXPIRED)
        # Nobody works on what is in doubt, and an ending may be sent at any time.
        at_work = sessions.is_in_doubt(session) and not session.doubted
        if at_work and sessions.is_leased(session, self.now()):
            ending = session.status is Status.ENDING
            busy = EndInProgressError if ending else UpdateInProgressError
            raise busy(
                outcome=NOT_EXPIRED,
                retry_after=sessions.rest_of_lease(session, self.now()),
            )
        return session

    def _send(self, taken: Session) -> Session:
        try:
            ended = finish(taken, self.carrier, self.now())
        except CarrierError as error:
            error.members["outcome"] = UNKNOWN
            with suppress(StaleStateError):
                self.stores.sessions.replace(taken, transitions.doubt(taken))
            raise
        try:
            self.stores.sessions.replace(taken, ended)
        except StaleStateError:
            return self.stores.sessions.load(taken.session_uuid) or ended
        return ended


def finish(session: Session, carrier: Carrier, now: datetime) -> Session:
    """End *session* at Plivo and return it as expired. Raises CarrierError.

    If an update was in doubt, Plivo is asked for its outcome: nothing can change any
    more, and Plivo's values win.
    """
    carrier_session_uuid = str(session.carrier_session_uuid)
    carrier.expire(carrier_session_uuid)
    if session.pending is None:
        return transitions.expire(session, now)
    try:
        answer = carrier.get(carrier_session_uuid)
    except CarrierSessionMissingError:
        return transitions.expire(session, now)
    return transitions.expire(transitions.finish_update(session, answer), now)
