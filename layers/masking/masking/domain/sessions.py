"""What a session is, and what state it is in.

`transitions` has its changes, `due_work` what it next needs done.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

NAMESPACE = uuid.UUID("5f0c6f0e-6f0b-5d0a-9a3e-0d8c8b7f3c11")

# Longer than the 28 s after which Lambda stops a function: whoever wrote a lease that
# has run out has surely ended, and a listing at Plivo no longer lags behind it.
LEASE = timedelta(seconds=60)

# How long after an update was recorded Plivo may carry it out: its function is stopped
# after 28 s, and Plivo may work a little longer on what was cut off.
LATEST_ACT = timedelta(seconds=45)

# What Plivo may raise a shorter `session_expiry` to (plivo-contract 1.2, beta).
LEAST_EXPIRY = timedelta(seconds=60)

# The attribute of each party. Both are always in the state item, so that sessions can
# be searched without their requests.
PARTY_FIELDS = {"first": "first_party", "second": "second_party"}
PARTIES = tuple(PARTY_FIELDS.values())

# What a listing filters by is in the state, which it reads without the request.
SEARCHED = frozenset({*PARTIES, "subaccount"})


class Status(StrEnum):
    """The state that a session is in. Plivo knows `active` and `expired` alone."""

    RESERVED = "reserved"
    FAILED = "failed"
    ABANDONED = "abandoned"
    ACTIVE = "active"
    ENDING = "ending"
    EXPIRED = "expired"


class EndedBy(StrEnum):
    """Why a session is over."""

    EXPIRY = "expiry"
    REQUEST = "request"
    CARRIER = "carrier"


@dataclass(frozen=True)
class CarrierSession:
    """A session as Plivo answered it, cleaned.

    *settings* holds the attributes of a create that Plivo echoed; *totals* the
    accounting: amounts as decimal strings, counts as integers, `interaction` as a list.
    """

    session_uuid: str
    virtual_number: str | None
    status: str
    created_time: datetime | None
    modified_time: datetime | None
    expiry_time: datetime | None
    duration: int | None
    callback_url: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    totals: Mapping[str, Any] = field(default_factory=dict)
    recording_callback_url: str = ""


@dataclass(frozen=True)
class Pending:
    """An update on its way to Plivo: what it changes and how long its lease runs.

    Its outcome may be unknown: *left* says that nobody works on it any more, *released*
    that Plivo does not either, because it has answered.
    """

    changes: Mapping[str, Any]
    lease_until: datetime
    left: bool = False
    released: bool = False

    @property
    def begun(self) -> datetime:
        """Return when the update was recorded."""
        return self.lease_until - LEASE


@dataclass(frozen=True)
class Settled:
    """Since when a session's totals are final, what was corrected, and how often.

    *times* is 2 at most: a callback that comes later reopens a session once.
    """

    at: datetime
    changed: tuple[str, ...] = ()
    times: int = 1


@dataclass(frozen=True)
class Session:
    """A session as we keep it.

    *asked* is what was asked for and never changes; *answered* holds what Plivo
    answered or an update changed, where it differs (None for what was unset), and
    always what is SEARCHED by. *labels* are the tenant's, as an update left them.
    *doubted* says that the outcome of an update or an ending at Plivo is unknown,
    *presumed* that Plivo's `expiry_time` could not be read and ours is a sum.
    *ended_time* and *ended_by* say when and why it ended, as far as known,
    *planned_end* when it would have, if that was early (*expiry_time* is Plivo's).
    *totals_as_of* is when Plivo's accounting was fetched that *answered* holds.
    *settle_at* is when Plivo is asked for the final truth, *settled* what came of it;
    *time_limit* is for how many seconds after its end a call may go on. *former_number*
    is the virtual number that the session was created with, once it has another.
    *repaired* names what was repaired in this version. *calls* are Plivo's own records,
    from the newest snapshot. *retention_days* is how long it is kept after its end, if
    its tenant has a rule for that. *erased_at* is when a person of it was erased: from
    then on it holds accounting alone. *kept_until* is when its retention ends,
    *purge_at* when its items are purged, in seconds since 1970. Times are aware UTC.
    """

    session_uuid: str
    tenant_id: str
    status: Status
    version: int
    attempt: int
    request_hash: str
    base_url: str
    reserved_at: datetime
    lease_until: datetime | None = None
    carrier_session_uuid: str | None = None
    virtual_number: str | None = None
    former_number: str | None = None
    created_time: datetime | None = None
    modified_time: datetime | None = None
    expiry_time: datetime | None = None
    answered: Mapping[str, Any] = field(default_factory=dict)
    pending: Pending | None = None
    doubted: bool = False
    presumed: bool = False
    ended_time: datetime | None = None
    ended_by: EndedBy | None = None
    planned_end: datetime | None = None
    settle_at: datetime | None = None
    settled: Settled | None = None
    totals_as_of: datetime | None = None
    time_limit: int = 0
    repaired: str | None = None
    erased_at: datetime | None = None
    calls: Sequence[Mapping[str, Any]] = ()
    asked: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    retention_days: int | None = None
    kept_until: datetime | None = field(default=None, compare=False)
    purge_at: int | None = field(default=None, compare=False)

    @property
    def settings(self) -> dict[str, Any]:
        """Return the attributes as they are now: asked for, then answered."""
        return {**self.asked, **self.answered}


# Who a session is


def session_uuid_for(tenant_id: str, idempotency_key: str | None) -> str:
    """Return the UUID of the session that this request creates.

    With a key it is a function of tenant and key, each with its length before it so
    that no two pairs run together; without one it is random.
    """
    if idempotency_key is None:
        return str(uuid.uuid4())
    name = f"{len(tenant_id)}:{tenant_id}{len(idempotency_key)}:{idempotency_key}"
    return str(uuid.uuid5(NAMESPACE, name))


# What state it is in


def latest_end(session: Session) -> datetime | None:
    """Return when a live session is over at Plivo at the latest, by all that is known.

    While an update is pending or its outcome unknown, that is no earlier than Plivo may
    have carried it out, and as much later as the update asked for: an expiry counts
    from the update (plivo-contract 1.7).
    """
    ends = session.expiry_time
    if ends and session.presumed:
        ends += LATEST_ACT
    if ends is None or session.pending is None:
        return ends
    acted = session.pending.begun + LATEST_ACT
    expiry = session.pending.changes.get("session_expiry")
    if expiry is not None:
        acted += max(timedelta(seconds=expiry), LEAST_EXPIRY)
    return max(ends, acted)


def earliest_end(session: Session) -> datetime | None:
    """Return until when a live session is surely not over by the clock."""
    ends = session.expiry_time
    if ends is None or session.pending is None:
        return ends
    expiry = session.pending.changes.get("session_expiry")
    if expiry is None:
        return ends
    return min(ends, session.pending.begun + timedelta(seconds=expiry))


def is_over(session: Session, now: datetime) -> bool:
    """Return whether *session* has surely expired, by its state or by the clock.

    While a write to Plivo is pending or in doubt its `expiry_time` may not hold any
    more, and decides nothing.
    """
    if session.status is Status.EXPIRED:
        return True
    ends = latest_end(session)
    return is_live(session) and ends is not None and now >= ends


def may_be_over(session: Session, now: datetime) -> bool:
    """Return whether nobody knows if *session* has expired by the clock.

    It has if an update in doubt was not carried out, and has not if it was.
    """
    if is_over(session, now) or not is_live(session):
        return False
    ends = earliest_end(session)
    return ends is not None and now >= ends


def is_live(session: Session) -> bool:
    """Return whether *session* is one that Plivo has and that has not ended for us."""
    return session.status in (Status.ACTIVE, Status.ENDING)


def is_hidden(session: Session, now: datetime) -> bool:
    """Return whether *session* is past its retention.

    Its items may be there for days: nobody promises when they are purged. What is
    alive is never hidden.
    """
    if is_live(session) and not is_over(session, now):
        return False
    return session.kept_until is not None and now >= session.kept_until


def is_shown_to(tenant_id: str, session: Session, now: datetime) -> bool:
    """Return whether a tenant may see *session*: it is his, and still kept."""
    return session.tenant_id == tenant_id and not is_hidden(session, now)


def is_in_doubt(session: Session) -> bool:
    """Return whether something of a live session is not known for sure.

    An update or an ending is on its way to Plivo, or its expiry could not be read.
    """
    is_ending = session.status is Status.ENDING
    return is_ending or session.pending is not None or session.presumed


def lease_of(session: Session) -> datetime | None:
    """Return until when somebody may be working on *session* at Plivo."""
    if session.pending and session.status is not Status.ENDING:
        return None if session.pending.released else session.pending.lease_until
    return session.lease_until


def is_leased(session: Session, now: datetime) -> bool:
    """Return whether somebody may still be working on *session* at Plivo."""
    until = lease_of(session)
    return until is not None and now < until


def rest_of_lease(session: Session, now: datetime) -> int:
    """Return the seconds until the lease on *session* has run out, 1 at least."""
    until = lease_of(session) or now
    return max(1, int((until - now).total_seconds()) + 1)


def pause_of(session: Session, now: datetime) -> int:
    """Return in how many seconds to ask again: 1 at first, as long as it took then."""
    until = lease_of(session) or now
    taken = int((now - (until - LEASE)).total_seconds())
    return max(1, min(taken, rest_of_lease(session, now)))


def parties_of(session: Session) -> dict[str, str | None]:
    """Return the numbers of `first` and `second`."""
    return {role: session.settings.get(name) for role, name in PARTY_FIELDS.items()}
