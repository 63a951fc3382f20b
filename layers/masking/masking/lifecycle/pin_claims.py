"""Let no two live sessions of one virtual number have an equal PIN.

An unknown caller is told apart by virtual number and PIN alone (plivo-contract 3.2):
with an equal PIN he may be connected to somebody else. Which number a session has is
Plivo's answer, so that its PINs are looked at when it is there. Each is claimed by one
conditional write; a claim holds for as long as its session lives, and is taken over
from one that is over.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from masking.core import key_space, numbers
from masking.core.errors import StaleStateError
from masking.core.problems import NOT_CREATED, UNKNOWN
from masking.domain import sessions, transitions
from masking.domain.sessions import CarrierSession, Session, Status
from masking.plivo.errors import CarrierError, PinsInUseError

if TYPE_CHECKING:
    from masking.plivo.client import Carrier
    from masking.storage.stores import Stores

PINS = ("first_party_pin", "second_party_pin")


def claim(
    session: Session,
    answer: CarrierSession,
    stores: Stores,
    carrier: Carrier,
    key: bytes,
    now: datetime,
) -> None:
    """Claim the PINs of a session that Plivo has just made; *key* hashes them.

    If another session has one of them, this one is ended at Plivo and its key freed.
    Raises PinsInUseError then, or the CarrierError by which it could not be ended. A
    session that rings a phone at once is let be: somebody may be talking in it.
    """
    settings = {**session.asked, **answer.settings}
    # In one order, so that of two at once one gets all.
    pins = sorted(settings[name] for name in PINS if settings.get(name))
    places = [
        key_space.pin_key(numbers.hashed(key, f"PIN {answer.virtual_number} {pin}"))
        for pin in pins
    ]
    if all(_take(stores, place, session, answer, now) for place in places):
        return
    if session.asked.get("initiate_call_to_first_party"):
        return
    try:
        carrier.expire(answer.session_uuid)
    except CarrierError as error:
        error.members |= {"outcome": UNKNOWN, "session_uuid": session.session_uuid}
        raise
    with suppress(StaleStateError):
        stores.sessions.replace(session, transitions.fail(session))
    raise PinsInUseError(outcome=NOT_CREATED)


def _take(
    stores: Stores,
    place: str,
    session: Session,
    answer: CarrierSession,
    now: datetime,
) -> bool:
    """Take a PIN unless a live session of the same number has it."""
    ends = answer.expiry_time or now
    if stores.pins.take(place, session.session_uuid, ends):
        return True
    holder = stores.pins.holder(place)
    if holder in (None, session.session_uuid):
        return True
    other = stores.sessions.load(str(holder))
    if other and _holds(other, answer.virtual_number, now):
        return False
    return stores.pins.take(place, session.session_uuid, ends, seen=holder)


def _holds(session: Session, number: str | None, now: datetime) -> bool:
    """Return whether a session that claimed a PIN of *number* can be called there."""
    if session.status is Status.RESERVED:
        return sessions.is_leased(session, now)
    return (
        session.status in (Status.ACTIVE, Status.ENDING)
        and not sessions.is_over(session, now)
        and session.virtual_number == number
    )
