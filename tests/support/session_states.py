"""Sessions in the states that tests begin with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from masking.domain import transitions
from masking.domain.sessions import CarrierSession, Session

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SESSION = "0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f"
AT_PLIVO = "7d1f0f3e-2b1c-4d7b-8a51-2f6e5c4b3a29"
ASKED = {
    "first_party": "+12025550100",
    "second_party": "+12025550101",
    "session_expiry": 3600,
    "call_time_limit": 3600,
    "record": False,
}


def reserved(**asked: Any) -> Session:
    """Return a session that has just been reserved."""
    return transitions.reserve(
        session_uuid=SESSION,
        tenant_id="acme",
        asked={**ASKED, **asked},
        labels={"order": "A-17"},
        base_url="https://masks.example.com",
        now=NOW,
    )


def answered(**changes: Any) -> CarrierSession:
    """Return a session as Plivo answers it."""
    answer = CarrierSession(
        session_uuid=AT_PLIVO,
        virtual_number="+12025550180",
        status="active",
        created_time=NOW,
        modified_time=NOW,
        expiry_time=NOW + timedelta(hours=1),
        duration=3600,
        callback_url="",
        settings={"first_party": "+12025550100", "call_time_limit": 3600},
        totals={"duration": 3600},
    )
    return replace(answer, **changes)


def active(**changes: Any) -> Session:
    """Return a session that Plivo has confirmed."""
    return replace(transitions.confirm(reserved(), answered(), 1), **changes)
