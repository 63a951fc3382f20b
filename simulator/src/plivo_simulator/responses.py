"""Render sessions, calls and recordings in the shapes that Plivo answers with.

Envelopes differ per verb, the top-level virtual number has a `+` and the nested one
has none, times are Go's, and what PIN fields hold without a PIN is a switch.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from .account import country_of
from .records import Call, LegRecord, Recording
from .rules.accounting import SESSION_AMOUNT, rate_per_minute, total
from .rules.model import Leg, Session
from .store import Store
from .switches import Switches
from .time_formats import go_time, mislabeled_go_time, zoned_time

Document = dict[str, Any]


def api_id() -> str:
    """Return a new id for one answer."""
    return str(uuid4())


def error(text: str) -> Document:
    """Return the body of every refusal."""
    return {"api_id": api_id(), "error": text}


def created(document: Document) -> Document:
    """Wrap the answer to a create."""
    return {
        "api_id": api_id(),
        "session_uuid": document["session_uuid"],
        "virtual_number": f"+{document['virtual_number']}",
        "message": "Session created",
        "session": document,
    }


def updated(document: Document) -> Document:
    """Wrap the answer to an update."""
    return {"api_id": api_id(), "message": "Session updated", "session": document}


def deleted() -> Document:
    """Return the answer to a delete."""
    return {"api_id": api_id(), "message": "Session expired"}


def fetched(document: Document) -> Document:
    """Wrap the answer to a get: nested under `response`, unlike create."""
    return {"api_id": api_id(), "response": document}


def listed(documents: list[Document], meta: Document) -> Document:
    """Wrap a page of a list, under `response` as well."""
    return {"api_id": api_id(), "response": {"meta": meta, "objects": documents}}


class SessionShape:
    """Write sessions as the chosen switches have them.

    *origin* is the simulator's own address, used in resource URLs. Calls that ended
    less than *lag* ago are left out: Plivo's totals are eventually consistent.
    """

    def __init__(
        self, store: Store, switches: Switches, origin: str, now: datetime
    ) -> None:
        self._store = store
        self._switches = switches
        self._origin = origin
        self._now = now

    def status(self, session: Session) -> str:
        """Return the status that a reader sees."""
        if not session.is_live(self._now):
            return "expired"
        busy = any(call.ended_at is None for call in self._store.calls_of(session))
        in_progress = busy and self._switches.is_on("in_progress")
        return "in-progress" if in_progress else "active"

    def document(
        self,
        session: Session,
        *,
        rebased: bool = False,
        lag: timedelta = timedelta(0),
    ) -> Document:
        """Return *session* as Plivo's JSON object.

        After an update that moved the expiry (*rebased*), captured answers repeat
        the offset where the zone's name should be.
        """
        terms = session.terms
        zone = "+0000" if rebased else "UTC"
        calls = [
            call
            for call in self._store.calls_of(session)
            if not lag or (call.ended_at and call.ended_at + lag <= self._now)
        ]
        bill = total(call.bill for call in calls)
        last = max((c.ended_at for c in calls if c.ended_at), default=None)
        document: Document = {
            "first_party": session.first_party,
            "second_party": session.second_party,
            "virtual_number": session.virtual_number,
            "status": self.status(session),
            "initiate_call_to_first_party": terms.initiate_call_to_first_party,
            "session_uuid": session.session_uuid,
            "callback_url": terms.callback_url,
            "callback_method": terms.callback_method,
            "created_time": go_time(session.created_time),
            "modified_time": self._modified(session, zone),
            "expiry_time": go_time(session.expiry_time, zone),
            "duration": session.duration,
            "amount": float(SESSION_AMOUNT) or 0,
            "call_time_limit": terms.call_time_limit,
            "ring_timeout": terms.ring_timeout,
            "first_party_play_url": terms.first_party_play_url,
            "second_party_play_url": terms.second_party_play_url,
            "record": terms.record,
            "record_file_format": terms.record_file_format,
            "recording_callback_url": terms.recording_callback_url,
            "recording_callback_method": terms.recording_callback_method,
            "interaction": [self._interaction(call) for call in calls] or None,
            "total_call_amount": float(bill.amount) or 0,
            "total_call_count": bill.legs,
            "total_call_billed_duration": bill.seconds,
            "total_session_amount": float(bill.amount + SESSION_AMOUNT) or 0,
            "last_interaction_time": go_time(last) if last else "",
            "unknown_caller_play": terms.unknown_caller_play,
            **self._pin_fields(session),
            "create_session_with_single_party": (
                True if terms.create_session_with_single_party else None
            ),
            "virtual_number_cooloff_period": terms.virtual_number_cooloff_period,
        }
        if terms.subaccount:
            document["subaccount"] = terms.subaccount
        return self._shaped(document)

    def list_item(self, session: Session, lag: timedelta = timedelta(0)) -> Document:
        """Return *session* as an item of a list: with its resource URI."""
        uri = f"/v1/Account/{session.account}/Masking/Session/{session.session_uuid}/"
        return {**self.document(session, lag=lag), "resource_uri": uri}

    def _modified(self, session: Session, zone: str) -> str:
        if self._switches["modified_time"] == "ist":
            return mislabeled_go_time(session.modified_time)
        return go_time(session.modified_time, zone)

    def _pin_fields(self, session: Session) -> Document:
        terms = session.terms
        fields: Document = {
            "is_pin_authentication_required": True,
            "generate_pin": terms.generate_pin,
            "generate_pin_length": terms.generate_pin_length,
            "first_party_pin": terms.first_party_pin,
            "second_party_pin": terms.second_party_pin,
            "pin_prompt_play": terms.pin_prompt_play,
            "pin_retry": terms.pin_retry,
            "pin_retry_wait": terms.pin_retry_wait,
            "incorrect_pin_play": terms.incorrect_pin_play,
            "force_pin_authentication": terms.force_pin_authentication,
        }
        if terms.is_pin_authentication_required:
            return fields
        absent = self._switches["pin_fields"] == "absent"
        return {} if absent else dict.fromkeys(fields)

    def _shaped(self, document: Document) -> Document:
        if self._switches["shape"] == "captured":
            return document
        for name in (
            "amount",
            "total_call_amount",
            "total_session_amount",
        ):
            document[name] = str(document[name])
        if document.get("pin_retry_wait") is not None:
            document["pin_retry_wait"] = str(document["pin_retry_wait"])
        return {
            "pin_ prompt_play" if name == "pin_prompt_play" else name: value
            for name, value in document.items()
        }

    def _interaction(self, call: Call) -> Document:
        def leg_url(leg: Leg) -> str | None:
            record = call.legs.get(leg)
            return (
                f"{self._origin}/v1/Account/{call.account}/Call/{record.call_uuid}/"
                if record
                else None
            )

        recording = (
            f"{self._origin}/v1/Account/{call.account}/Recording/{call.recording_id}/"
            if call.recording_id
            else None
        )
        document: Document = {
            "start_time": go_time(call.started_at),
            "end_time": go_time(call.ended_at) if call.ended_at else None,
            "first_party_resource_url": leg_url(Leg.CALLER),
            "second_party_resource_url": leg_url(Leg.CALLEE),
            "recording_resource_url": recording,
            "type": "call",
            "total_call_amount": float(call.bill.amount) or 0,
            "call_billed_duration": call.bill.seconds,
            "total_call_count": call.bill.legs,
            "duration": call.duration,
            "first_party_status": _status(call, Leg.CALLER),
            "second_party_status": _status(call, Leg.CALLEE),
        }
        kept = ("first_party_resource_url", "total_call_count", "duration")
        return {k: v for k, v in document.items() if k in kept or v not in (None, 0)}


def _status(call: Call, leg: Leg) -> str | None:
    record = call.legs.get(leg)
    return record.status if record else None


def call_document(call: Call, record: LegRecord) -> Document:
    """Return one leg as Plivo's call detail record."""
    caller = record.leg is Leg.CALLER and call.direction == "inbound"
    ends = (record.number, record.caller_id or call.virtual_number)
    from_number, to_number = ends if caller else reversed(ends)
    cause = record.cause
    rate = rate_per_minute(country_of(record.number))
    dialed = record.leg is Leg.CALLEE
    parent = call.call_uuid if dialed else call.parent_call_uuid or None
    return {
        "api_id": api_id(),
        "call_uuid": record.call_uuid,
        "parent_call_uuid": parent,
        "call_direction": "inbound" if caller else "outbound",
        "call_state": "ANSWER" if record.answered_at else record.status.upper(),
        "from_number": from_number,
        "to_number": to_number,
        "initiation_time": zoned_time(record.started_at),
        "answer_time": zoned_time(record.answered_at),
        "end_time": zoned_time(record.ended_at),
        "call_duration": record.duration,
        "bill_duration": record.duration,
        "billed_duration": record.bill.seconds,
        "total_rate": f"{rate:.5f}",
        "total_amount": f"{record.bill.amount:.5f}",
        "hangup_cause_code": cause.code if cause else None,
        "hangup_cause_name": cause.name if cause else None,
        "hangup_source": record.ended_by or None,
        "stir_verification": "Verified" if caller else "Not Applicable",
        "resource_uri": f"/v1/Account/{call.account}/Call/{record.call_uuid}/",
    }


def recording_document(recording: Recording, media_url: str) -> Document:
    """Return a recording as Plivo's resource; its duration is a decimal string."""
    milliseconds = f"{recording.milliseconds:.5f}"
    started = recording.started_at.timestamp() * 1000
    return {
        "add_time": zoned_time(recording.ended_at),
        "api_id": api_id(),
        "call_uuid": recording.call_uuid,
        "conference_name": None,
        "from_number": recording.from_number,
        "to_number": recording.to_number,
        "recording_id": recording.recording_id,
        "recording_type": "normal",
        "recording_format": recording.file_format,
        "recording_url": media_url,
        "recording_duration_ms": milliseconds,
        "recording_start_ms": f"{started:.5f}",
        "recording_end_ms": f"{started + recording.milliseconds:.5f}",
        "resource_uri": (
            f"/v1/Account/{recording.account}/Recording/{recording.recording_id}/"
        ),
    }
