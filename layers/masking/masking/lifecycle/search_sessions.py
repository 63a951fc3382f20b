"""Find sessions: newest first, page by page, at a cost that doesn't grow with them.

A page comes from the narrowest listing there is (a label's, a party's, the tenant's);
what changes in a session's life is filtered after the read. At most 200 candidates are
read for a page, so that it may be short: the cursor says whether there is more.
Of those that are skipped without a filter only keys are read.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from masking.api import session_views
from masking.api.session_pages import SessionPage
from masking.core import amounts, callers, key_space, numbers, times
from masking.core.problems import InvalidRequestError
from masking.domain import carrier_answers, sessions
from masking.storage import session_items

if TYPE_CHECKING:
    from masking.api.search_requests import Search
    from masking.core.times import Clock
    from masking.domain.sessions import Session
    from masking.storage.session_items import Listing
    from masking.storage.stores import Stores


CREATED_KEY = re.compile(
    r"(?P<key>\d{4}-\d\d-\d\dT[0-9:.]{15}Z#[0-9a-f-]{36})(\+(?P<skip>[0-9]{1,4}))?",
    re.ASCII,
)

# Sorts after every key that begins with the same time.
AFTER_ALL = "~"


@dataclass(frozen=True)
class SearchSessions:
    """Finds sessions; *number_key* is the key that numbers are hashed with.

    One request reads *most_candidates* at most, *most_at_once* at a time.
    """

    stores: Stores
    number_key: bytes
    now: Clock
    most_candidates: int = 200
    most_at_once: int = 100

    def find(self, search: Search, *, tenant_id: str) -> SessionPage:
        """Return a page of the tenant's sessions that *search* asks for.

        Raises InvalidRequestError for a window or a cursor that breaks the rules.
        """
        now = self.now()
        first, last = search.window(now)
        place = _place_of(search, tenant_id, self.number_key)
        at_most, skip = times.stamp(last) + AFTER_ALL, search.offset
        if search.cursor:
            at_most, skip = _place_in(search.cursor)
        at_least = times.stamp(first)
        if at_most < at_least:
            # DynamoDB refuses a range that ends before it begins.
            return SessionPage((), None)
        if skip and search.takes_all:
            # Without filters keys can be counted, which costs no sessions.
            keys = self.stores.links.list_keys(
                place, at_most=at_most, at_least=at_least, most=skip
            )
            if len(keys) < skip:
                return SessionPage((), None)
            at_most, skip = keys[-1], 0
        found: list[Session] = []
        candidates = 0
        while candidates < self.most_candidates:
            want = search.limit if search.takes_all else self.most_at_once
            want = min(want, self.most_candidates - candidates)
            # One more tells whether there is more; and *at_most* itself may be listed.
            listed = self.stores.links.list_keys(
                place, at_most=at_most, at_least=at_least, most=want + 2
            )
            keys = [key for key in listed if key != at_most]
            page, more = keys[:want], len(keys) > want
            states = {
                s.session_uuid: s
                for s in self.stores.sessions.load_states(_uuids_in(page))
            }
            for key in page:
                at_most = key
                candidates += 1
                session = states.get(_uuid_in(key))
                if session and _fits(session, search, tenant_id, now):
                    found += [session] if not skip else []
                    skip = max(0, skip - 1)
                if len(found) == search.limit:
                    more = more or key != page[-1]
                    return SessionPage(tuple(found), _cursor(key) if more else None)
            if not more:
                return SessionPage(tuple(found), None)
        return SessionPage(tuple(found), _cursor(at_most, skip))

    def is_party(self, text: str, *, tenant_id: str) -> bool:
        """Return whether digits alone are a party's number; any other text is not.

        Costs half a read unit, for digits that may be a number.
        """
        number = callers.writing_of(text).number
        if number is None:
            return False
        place = _place_of_party(number, tenant_id, self.number_key)
        listed = self.stores.links.list_keys(
            place, at_least="0", at_most=AFTER_ALL, most=1
        )
        return bool(listed)


def _place_of_party(number: str, tenant_id: str, number_key: bytes) -> Listing:
    hashed = numbers.hashed(number_key, number)
    return session_items.Listing(key_space.party_key(tenant_id, hashed))


def _place_of(search: Search, tenant_id: str, number_key: bytes) -> Listing:
    """Choose the listing with the fewest candidates."""
    if search.labels:
        label, value = next(iter(search.labels.items()))
        return session_items.Listing(key_space.label_key(tenant_id, label, value))
    for number in (search.first_party, search.second_party, search.either_party):
        if number:
            return _place_of_party(number, tenant_id, number_key)
    return session_items.listing_of_tenant(tenant_id)


def _fits(session: Session, search: Search, tenant_id: str, now: datetime) -> bool:
    settings = session.settings
    if not sessions.is_shown_to(tenant_id, session, now):
        return False
    if any(session.labels.get(name) != value for name, value in search.labels.items()):
        # Also if the session had the label once and its link is not gone yet.
        return False
    wanted = [
        (session.virtual_number, search.virtual_number),
        (settings.get("subaccount"), search.subaccount),
    ]
    if not (session.erased_at and _is_by_one_party(search)):
        wanted += [
            (settings.get("first_party"), search.first_party),
            (settings.get("second_party"), search.second_party),
        ]
        if search.either_party not in (None, *map(settings.get, sessions.PARTIES)):
            return False
    if any(want is not None and has != want for has, want in wanted):
        return False
    return search.fits(
        status=session_views.status_of(session, now),
        created_time=session.created_time,
        expiry_time=carrier_answers.shown_expiry(session),
        duration=settings.get("duration"),
    )


def _is_by_one_party(search: Search) -> bool:
    """Return whether the listing itself is that of the one party asked for."""
    asked = (search.first_party, search.second_party, search.either_party)
    return not search.labels and asked.count(None) == 2


def _uuid_in(key: str) -> str:
    return key.partition("#")[2]


def _uuids_in(keys: list[str]) -> list[str]:
    return [_uuid_in(key) for key in keys]


def _cursor(key: str, skip: int = 0) -> str:
    """Return the cursor of what follows *key*, of which *skip* are left out."""
    key = f"{key}+{skip}" if skip else key
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _place_in(cursor: str) -> tuple[str, int]:
    """Return the key that was shown last, and how many are to be left out."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        key = ""
    match = CREATED_KEY.fullmatch(key)
    if not match:
        rule = "must be the cursor of an earlier page"
        violation = {"field": "cursor", "rule": rule, "sent": None}
        raise InvalidRequestError(violations=[violation])
    return match["key"], amounts.digits(match["skip"] or "") or 0
