"""Let no two live sessions of one virtual number have an equal PIN.

An unknown caller is told apart by virtual number and PIN alone (plivo-contract 3.2):
with an equal PIN he may be connected to somebody else. Which number a session has is
Plivo's answer, so that its PINs are claimed when it is there. What claims them later
(a session that is matched by the reconciler, or is given another number) tells the app
instead of ending it: somebody may be talking in it. That is the stream's.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from masking.core.errors import StaleStateError
from masking.core.problems import NOT_CREATED, UNKNOWN
from masking.domain import session_changes, transitions
from masking.domain.sessions import CarrierSession, Session
from masking.plivo.errors import CarrierError, PinsInUseError
from masking.storage.pins import Claim

if TYPE_CHECKING:
    from masking.plivo.client import Carrier
    from masking.storage.stores import Stores


def claim(
    session: Session,
    answer: CarrierSession,
    stores: Stores,
    carrier: Carrier,
    key: bytes,
    now: datetime,
) -> None:
    """Claim the PINs of a session that a create has just made; *key* hashes them.

    If another session has one of them, this one is ended at Plivo and its key freed.
    Raises PinsInUseError then, or the CarrierError by which it could not be ended. A
    session that rings a phone at once is let be: somebody may be talking in it.
    """
    pins = session_changes.pins_in({**session.asked, **answer.settings})
    ends = answer.expiry_time or now
    wanted = Claim(session.session_uuid, answer.virtual_number, pins, ends)
    if stores.pins.take_all(wanted, key, now):
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
