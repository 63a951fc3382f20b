"""Show the simulator's state as JSON objects for the control API and the page.

Unlike Plivo's answers, numbers have a `+` here and times are RFC 3339.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from . import media
from .clock import Clock
from .phones import Plan
from .records import Call, Callback, LegRecord, Recording
from .responses import SessionShape
from .rules.model import Session

if TYPE_CHECKING:
    from .simulator import Simulator
    from .store import LedgerEntry, Number, Received

View = dict[str, Any]


def e164(digits: str) -> str | None:
    """Return digits with a `+`, a SIP address as it is, None for no number."""
    return f"+{digits}" if digits.isdigit() else digits or None


def rfc3339(moment: datetime | None) -> str | None:
    """Return *moment* as RFC 3339 with milliseconds."""
    return moment.isoformat(timespec="milliseconds") if moment else None


def session_view(simulator: Simulator, session: Session) -> View:
    """Show a session: Plivo's view of it, and the simulator's own."""
    store, now = simulator.store, simulator.clock.now()
    shape = SessionShape(store, simulator.switches, simulator.origin, now)
    return {
        "session_uuid": session.session_uuid,
        "account": session.account,
        "first_party": e164(session.first_party),
        "second_party": e164(session.second_party),
        "virtual_number": e164(session.virtual_number),
        "status": shape.status(session),
        "created_time": rfc3339(session.created_time),
        "expiry_time": rfc3339(session.expiry_time),
        "number_held_until": rfc3339(session.holds_number_until()),
        "last_caller": e164(session.last_caller),
        "calls": list(session.calls),
        "session": shape.document(session),
    }


def call_view(simulator: Simulator, call: Call) -> View:
    """Show a call with its legs, its recording and the callbacks it caused."""
    recording = simulator.store.recordings.get(call.recording_id)
    callbacks = simulator.store.callbacks_of.get(call.call_uuid, [])
    return {
        "call_uuid": call.call_uuid,
        "session_uuid": call.session_uuid or None,
        "direction": call.direction,
        "from": e164(call.caller),
        "to": e164(call.virtual_number),
        "virtual_number": e164(call.virtual_number),
        "state": "ended" if call.ended_at else _state(call),
        "outcome": call.outcome,
        **_now(simulator, call),
        "started_at": rfc3339(call.started_at),
        "ended_at": rfc3339(call.ended_at),
        "duration": call.duration,
        "billed_duration": call.bill.seconds,
        "amount": str(call.bill.amount),
        "parent_call_uuid": call.parent_call_uuid or None,
        "legs": [_leg_view(simulator, leg, call) for leg in call.every_leg],
        "recording": recording_view(simulator, recording) if recording else None,
        "history": call.history,
        "callbacks": [callback_view(callback) for callback in callbacks],
    }


def callback_view(callback: Callback) -> View:
    """Show a callback with every attempt to deliver it."""
    return {
        "callback_id": callback.callback_id,
        "channel": callback.channel,
        "event": callback.event,
        "session_uuid": callback.session_uuid,
        "call_uuid": callback.call_uuid or None,
        "message_uuid": callback.message_uuid or None,
        "method": callback.method,
        "url": callback.url,
        "attributes": callback.attributes,
        "created_at": rfc3339(callback.created_at),
        "state": callback.state,
        "status": callback.status,
        "fault": callback.fault or None,
        "copy_of": callback.copy_of or None,
        "attempts": [
            {
                "at": rfc3339(attempt.at),
                "status": attempt.status,
                "error": attempt.error or None,
                "seconds": attempt.seconds,
            }
            for attempt in callback.attempts
        ],
    }


def recording_view(simulator: Simulator, recording: Recording) -> View:
    """Show a recording and the faults that its file has."""
    return {
        "recording_id": recording.recording_id,
        "session_uuid": recording.session_uuid,
        "call_uuid": recording.call_uuid,
        "format": recording.file_format,
        "url": simulator.reporter.media_url(recording),
        "milliseconds": recording.milliseconds,
        "started_at": rfc3339(recording.started_at),
        "ended_at": rfc3339(recording.ended_at),
        "available_at": rfc3339(recording.available_at),
        "troubles": recording.troubles,
        "is_ever_served": media.is_ever_served(recording),
        "fetches": recording.fetches,
        "served_whole": recording.served_whole,
        "deleted": recording.deleted,
    }


def number_view(simulator: Simulator, number: Number) -> View:
    """Show a rented number, its application and the live sessions on it."""
    now = simulator.clock.now()
    sessions = simulator.store.on_number(number.digits)
    application = simulator.store.applications.get(number.app_id)
    return {
        "number": e164(number.digits),
        "country": number.rented.country,
        "account": number.rented.account,
        "app_id": number.app_id or None,
        "answer_url": application.answer_url if application else None,
        "message_url": application.message_url if application else None,
        "voice": number.rented.voice,
        "sms": number.rented.sms,
        "mms": number.rented.mms,
        "number_type": number.rented.number_type,
        "registration": number.registration,
        "campaign_id": number.campaign_id,
        "verification": number.verification,
        "live_sessions": [s.session_uuid for s in sessions if s.is_live(now)],
        "cooling_sessions": [
            s.session_uuid
            for s in sessions
            if not s.is_live(now) and s.holds_number_until() > now
        ],
    }


def ledger_view(entry: LedgerEntry) -> View:
    """Show one request to the masking API and what it changed."""
    return {
        "number": entry.number,
        "at": rfc3339(entry.at),
        "operation": entry.operation,
        "method": entry.method,
        "path": entry.path,
        "query": entry.query,
        "account": entry.account,
        "session_uuid": entry.session_uuid or None,
        "status": entry.status,
        "fault": entry.fault or None,
        "body": entry.body,
        "ignored": entry.ignored,
        "committed": entry.committed,
    }


def _now(simulator: Simulator, call: Call) -> View:
    going_on = simulator.engine.conversation(call)
    if going_on is None:
        return {"waits_for": None, "now_playing": None}
    step = going_on.playing
    playing = asdict(step) if step else None
    return {"waits_for": going_on.waits_for or None, "now_playing": playing}


def _state(call: Call) -> str:
    if call.dialed:
        return "talking" if any(_talks(leg) for leg in call.dialed) else "ringing"
    up = [leg for leg in call.legs.values() if leg.is_up]
    talking = len(call.legs) == 2 and all(leg.answered_at for leg in up)
    return "talking" if talking and up else "ringing"


def _talks(leg: LegRecord) -> bool:
    return leg.is_up and bool(leg.heard) and leg.heard[-1].what == "talk"


def _leg_view(simulator: Simulator, leg: LegRecord, call: Call) -> View:
    talk = simulator.engine.voice_call(call)
    return {
        "asked": talk.is_asked(leg) if talk else None,
        "leg": leg.leg,
        "call_uuid": leg.call_uuid,
        "number": e164(leg.number),
        "caller_id": e164(leg.caller_id or call.virtual_number),
        "caller_name": leg.caller_name or None,
        "heard": [
            {
                "at": rfc3339(heard.at),
                "until": rfc3339(heard.until),
                "what": heard.what,
                "detail": heard.detail or None,
            }
            for heard in leg.heard
        ],
        "status": leg.status,
        "started_at": rfc3339(leg.started_at),
        "answered_at": rfc3339(leg.answered_at),
        "ended_at": rfc3339(leg.ended_at),
        "ended_by": leg.ended_by or None,
        "duration": leg.duration,
        "billed_duration": leg.bill.seconds,
        "amount": str(leg.bill.amount),
        "hangup_cause": leg.cause.name if leg.cause else None,
        "hangup_cause_code": leg.cause.code if leg.cause else None,
    }


def clock_view(clock: Clock) -> View:
    """Show the simulated time and how fast it passes."""
    return {"now": rfc3339(clock.now()), "speed": clock.speed}


def plan_view(plan: Plan) -> View:
    """Show how a phone behaves."""
    return asdict(plan)


def received_view(received: Received) -> View:
    """Show a request that came to the inbox."""
    return {**asdict(received), "at": rfc3339(received.at)}
