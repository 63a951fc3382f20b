"""Find at Plivo what a create of unknown outcome made.

Every session of ours at Plivo carries our UUID and the attempt in its callback URL,
sealed by a token, so that a listing of the pair around that time tells which are ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from masking import callbacks
from masking.errors import CarrierSessionMissingError
from masking.items import Item
from masking.sessions import CarrierSession, Session

if TYPE_CHECKING:
    from masking.carrier import Carrier

# Plivo's clock and ours may differ.
CLOCK_SKEW = timedelta(minutes=5)

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

# Plivo refuses longer spans.
LONGEST_SPAN = timedelta(days=29)


@dataclass(frozen=True)
class Found:
    """Sessions at Plivo that carry our UUID.

    *keeper* is the one to adopt, *orphans* are the other live ones. Only if the
    listing was *complete* does the lack of a keeper mean that there is none.
    """

    keeper: CarrierSession | None
    orphans: tuple[CarrierSession, ...]
    complete: bool


def find(
    session: Session,
    carrier: Carrier,
    key: bytes,
    now: datetime,
    callbacks_of: Callable[[str], Iterable[Item]] = lambda _: (),
) -> Found:
    """Look for *session* in Plivo's listing of its pair. Raises CarrierError.

    A callback that came on our path adopts as the listing does: *callbacks_of* gives
    those that are kept of a session, and each names Plivo's.
    """
    listing = carrier.listing(
        first_party=session.settings.get("first_party"),
        second_party=session.settings.get("second_party"),
        created_from=max(session.reserved_at - CLOCK_SKEW, now - LONGEST_SPAN),
        created_to=now + CLOCK_SKEW,
    )
    listed = {candidate.session_uuid for candidate in listing.sessions}
    told = _told_by(callbacks_of(session.session_uuid)) - listed
    candidates = [*listing.sessions, *_fetched(sorted(told), carrier)]
    attempts = {
        candidate.session_uuid: attempt
        for candidate in candidates
        if (attempt := _attempt_in(candidate, key, session))
    }
    ours = [s for s in candidates if s.session_uuid in attempts]
    live = [s for s in ours if s.status != "expired"]
    keeper = max(live or ours, key=lambda s: attempts[s.session_uuid], default=None)
    orphans = tuple(candidate for candidate in live if candidate is not keeper)
    return Found(keeper, orphans, listing.complete)


def _told_by(kept: Iterable[Item]) -> set[str]:
    """Give Plivo's sessions that callbacks name."""
    named = (item["attributes"].get("SessionUUID", "") for item in kept)
    return {name for name in named if UUID.fullmatch(name)}


def _fetched(names: Iterable[str], carrier: Carrier) -> Iterator[CarrierSession]:
    for name in names:
        with suppress(CarrierSessionMissingError):
            yield carrier.get(name)


def _attempt_in(candidate: CarrierSession, key: bytes, session: Session) -> int | None:
    return callbacks.attempt_in(candidate.callback_url, key, session.session_uuid)
