"""Count PINs that are guessed over many calls, by virtual number, caller and day.

Plivo lets a caller try a few times in one call, and call again. Each callback with a
wrong PIN is counted once, however often it is seen, under a keyed hash of both numbers.
Callers who hide are many people: they are counted by session. As many as the threshold
in one day (UTC) are one event.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from masking.core import callers, key_space, numbers, telemetry, times
from masking.core.key_space import Item
from masking.domain import bus_events, plivo_events, sessions
from masking.domain.bus_events import Event
from masking.domain.sessions import NAMESPACE, Session

if TYPE_CHECKING:
    from masking.storage.stores import Stores


FAILED = "pin.failed"
GUESSING = "pin.guessing"

# Of a callback's hash; enough to tell those of a day apart.
DIGITS = 16


def after_callback(
    stores: Stores, number_key: bytes, threshold: int, item: Item, session: Session
) -> Event | None:
    """Count a callback with a wrong PIN; return the event of guessing, if it is one.

    Costs one write for such a callback and nothing for any other. Once the threshold
    is reached no further callback of that day is counted.
    """
    attributes = key_space.attributes_of(item)
    if plivo_events.type_of(attributes) != FAILED:
        return None
    parties = sessions.parties_of(session)
    told = attributes.get("From")
    pair = numbers.hashed(number_key, _pair(told, parties, session))
    key = key_space.guess_key(session.tenant_id, pair)
    received = times.parse_stamp(item["received_at"])
    digest = key_space.name_of(item)[:DIGITS]
    failures = stores.callbacks.count_wrong_pin(key, received, digest, most=threshold)
    if failures < threshold:
        return None
    telemetry.count("PinGuessing")
    return Event(
        type=GUESSING,
        id=str(uuid.uuid5(NAMESPACE, f"{key}/{received.date()}/{GUESSING}")),
        occurred_at=item["received_at"],
        session_uuid=session.session_uuid,
        tenant_id=session.tenant_id,
        data={
            "version": session.version,
            "labels": dict(session.labels),
            "virtual_number": session.virtual_number,
            "from": plivo_events.role_of(told, parties),
            "failures": failures,
        },
        webhook=bus_events.webhook_of(GUESSING, session),
    )


def _pair(told: str | None, parties: Mapping[str, str | None], session: Session) -> str:
    """Return the virtual number and its caller, however the caller is written."""
    writing = callers.writing_of(told)
    if writing.kind in (callers.Kind.NOT_TOLD, callers.Kind.HIDDEN):
        return f"{session.virtual_number} {session.session_uuid}"
    same = (each for each in parties.values() if callers.is_same(writing, each))
    # Of what digits may be, the number of the same country.
    names = callers.names_of(writing, near=[session.virtual_number])
    return f"{session.virtual_number} {next(same, None) or names[-1]}"
