"""Sessions with PINs at a virtual number, confirmed in one way or another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from masking.core.times import Clock
from masking.domain import transitions
from masking.domain.sessions import CarrierSession, Session
from masking.storage.pins import Claim
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.payloads import PAIR
from tests.support.sessions_there import reserved, stored

NUMBER, OTHER_NUMBER = "+12025550180", "+12025550181"
PINS = {"first_party_pin": "1234", "second_party_pin": "5678"}
WITH_PINS = {
    **PINS,
    "is_pin_authentication_required": True,
    "pin_prompt_play": "https://app.example.com/prompt.mp3",
    "callback_url": "https://app.example.com/events",
}


def confirmed(
    stores: Stores,
    clock: Clock,
    number: str,
    carrier_uuid: str,
    change: Callable[[Session], Session] = lambda session: session,
    **body: Any,
) -> Session:
    """Confirm a session with PINs, as whatever *change* says it was confirmed by."""
    session = reserved(stores, clock, **{**WITH_PINS, **body})
    answer = CarrierSession(
        session_uuid=carrier_uuid,
        virtual_number=number,
        status="active",
        created_time=clock(),
        modified_time=clock(),
        expiry_time=clock() + timedelta(hours=1),
        duration=3600,
        callback_url="",
        settings={**PAIR, **PINS},
    )
    after = change(transitions.confirm(session, answer, 1))
    stores.sessions.replace(session, after)
    return stored(stores, after)


def claims(services: Services, session: Session, clock: Clock) -> bool:
    """Claim a session's PINs; return whether they are its own then."""
    claim = Claim(
        session.session_uuid, NUMBER, tuple(PINS.values()), clock() + timedelta(hours=1)
    )
    return services.stores.pins.take_all(claim, services.callback_key, clock())
