"""A session's history and its calls, as they are shown: no number of a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from masking import events, fold
from masking.calls import Call
from masking.fold import Snapshot, Story
from masking.history import EARLIEST, Happening
from masking.items import Item, name_of
from masking.sessions import Session
from masking.views import time_view

PARTIES = {"first": "first_party", "second": "second_party"}


def parties_of(session: Session) -> dict[str, str | None]:
    """Give the numbers of `first` and `second`."""
    return {role: session.settings.get(name) for role, name in PARTIES.items()}


def story_of(callbacks: Iterable[Item], session: Session) -> Story:
    """Fold the callbacks of a session as the table has them with Plivo's last word.

    *session* comes with the calls of its newest snapshot, if there is one; they are
    final while the session is settled.
    """
    happenings = (Happening(name_of(item), item["attributes"]) for item in callbacks)
    is_final = session.settled is not None and session.settle_at is None
    said = Snapshot(EARLIEST, interactions=session.calls, final=is_final)
    return fold.fold(happenings, parties_of(session), snapshots=[said])


def call_view(call: Call) -> dict[str, Any]:
    """Give a call as JSON values: times in RFC 3339, the amount as a string.

    Its ordinal is provisional until its certainty is `settled`.
    """
    return {
        "ordinal": call.ordinal,
        "certainty": call.certainty,
        "caller": call.caller,
        "callee": call.callee,
        "outcome": call.outcome,
        "started_at": time_view(call.started_at),
        "answered_at": time_view(call.answered_at),
        "ended_at": time_view(call.ended_at),
        "ring_seconds": call.ring_seconds,
        "talk_seconds": call.talk_seconds,
        "pin": {"outcome": call.pin.outcome, "tries": call.pin.tries}
        if call.pin
        else None,
        "hung_up_by": call.hung_up_by,
        "hangup_cause": call.hangup_cause,
        "hangup_code": call.hangup_code,
        "hangup_meaning": call.hangup_meaning,
        "billed_seconds": call.billed_seconds,
        "amount": None if call.amount is None else str(call.amount),
        "recordings": list(call.recordings),
    }


def event_view(
    happening: Happening, item: Item, story: Story, parties: Mapping[str, str | None]
) -> dict[str, Any]:
    """Give one callback of a history; numbers of people are roles, or masked."""
    attributes = happening.attributes
    call = story.call_of(happening.digest)
    known = happening.at if happening.at > EARLIEST else None
    return {
        "event_id": happening.digest,
        "name": happening.name,
        "type": events.type_of(attributes),
        "occurred_at": time_view(known),
        "received_at": item["received_at"],
        "sequence_number": happening.sequence,
        "from": events.role_of(attributes.get("From"), parties),
        "to": events.role_of(attributes.get("To"), parties),
        "call": call.ordinal if call else None,
        "attributes": events.shown(attributes),
        "came": item.get("came", {}),
    }
