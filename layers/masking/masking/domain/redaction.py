"""Redact a session of which a person is erased.

What stays is named here and all else goes, so that an attribute that nobody thought of
goes as well. What stays is accounting: times, durations, amounts, causes, and who it
was as a role. The request is not redacted but deleted.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from masking.domain import plivo_events
from masking.domain.sessions import Session

# Of what Plivo answered: how long, how much, when last.
ACCOUNTING = frozenset(
    {
        "duration",
        "amount",
        "total_call_amount",
        "total_call_count",
        "total_call_billed_duration",
        "total_session_amount",
        "last_interaction_time",
    }
)

# Of a call and of its legs in Plivo's own records.
CALL = frozenset(
    {
        "start_time",
        "end_time",
        "type",
        "first_party_status",
        "second_party_status",
        "total_call_count",
        "total_call_amount",
        "call_billed_duration",
        "duration",
    }
)
LEGS = ("first_party_leg", "second_party_leg")
LEG = frozenset(
    {
        "answer_time",
        "end_time",
        "duration",
        "billed_duration",
        "amount",
        "hangup_cause",
        "hangup_cause_code",
        "hangup_source",
    }
)


def redacted_session(known: Session, now: datetime) -> Session:
    """Return the next state of a session that is over: nothing of a person is in it.

    The hash of the request goes too: whoever guesses the numbers can make it again.
    """
    kept = {k: v for k, v in known.answered.items() if k in ACCOUNTING}
    return replace(
        known,
        version=known.version + 1,
        erased_at=now,
        request_hash="",
        answered=kept,
        pending=None,
        doubted=False,
        repaired=None,
        calls=(),
        asked={},
        labels={},
    )


def redacted_attributes(
    known: Mapping[str, str], parties: Mapping[str, str | None] | None = None
) -> dict[str, str]:
    """Return what is left of a callback's attributes.

    Numbers become roles by *parties*; without them, they are left out. Of the
    address of a recording its name at Plivo is kept, by which it can be deleted.
    """
    kept = {
        name: value
        for name, value in known.items()
        if name in plivo_events.NOT_PERSONAL
    }
    readers = {"From": plivo_events.role_of, "To": plivo_events.callee_role_of}
    for name, role_of in readers.items():
        role = role_of(known.get(name), parties) if parties is not None else None
        if role:
            kept[name] = role
    named = plivo_events.uuid_in_url(known.get("RecordingResourceURL"))
    if named:
        kept["RecordingResourceURL"] = named
    return kept


def redacted_digest(key: bytes, known: str) -> str:
    """Return the name of a redacted callback in place of its hash (hex).

    The hash is of all attributes: whoever knows the others can guess a number by it.
    This one takes our *key*, and a repeated callback still gets the same name.
    """
    return hmac.digest(key, known.encode(), "sha256").hex()


def redacted_call(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is left of a call in Plivo's records: no URL, no name of a leg."""
    kept: dict[str, Any] = {k: v for k, v in known.items() if k in CALL}
    for name in LEGS:
        if name in known:
            kept[name] = {k: v for k, v in known[name].items() if k in LEG}
    return kept
