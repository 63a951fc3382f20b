"""Compose callbacks: which attributes an event carries, and to which URL it goes.

Numbers are digits without `+`. `From` is the person who called (or was called
first), `To` the person who was rung; neither is the virtual number.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from .clock import Clock
from .records import Call, Callback, LegRecord, Recording
from .rules.model import NORMAL, Leg, Party, Session
from .rules.steps import Moment, Report
from .store import Store
from .switches import Switches
from .time_formats import event_time
from .vocabulary import (
    NUMBER_REPLACED,
    RECORDING_MOMENTS,
    TIMED_OUT,
    event_name,
)

Attributes = dict[str, str | int]

_SESSION_BLANKS = (
    "PinAuthenticationStatus",
    "PinRetryCounter",
    "Amount",
    "BilledDuration",
    "Duration",
    "PlivoHangupCause",
    "PlivoHangupCauseCode",
)
_RECORDING_BLANKS = (
    "RecordingUUID",
    "RecordingURL",
    "RecordingResourceURL",
    "RecordingDuration",
    "RecordingStartTime",
    "RecordingEndTime",
    "RecordingFormat",
)
_ENDS = {Moment.FIRST_ENDED: Leg.CALLER, Moment.SECOND_ENDED: Leg.CALLEE}


@dataclass(frozen=True, slots=True)
class Reporter:
    """Compose callbacks of calls and sessions; None without a callback URL."""

    store: Store
    switches: Switches
    clock: Clock
    origin: str

    def on_call(self, report: Report, call: Call) -> Callback | None:
        """Compose the callback for a moment of *call*."""
        session, moment = report.route.session, report.moment
        leg = call.legs.get(_ENDS[moment]) if moment in _ENDS else None
        swapped = (
            self.switches["party_names"] == "by_registration"
            and report.route.party is Party.SECOND
        )
        name = event_name(
            self.switches["generation"],
            moment,
            failed=leg is not None and leg.answered_at is None,
            swapped=swapped,
        )
        attributes: Attributes = {
            "From": call.caller,
            "To": report.route.other,
        }
        if moment is Moment.PIN_CHECKED:
            attributes["PinAuthenticationStatus"] = report.pin_status
            attributes["PinRetryCounter"] = report.pin_retries
        elif leg:
            attributes |= _hangup_attributes(leg)
        elif moment is Moment.CALL_ENDED:
            attributes |= _call_attributes(call)
        elif moment in RECORDING_MOMENTS:
            recording = self.store.recordings.get(call.recording_id)
            attributes |= self._recording_attributes(moment, recording)
        return self._compose(name, session, call, attributes, moment)

    def on_timeout(self, session: Session) -> Callback | None:
        """Compose the callback for a session that has expired."""
        name = event_name(self.switches["generation"], TIMED_OUT)
        return self._compose(name, session, None, {}, TIMED_OUT)

    def on_replacement(self, session: Session) -> Callback | None:
        """Compose the callback for a session that moved to another virtual number."""
        name = event_name(self.switches["generation"], NUMBER_REPLACED)
        return self._compose(name, session, None, {}, NUMBER_REPLACED)

    def media_url(self, recording: Recording) -> str:
        """Return where the recording's file is."""
        return (
            f"{self.origin}/media/v1/Account/{recording.account}"
            f"/Recording/{recording.recording_id}.{recording.file_format}"
        )

    def _compose(
        self,
        name: str | None,
        session: Session,
        call: Call | None,
        specific: Attributes,
        moment: str,
    ) -> Callback | None:
        about_recording = moment in RECORDING_MOMENTS
        terms = session.terms
        url = terms.recording_callback_url if about_recording else terms.callback_url
        if not url or name is None:
            return None
        now = self.clock.now()
        scope = self.switches["sequence"]
        sequence = self.store.next_sequence(session.session_uuid, call, scope)
        attributes: Attributes = {
            "EventName": name,
            "EventTimestamp": event_time(now),
            "SessionUUID": session.session_uuid,
            "VirtualNumber": session.virtual_number,
            "SequenceNumber": str(sequence),
            **specific,
        }
        if self.switches["generation"] == "2023":
            attributes["FirstParty"] = session.first_party
            attributes["SecondParty"] = session.second_party
        if self.switches["attributes"] == "all":
            blanks = _RECORDING_BLANKS if about_recording else _SESSION_BLANKS
            for blank in ("From", "To", *blanks):
                attributes.setdefault(blank, "")
        return Callback(
            callback_id=str(uuid4()),
            channel="recording" if about_recording else "session",
            event=name,
            session_uuid=session.session_uuid,
            call_uuid=call.call_uuid if call else "",
            method=(
                terms.recording_callback_method
                if about_recording
                else terms.callback_method
            ),
            url=url,
            attributes=attributes,
            created_at=now,
            account=session.account,
        )

    def _recording_attributes(
        self, moment: str, recording: Recording | None
    ) -> Attributes:
        if recording is None or moment is Moment.RECORDING_FAILED:
            return {}
        attributes: Attributes = {
            "RecordingUUID": recording.recording_id,
            "RecordingStartTime": event_time(recording.started_at),
            "RecordingFormat": f".{recording.file_format}",
            "RecordingResourceURL": (
                f"{self.origin}/v1/Account/{recording.account}"
                f"/Recording/{recording.recording_id}/"
            ),
            "RecordingURL": self.media_url(recording),
        }
        if moment is Moment.RECORDING_COMPLETED and recording.ended_at:
            attributes["RecordingEndTime"] = event_time(recording.ended_at)
            attributes["RecordingDuration"] = str(round(recording.milliseconds / 1000))
        return attributes


def _hangup_attributes(leg: LegRecord) -> Attributes:
    cause = leg.cause or NORMAL
    return {
        "Amount": str(leg.bill.amount),
        "BilledDuration": str(leg.bill.seconds),
        "Duration": str(leg.duration),
        "PlivoHangupCause": cause.name,
        "PlivoHangupCauseCode": cause.code,
    }


def _call_attributes(call: Call) -> Attributes:
    causes = [leg.cause for leg in call.legs.values() if leg.cause]
    # What went wrong on one leg is why the whole call ended.
    cause = next((c for c in causes if c != NORMAL), NORMAL)
    return {
        "Amount": str(call.bill.amount),
        "BilledDuration": str(call.bill.seconds),
        "Duration": str(call.duration),
        "PlivoHangupCause": cause.name,
        "PlivoHangupCauseCode": cause.code,
    }
