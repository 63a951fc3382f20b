"""Create a session exactly once: reserve, ask Plivo, confirm.

    client      us                                   Plivo
      │ create   │ reserve: attempt 1, lease 60 s;      │
      │          │ count it, if the tenant has a quota  │
      │─────────>│ ───────────── create ───────────────>│
      │          │<──────────── 201, or nothing ────────│
      │          │ confirm; or look in the listing      │
      │<─────────│ 201; or 504 `outcome: unknown`       │
      │  lease over: same key again, or the reconciler, looks in the listing
      │          │ found: confirm.  Not found: attempt 2, unless a phone might ring
      │          │ twice

A definite no of Plivo's frees the key at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from masking.api import request_models, requests
from masking.core import telemetry
from masking.core.errors import SessionTakenError, StaleStateError
from masking.core.problems import (
    NOT_CREATED,
    UNKNOWN,
    CreateAbandonedError,
    CreateInProgressError,
    IdempotencyKeyReusedError,
    PairAlreadyActiveError,
    ProblemError,
    QuotaExceededError,
    SessionErasedError,
    StorageUnavailableError,
)
from masking.domain import sessions, transitions
from masking.domain.sessions import CarrierSession, Session, Status
from masking.plivo import callback_urls
from masking.plivo.errors import (
    CarrierError,
    CarrierFailedError,
    explained,
    says_pair_is_active,
)
from masking.tenants.tenant_settings import Quotas, not_created

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.lifecycle.match_at_plivo import Found
    from masking.plivo.client import Carrier
    from masking.storage.stores import Stores
    from masking.tenants.tenant_settings import TenantSettings


@dataclass(frozen=True)
class Created:
    """A session that exists at Plivo; *replayed* if an earlier request made it."""

    session: Session
    replayed: bool


@dataclass(frozen=True)
class CreateSession:
    """Creates sessions.

    *callback_key* seals the callback URLs; *settings_of* returns a tenant's settings;
    *public_base_url* is where Plivo reaches us; empty: where the create came in.
    """

    stores: Stores
    carrier: Carrier
    callback_key: bytes
    now: Clock
    settings_of: Callable[[str], TenantSettings]
    public_base_url: str

    def create(
        self,
        request: request_models.CreateSessionRequest,
        *,
        tenant_id: str,
        idempotency_key: str | None,
        domain: str,
    ) -> Created:
        """Create the session that *request* asks for, or find it if it exists.

        *domain* is the host that the request was sent to. Every error that is raised
        carries `outcome`: `not_created` or `unknown`.
        """
        asked = requests.asked(request)
        fresh = transitions.reserve(
            session_uuid=sessions.session_uuid_for(tenant_id, idempotency_key),
            tenant_id=tenant_id,
            asked=asked,
            labels=request.labels,
            base_url=self.public_base_url or f"https://{domain}",
            now=self.now(),
            sent=requests.sent(request),
        )
        telemetry.note(session_uuid=fresh.session_uuid)
        try:
            settings = self.settings_of(tenant_id)
            quotas = Quotas(self.stores.tenants, tenant_id, settings, self.now)
            is_own = self.stores.sessions.has_virtual_number
            refusal = quotas.refusal(asked) or requests.refusal_of_parties(
                asked, lambda number: is_own(number, self.now())
            )
            fresh = quotas.bound(fresh)
            is_ours = refusal is None and self._reserve(fresh)
        except (BotoCoreError, ClientError) as error:
            # Without a key nobody can have asked Plivo before us.
            outcome = NOT_CREATED if idempotency_key is None else UNKNOWN
            raise StorageUnavailableError(outcome=outcome, retry_after=2) from error
        try:
            if is_ours:
                self._count(fresh, quotas)
                return self._send(fresh)
            if refusal and idempotency_key is None:
                raise not_created(refusal)
            return self._continue(fresh, quotas, refusal)
        except (BotoCoreError, ClientError) as error:
            raise StorageUnavailableError(outcome=UNKNOWN, retry_after=2) from error

    def _reserve(self, fresh: Session) -> bool:
        """Make the session ours; False if an earlier request with its key did that."""
        with suppress(SessionTakenError):
            self.stores.sessions.reserve(fresh)
            return True
        return False

    def _count(self, session: Session, quotas: Quotas) -> None:
        """Count what is reserved, and no replay; free the key if it is one too many."""
        try:
            quotas.count()
        except QuotaExceededError as error:
            self._free(session)
            raise not_created(error) from None

    def _continue(
        self, fresh: Session, quotas: Quotas, refusal: ProblemError | None
    ) -> Created:
        """Go on where an earlier request stopped; *refusal* forbids no replay."""
        found = self.stores.sessions.load(fresh.session_uuid)
        if found is None:
            if refusal:
                raise not_created(refusal)
            raise CreateInProgressError(outcome=UNKNOWN, retry_after=1)
        if found.erased_at or sessions.is_hidden(found, self.now()):
            raise SessionErasedError(outcome=NOT_CREATED)
        # Sessions of before 2026-11-26 have the hash of what takes effect.
        effective = transitions.hash_of_request(fresh.asked, fresh.labels)
        if found.request_hash not in (fresh.request_hash, effective):
            raise IdempotencyKeyReusedError(outcome=NOT_CREATED)
        session = replace(found, asked=fresh.asked)
        if session.status in (Status.ACTIVE, Status.ENDING, Status.EXPIRED):
            # As it was asked for then: the tenant's settings may have changed since.
            return Created(found if found.asked else session, replayed=True)
        if session.status is Status.ABANDONED:
            raise CreateAbandonedError(outcome=UNKNOWN)
        if session.status is Status.FAILED:
            if refusal:
                raise not_created(refusal)
            taken = self._retake(session)
            self._count(taken, quotas)
            return self._send(taken)
        if sessions.is_leased(session, self.now()):
            raise CreateInProgressError(
                outcome=UNKNOWN, retry_after=sessions.pause_of(session, self.now())
            )
        return self._take_over(session)

    def _take_over(self, session: Session) -> Created:
        """Find out the outcome of an attempt that nobody works on any more."""
        try:
            found = self._find(session)
        except CarrierError as error:
            error.members["outcome"] = UNKNOWN
            raise
        if found.match:
            confirmed = self._confirm(session, found.match)
            self._remove(found.orphans)
            return Created(confirmed, replayed=True)
        if found.complete and transitions.may_recreate(session):
            return self._send(self._retake(session))
        if found.complete:
            with suppress(StaleStateError):
                self.stores.sessions.replace(session, transitions.abandon(session))
            raise CreateAbandonedError(outcome=UNKNOWN)
        raise CreateInProgressError(outcome=UNKNOWN, retry_after=60)

    def _retake(self, session: Session) -> Session:
        taken = transitions.retake(session, self.now())
        try:
            self.stores.sessions.replace(session, taken)
        except StaleStateError:
            raise CreateInProgressError(outcome=UNKNOWN, retry_after=1) from None
        self.stores.sessions.put_request(taken)
        return taken

    def _send(self, session: Session) -> Created:
        """Ask Plivo; the attempt is written and leased to us."""
        registered = callback_urls.registration(
            self.callback_key, session.base_url, session.session_uuid, session.attempt
        )
        asked = {k: v for k, v in session.asked.items() if k not in transitions.OURS}
        try:
            answer = self.carrier.create(asked, registered)
        except CarrierError as error:
            if error.may_have_acted or says_pair_is_active(error):
                return self._look_for(session, error)
            self._free(session)
            raise not_created(explained(error, session.asked)) from None
        if not (self._attempt_of(answer, session) or self._is_ours(answer, session)):
            raise self._pair_is_active(session)
        return Created(self._confirm(session, answer), replayed=False)

    def _claim_pins(self, session: Session, answer: CarrierSession) -> None:
        from masking.lifecycle.pin_claims import claim

        claim(session, answer, self.stores, self.carrier, self.callback_key, self.now())

    def _look_for(self, session: Session, error: CarrierError) -> Created:
        """Look at Plivo for the session that a create of unknown outcome made.

        A refusal because the pair is active may be about what an earlier attempt of
        ours made; if a complete listing holds nothing of ours, it is another's.
        """
        found: Found | None = None
        with suppress(CarrierError):
            found = self._find(session)
        if found and found.match:
            return Created(self._confirm(session, found.match), replayed=False)
        if found and found.complete and not error.may_have_acted:
            raise self._pair_is_active(session)
        if not error.may_have_acted:
            detail = "Plivo could not say what it holds of this pair."
            error = CarrierFailedError(detail)
        error.retry_after = sessions.rest_of_lease(session, self.now())
        error.members |= {"outcome": UNKNOWN, "session_uuid": session.session_uuid}
        raise error

    def _confirm(self, session: Session, answer: CarrierSession) -> Session:
        """Store Plivo's answer, beside what callbacks have brought meanwhile."""
        if session.asked.get("is_pin_authentication_required"):
            self._claim_pins(session, answer)
        attempt = self._attempt_of(answer, session) or session.attempt
        try:
            stored = self.stores.sessions.change(
                session,
                lambda stored: (
                    transitions.confirm(stored, answer, attempt, since=session)
                    if stored.status is Status.RESERVED
                    and stored.attempt == session.attempt
                    else None
                ),
            )
        except StaleStateError:
            raise CreateInProgressError(outcome=UNKNOWN, retry_after=1) from None
        if stored.carrier_session_uuid is None:
            raise CreateInProgressError(outcome=UNKNOWN, retry_after=5)
        if stored.carrier_session_uuid != answer.session_uuid:
            # Another request has confirmed it; ours is a duplicate.
            self._remove([answer])
        return stored

    def _remove(self, orphans: Iterable[CarrierSession]) -> None:
        """End duplicates at Plivo; the check that follows tries it too."""
        for orphan in orphans:
            with suppress(CarrierError):
                self.carrier.expire(orphan.session_uuid)

    def _pair_is_active(self, session: Session) -> PairAlreadyActiveError:
        self._free(session)
        return PairAlreadyActiveError(outcome=NOT_CREATED)

    def _free(self, session: Session) -> None:
        with suppress(StaleStateError):
            self.stores.sessions.replace(session, transitions.fail(session))

    def _find(self, session: Session) -> Found:
        # Rare, and so not imported with the function.
        from masking.lifecycle.match_at_plivo import find

        return find(session, self.carrier, self.stores, self.callback_key, self.now())

    def _is_ours(self, answer: CarrierSession, session: Session) -> bool:
        from masking.lifecycle.match_at_plivo import is_ours

        return is_ours(answer, session, self.stores, self.callback_key, self.now())

    def _attempt_of(self, answer: CarrierSession, session: Session) -> int | None:
        url, key = answer.callback_url, self.callback_key
        return callback_urls.attempt_in(url, key, session.session_uuid)
