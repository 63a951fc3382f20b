"""Find at Plivo what a create of unknown outcome made.

Every session of ours at Plivo carries our UUID and the attempt in its callback URL,
sealed by a token. So a listing of the pair around that time shows which are ours. A
callback that came in on our path does so as well: its body holds Plivo's UUID.

Plivo may not echo that URL as it was sent. Then other marks decide: whom it connects,
when it was created, and that no other session of ours holds it. What they leave open is
not known, and never "not created".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING

from masking.core.key_space import LINK, carrier_key
from masking.core.problems import UNKNOWN
from masking.domain import sessions
from masking.domain.sessions import PARTIES, CarrierSession, Session
from masking.plivo import callback_urls
from masking.plivo.errors import (
    CarrierAnswerInvalidError,
    CarrierSessionMissingError,
)
from masking.storage.timelines import callback_event_from

if TYPE_CHECKING:
    from masking.plivo.client import Carrier
    from masking.storage.stores import Stores


# Plivo's clock and ours may differ.
CLOCK_SKEW = timedelta(minutes=5)

# What Plivo has made for us is created at most this far from when we asked.
CLOSE = timedelta(minutes=1)

# Plivo refuses longer spans.
LONGEST_SPAN = timedelta(days=29)

# At most this many sessions that only callbacks named are fetched.
MOST_NAMED = 10


class Whose(Enum):
    """Whose a session at Plivo is."""

    OURS = auto()
    OTHERS = auto()
    UNKNOWN = auto()


@dataclass(frozen=True)
class Found:
    """Sessions at Plivo that carry our UUID.

    *match* is the one to keep, *orphans* are the other live ones, *all_of_ours* are
    these and those that have ended. Only if the search
    was *complete* does a missing match mean that there is none.
    """

    match: CarrierSession | None
    orphans: tuple[CarrierSession, ...]
    complete: bool
    all_of_ours: tuple[CarrierSession, ...] = ()


def find(
    session: Session, carrier: Carrier, stores: Stores, key: bytes, now: datetime
) -> Found:
    """Look for *session* in Plivo's listing of its pair and in its callbacks.

    The match is the session that is confirmed already, else the live one of the
    latest attempt. Raises CarrierError.
    """
    if not session.asked and not session.erased_at:
        # Plivo is asked only after the request has been written.
        return Found(None, (), complete=True)
    listed, complete = _listed(session, carrier, now)
    known = {candidate.session_uuid for candidate in listed}
    events = map(callback_event_from, stores.callbacks.of_session(session.session_uuid))
    named = {uuid for each in events if (uuid := each.carrier_session_uuid)} - known
    candidates = [*listed, *_fetched(named, carrier)]
    attempts = {
        candidate.session_uuid: attempt
        for candidate in candidates
        if (attempt := _attempt_in(candidate, key, session))
    }
    rest = [each for each in candidates if each.session_uuid not in attempts]
    judged = [(each, whose(each, session, stores, key, now)) for each in rest]
    marked = [each for each, verdict in judged if verdict is Whose.OURS]
    complete = complete and Whose.UNKNOWN not in [verdict for _, verdict in judged]
    # By these marks there can be one for each attempt, the latest created the latest.
    marked.sort(key=_creation_of, reverse=True)
    left = session.attempt - len(set(attempts.values()))
    attempts |= {each.session_uuid: 0 for each in marked[: max(0, left)]}
    ours = [s for s in candidates if s.session_uuid in attempts]
    live = [s for s in ours if s.status != "expired"]
    confirmed = [s for s in ours if s.session_uuid == session.carrier_session_uuid]
    match = max(
        confirmed or live or ours,
        key=lambda s: (attempts[s.session_uuid], _creation_of(s)),
        default=None,
    )
    kept = session.carrier_session_uuid or (match.session_uuid if match else None)
    orphans = tuple(s for s in live if s.session_uuid != kept)
    return Found(match, orphans, complete, tuple(ours))


def whose(
    candidate: CarrierSession,
    session: Session,
    stores: Stores,
    key: bytes,
    now: datetime,
) -> Whose:
    """Judge by all its marks whether a create of *session* made a session at Plivo."""
    if candidate.session_uuid == session.carrier_session_uuid:
        return Whose.OURS
    if _attempt_in(candidate, key, session):
        return Whose.OURS
    url = candidate.callback_url
    if not callback_urls.tells_nothing(url, session.session_uuid):
        return Whose.OTHERS
    for party in PARTIES:
        given, there = session.asked.get(party), candidate.settings.get(party)
        if given and there and given != there:
            return Whose.OTHERS
    if stores.links.has(carrier_key(candidate.session_uuid), LINK):
        return Whose.OTHERS
    created = candidate.created_time
    if created is None:
        return Whose.UNKNOWN
    if session.reserved_at - CLOSE <= created <= now + CLOSE:
        return Whose.OURS
    if session.reserved_at - CLOCK_SKEW <= created <= now + CLOCK_SKEW:
        return Whose.UNKNOWN
    return Whose.OTHERS


def is_ours(
    answer: CarrierSession, session: Session, stores: Stores, key: bytes, now: datetime
) -> bool:
    """Return whether a create was answered with what it made, not with another's.

    Raises CarrierError if nobody can tell.
    """
    verdict = whose(answer, session, stores, key, now)
    if verdict is Whose.UNKNOWN:
        raise CarrierAnswerInvalidError(
            "Plivo answered with a session that may be another's.",
            carrier_status=201,
            retry_after=sessions.rest_of_lease(session, now),
            outcome=UNKNOWN,
            session_uuid=session.session_uuid,
        )
    return verdict is Whose.OURS


def _creation_of(candidate: CarrierSession) -> float:
    return candidate.created_time.timestamp() if candidate.created_time else 0.0


def _listed(
    session: Session, carrier: Carrier, now: datetime
) -> tuple[tuple[CarrierSession, ...], bool]:
    """List the pair at Plivo; of an erased session nobody knows the pair."""
    if session.erased_at:
        return (), True
    listing = carrier.listing(
        first_party=session.asked.get("first_party"),
        second_party=session.asked.get("second_party"),
        created_from=max(session.reserved_at - CLOCK_SKEW, now - LONGEST_SPAN),
        created_to=now + CLOCK_SKEW,
    )
    return listing.sessions, listing.complete


def _fetched(named: set[str], carrier: Carrier) -> Iterator[CarrierSession]:
    for carrier_session_uuid in sorted(named)[:MOST_NAMED]:
        try:
            yield carrier.get(carrier_session_uuid)
        except CarrierSessionMissingError:
            continue


def _attempt_in(candidate: CarrierSession, key: bytes, session: Session) -> int | None:
    for url in (candidate.callback_url, candidate.recording_callback_url):
        attempt = callback_urls.attempt_in(url, key, session.session_uuid)
        if attempt:
            return attempt
    return None
