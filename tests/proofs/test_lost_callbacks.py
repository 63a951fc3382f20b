"""Every callback is lost, and yet the API shows in the end what happened at Plivo.

Each session's answer is compared with the simulator's own records, field by
field; they are read from its memory, not through the API that we read.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from masking.api import session_views
from masking.domain.sessions import Session
from plivo_simulator.records import Call, LegRecord
from plivo_simulator.rules.model import Leg
from plivo_simulator.rules.model import Session as AtPlivo
from tests.support.harness import Harness
from tests.support.proof_size import size

PLANS: list[dict[str, Any]] = [
    {"answer": True, "talk_seconds": 75},
    {"answer": True, "talk_seconds": 5, "hangup_by": "callee"},
    {"answer": "busy"},
    {"answer": "rejected"},
    {"answer": "ring"},
    {"answer": True, "ring_seconds": 20, "gives_up_after": 4},
    {"answer": "failed"},
    {"answer": True, "talk_seconds": 3600},
]

CALLS = size(64, 200)
CALLS_EACH = 4


def test_with_every_callback_lost_sessions_still_match_plivos_records(
    harness: Harness,
) -> None:
    harness.ask_simulator("PUT", "faults", {"webhook_dropped": {}})
    made = [
        harness.create(number, record=number % 2 == 0, call_time_limit=600)
        for number in range(CALLS // CALLS_EACH)
    ]
    for turn in range(CALLS_EACH):
        for number, session in enumerate(made):
            harness.call(session, **PLANS[(number + turn) % len(PLANS)])
        harness.advance(minutes=2 if turn < CALLS_EACH - 1 else 1)
    before = harness.count_requests()
    harness.advance(minutes=5)

    harness.run_quarters(4)

    shown = [_shown(harness, session) for session in made]
    true = [_true(harness, session) for session in made]
    assert shown == true
    calls = sum(len(each["interaction"]) for each in true)
    recorded = [c["recording_uuid"] for t in true for c in t["interaction"]]
    wanted = {uuid for uuid in recorded if uuid}
    found = {
        each["recording_uuid"] for each in harness.bus.of_type("recording.announced")
    }
    assert calls >= CALLS * 0.9
    assert found == wanted
    assert len(harness.bus.of_type("session.settled")) == len(made)
    print(
        f"{calls} calls in {len(made)} sessions equal field by field, "
        f"{len(found)} recordings announced, every callback dropped; "
        f"{harness.count_requests() - before} requests to the masking API"
    )


def test_answers_of_the_documented_shape_are_read_alike(
    harness: Harness,
) -> None:
    harness.ask_simulator(
        "PUT", "switches", {"shape": "documented", "modified_time": "ist"}
    )
    session = harness.create()
    harness.call(session, answer=True, talk_seconds=30)
    harness.advance(minutes=11)

    harness.run_quarters(4)

    assert _shown(harness, session) == _true(harness, session)


TOLD = (
    "status",
    "first_party",
    "second_party",
    "virtual_number",
    "created_time",
    "expiry_time",
    "duration",
    "record",
    "call_time_limit",
    "ring_timeout",
    "amount",
    "total_call_amount",
    "total_call_count",
    "total_call_billed_duration",
    "total_session_amount",
    "last_interaction_time",
    "interaction",
    "carrier_session_uuid",
)


def _shown(harness: Harness, session: Session) -> dict[str, Any]:
    view = session_views.session_view(harness.load(session), harness.now())
    return {name: view[name] for name in TOLD}


def _true(harness: Harness, session: Session) -> dict[str, Any]:
    at_plivo = harness.simulator.store.sessions[str(session.carrier_session_uuid)]
    calls = harness.simulator.store.calls_of(at_plivo)
    page = f"/v1/sessions/{session.session_uuid}#/session/interaction"
    cost = sum((call.bill.amount for call in calls), Decimal(0))
    return {
        "status": "expired",
        "first_party": f"+{at_plivo.first_party}",
        "second_party": f"+{at_plivo.second_party}",
        "virtual_number": f"+{at_plivo.virtual_number}",
        "created_time": _time(at_plivo.created_time),
        "expiry_time": _time(at_plivo.expiry_time),
        "duration": at_plivo.duration,
        "record": at_plivo.terms.record,
        "call_time_limit": at_plivo.terms.call_time_limit,
        "ring_timeout": at_plivo.terms.ring_timeout,
        "amount": "0",
        "total_call_amount": _money(cost),
        "total_call_count": sum(call.bill.legs for call in calls),
        "total_call_billed_duration": sum(call.bill.seconds for call in calls),
        "total_session_amount": _money(cost),
        "last_interaction_time": _last(calls),
        "interaction": [
            _true_call(at_plivo, call, f"{page}/{place}")
            for place, call in enumerate(calls)
        ],
        "carrier_session_uuid": at_plivo.session_uuid,
    }


def _true_call(at_plivo: AtPlivo, call: Call, place: str) -> dict[str, Any]:
    legs = [
        _true_leg(name, call.legs[leg])
        for name, leg in (("first", Leg.CALLER), ("second", Leg.CALLEE))
        if leg in call.legs
    ]
    assert call.session_uuid == at_plivo.session_uuid
    last = legs[-1]["outcome"]
    return {
        "start_time": _time(call.started_at),
        "end_time": _time(call.ended_at),
        "outcome": "not_connected" if len(legs) == 1 and last == "answered" else last,
        "duration": call.duration,
        "billed_duration": call.bill.seconds,
        "amount": _money(call.bill.amount),
        "legs": legs,
        "recording_uuid": call.recording_id or None,
        "first_party_resource_url": f"{place}/legs/0",
        "second_party_resource_url": f"{place}/legs/1" if len(legs) > 1 else None,
        "recording_resource_url": f"/v1/recordings/{call.recording_id}"
        if call.recording_id
        else None,
    }


OUTCOMES = {"completed": "answered", "cancel": "cancelled", "no-answer": "no_answer"}
OUTCOMES |= {"timeout": "no_answer", "busy": "busy", "failed": "failed"}


def _true_leg(name: str, leg: LegRecord) -> dict[str, Any]:
    return {
        "party": name,
        "call_uuid": leg.call_uuid,
        "outcome": OUTCOMES[leg.status],
        "answer_time": _time(leg.answered_at),
        "end_time": _time(leg.ended_at),
        "duration": leg.duration,
        "billed_duration": leg.bill.seconds,
        "amount": _money(leg.bill.amount),
        "hangup_cause": leg.cause.name if leg.cause else None,
        "hangup_cause_code": leg.cause.code if leg.cause else None,
        "hangup_source": leg.ended_by or None,
    }


def _last(calls: list[Call]) -> str | None:
    return _time(max((c.ended_at for c in calls if c.ended_at), default=None))


def _money(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _time(at: datetime | None) -> str | None:
    if at is None:
        return None
    return (at.astimezone(UTC) + timedelta(0)).strftime("%Y-%m-%dT%H:%M:%SZ")
