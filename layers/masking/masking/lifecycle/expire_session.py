"""End a session now: mark it, end it at Plivo, mark it as expired.

We never say `expired` while Plivo may still connect: until Plivo has confirmed, the
session is `ending`, and if its outcome is unknown the reconciler finishes it.

An end wins over an update. Whoever has an update on its way to Plivo sees that the
session is to end and ends what he has brought to life; until then nothing is final, and
the end waits for him.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

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
from masking.core.retries import retry_stale
from masking.domain import carrier_answers, sessions, transitions
from masking.domain.sessions import CarrierSession, EndedBy, Session, Status
from masking.plivo.errors import CarrierError, CarrierFailedError

if TYPE_CHECKING:
    from datetime import datetime

    from masking.core.times import Clock
    from masking.plivo.client import Carrier
    from masking.storage.stores import Stores


# How often an end looks for an update that was on its way before, and how far apart.
LOOKS = 10
PAUSE_SECONDS = 0.5

# Seconds after which an end of unknown outcome may be sent again.
AGAIN = 2


@dataclass(frozen=True)
class ExpireSession:
    """Expires one session; *sleep* waits for seconds."""

    stores: Stores
    carrier: Carrier
    now: Clock
    sleep: Callable[[float], None] = time.sleep

    def end(
        self, session_uuid: str, *, tenant_id: str, if_match: int | None = None
    ) -> Session:
        """End a session and return it; ending it twice is no error.

        Every error that is raised carries `outcome`: `not_expired` or `unknown`.
        """

        def begin() -> Session:
            session = self._endable(session_uuid, tenant_id, if_match)
            if sessions.is_over(session, self.now()):
                return session
            taken = transitions.begin_ending(session, self.now())
            self.stores.sessions.replace(session, taken)
            return taken

        try:
            taken = retry_stale(begin)
        except StaleStateError:
            raise UpdateInProgressError(outcome=NOT_EXPIRED, retry_after=1) from None
        except (BotoCoreError, ClientError) as error:
            raise StorageUnavailableError(outcome=NOT_EXPIRED, retry_after=2) from error
        if sessions.is_over(taken, self.now()):
            return taken
        try:
            return self._send(taken)
        except StaleStateError:
            raise StorageUnavailableError(outcome=UNKNOWN, retry_after=AGAIN) from None
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
        if not sessions.is_live(session):
            raise SessionNotActiveError(outcome=NOT_EXPIRED)
        # Nobody works on what is in doubt, and an ending may be sent at any time.
        is_ending = session.status is Status.ENDING and not session.doubted
        if is_ending and sessions.is_leased(session, self.now()):
            pause = sessions.pause_of(session, self.now())
            raise EndInProgressError(outcome=NOT_EXPIRED, retry_after=pause)
        return session

    def _send(self, taken: Session) -> Session:
        self._end_at_carrier(taken)
        stored = taken
        for _ in range(LOOKS):
            if not _is_overtaking(stored, self.now()):
                break
            self.sleep(PAUSE_SECONDS)
            stored = self.stores.sessions.load(taken.session_uuid) or taken
        if _is_overtaking(stored, self.now()):
            self._doubt(stored)
            raise UpdateInProgressError(outcome=UNKNOWN, retry_after=AGAIN)
        if stored.status is not Status.ENDING:
            return stored
        if stored is not taken:
            # What the update has brought to life after the end was sent ends now.
            self._end_at_carrier(stored)
        answer = self._look(stored)
        return self.stores.sessions.change(
            stored,
            lambda newest: (
                _ended(newest, answer, self.now(), since=stored)
                if newest.status is Status.ENDING
                else None
            ),
        )

    def _end_at_carrier(self, session: Session) -> None:
        try:
            self.carrier.expire(str(session.carrier_session_uuid))
        except CarrierError as error:
            self._fail(session, error)

    def _look(self, session: Session) -> CarrierSession | None:
        try:
            return look(session, self.carrier, self.now())
        except CarrierError as error:
            self._fail(session, error)

    def _fail(self, session: Session, error: CarrierError) -> NoReturn:
        error.members["outcome"] = UNKNOWN
        error.retry_after = error.retry_after or AGAIN
        self._doubt(session)
        raise error

    def _doubt(self, session: Session) -> None:
        def doubt(stored: Session) -> Session | None:
            is_ending = stored.status is Status.ENDING and not stored.doubted
            return transitions.doubt(stored) if is_ending else None

        with suppress(StaleStateError):
            self.stores.sessions.change(session, doubt)


def _is_overtaking(session: Session, now: datetime) -> bool:
    """Return whether a session is to end while somebody works on an update of it."""
    update = session.pending
    return (
        session.status is Status.ENDING
        and update is not None
        and not (update.left or update.released)
        and now < update.lease_until
    )


def finish(session: Session, carrier: Carrier, now: datetime) -> Session:
    """End *session* at Plivo and return it as expired. Raises CarrierError."""
    carrier.expire(str(session.carrier_session_uuid))
    return _ended(session, look(session, carrier, now), now, since=session)


def look(session: Session, carrier: Carrier, now: datetime) -> CarrierSession | None:
    """Return what Plivo has of a session after its end.

    Expiry and duration are its answer, and so is the outcome of an update that was in
    doubt, because nothing can change any more. None if Plivo can't say, or knows
    nothing of it: settlement asks again. Raises CarrierError if it has not ended.
    """
    try:
        answer = carrier.get(str(session.carrier_session_uuid))
    except CarrierError:
        return None
    if carrier_answers.is_alive(answer, now):
        detail = "Plivo still shows the session as active."
        raise CarrierFailedError(detail)
    return answer


def _ended(
    session: Session, answer: CarrierSession | None, now: datetime, *, since: Session
) -> Session:
    """Return the session as ended; what an update may still do is looked for later."""
    update = session.pending
    late = update is not None and not update.released and now < update.lease_until
    return transitions.expire(
        session, now, answer, since=since, doubted=late, by=EndedBy.REQUEST
    )
