"""Find at Plivo what a create of unknown outcome made.

Every session of ours at Plivo carries our UUID and the attempt in its callback URL,
sealed by a token. So a listing of the pair around that time shows which are ours. A
callback that came in on our path does so as well: its body holds Plivo's UUID.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from masking.domain.sessions import CarrierSession, Session
from masking.plivo import callback_urls
from masking.plivo.errors import CarrierSessionMissingError
from masking.storage.timelines import callback_event_from

if TYPE_CHECKING:
    from masking.plivo.client import Carrier
    from masking.storage.stores import Stores


# Plivo's clock and ours may differ.
CLOCK_SKEW = timedelta(minutes=5)

# Plivo refuses longer spans.
LONGEST_SPAN = timedelta(days=29)

# At most this many sessions that only callbacks named are fetched.
MOST_NAMED = 10


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
    ours = [s for s in candidates if s.session_uuid in attempts]
    live = [s for s in ours if s.status != "expired"]
    confirmed = [s for s in ours if s.session_uuid == session.carrier_session_uuid]
    match = max(
        confirmed or live or ours,
        key=lambda s: attempts[s.session_uuid],
        default=None,
    )
    kept = session.carrier_session_uuid or (match.session_uuid if match else None)
    orphans = tuple(s for s in live if s.session_uuid != kept)
    return Found(match, orphans, complete, tuple(ours))


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
    return callback_urls.attempt_in(candidate.callback_url, key, session.session_uuid)
