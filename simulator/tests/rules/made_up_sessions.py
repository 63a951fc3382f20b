"""Make sessions for tests of the rules: readable people, numbers and times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from plivo_simulator.account import AUTH_ID
from plivo_simulator.rules.model import Session, Terms

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ALICE, BOB, CAROL, DAVE = "12025550100", "12025550101", "12025550102", "12025550103"
STRANGER = "12025550109"
NUMBER = "12025550180"
PROMPT = "https://audio.example/prompt.wav"
WRONG = "https://audio.example/wrong.wav"


def session(
    first: str = ALICE, second: str = BOB, *, minute: int = 0, **terms: Any
) -> Session:
    """Return a session of an hour that began *minute* minutes after noon."""
    created = NOON + timedelta(minutes=minute)
    return Session(
        session_uuid=f"session-{first[-2:]}-{second[-2:]}-{minute}",
        account=AUTH_ID,
        first_party=first,
        second_party=second,
        virtual_number=NUMBER,
        created_time=created,
        modified_time=created,
        expiry_time=created + timedelta(hours=1),
        duration=3600,
        terms=Terms(**terms),
    )


def with_pin(
    first: str = ALICE, second: str = BOB, *, minute: int = 0, **terms: Any
) -> Session:
    """Return a session whose parties have the PINs 1111 and 2222."""
    pins = {
        "is_pin_authentication_required": True,
        "first_party_pin": "1111",
        "second_party_pin": "2222",
        "pin_prompt_play": PROMPT,
        "incorrect_pin_play": WRONG,
    }
    return session(first, second, minute=minute, **{**pins, **terms})


def one_party(first: str = ALICE, second: str = "", **terms: Any) -> Session:
    """Return a single-party session."""
    return session(first, second, create_session_with_single_party=True, **terms)
