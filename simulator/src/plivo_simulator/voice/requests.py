"""Compose the requests about a call that XML directs: names and values as Plivo's.

Numbers have no `+`, but for DialBLegFrom, as in the one captured request.
SessionStart is UTC; StartTime, AnswerTime and EndTime are in the account's zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ..account import AUTH_ID, CALLING_CODES, country_of
from ..answer_urls import Ask
from ..records import Call, LegRecord, Recording
from ..rules.accounting import rate_per_minute
from ..rules.model import NORMAL, Cause, Leg
from ..switches import Switches
from ..time_formats import account_time, event_time, precise_time
from .causes import ACTION, REDIRECT, dial_status, network_name
from .dial_elements import Dial
from .flow_elements import Record

_WITHHELD = {"anonymous": "anonymous", "Restricted": "Restricted", "empty": ""}
# What Plivo names the events of a dialed leg.
DIAL_EVENTS = {
    "answer": "DialAnswer",
    "connected": "DialConnected",
    "hangup": "DialHangup",
    "digits": "DialDigitsMatch",
}

Attributes = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class DialResult:
    """How a dial ended: its last cause, the leg that was connected, if any rang."""

    cause: Cause
    leg: LegRecord | None
    rang: bool
    status: str = ""


@dataclass(frozen=True, slots=True)
class Requests:
    """Compose requests as the switches demand."""

    switches: Switches

    def standard(self, call: Call, event: str, status: str = "") -> Attributes:
        """Return what every request about *call* carries."""
        leg = call.legs[Leg.CALLER]
        inbound = call.direction == "inbound"
        ends = (self._shown(call.caller), self._shown(call.virtual_number))
        from_number, to_number = ends if inbound else reversed(ends)
        attributes: Attributes = {
            "ALegRequestUUID": call.call_uuid,
            "ALegUUID": call.call_uuid,
            "BillRate": str(rate_per_minute(country_of(call.caller))),
            "CallStatus": status or ("in-progress" if leg.answered_at else "ringing"),
            "CallUUID": call.call_uuid,
            "CallerName": call.caller_name,
            "CountryCode": country_of(call.caller) or "",
            "Direction": call.direction,
            "Event": event,
            "From": from_number,
            "ParentAuthID": AUTH_ID,
            "RequestUUID": call.call_uuid,
            "RouteType": "Domestic_Anchored",
            "SessionStart": precise_time(call.started_at),
            "To": to_number,
        }
        if inbound:
            attributes["STIRVerification"] = "Verified"
            attributes["STIRAttestation"] = "A"
        return attributes

    def redirect(self, call: Call, url: str, method: str) -> Ask:
        """Compose the request of a Redirect: it has no attributes of its own."""
        standard = self.standard(call, "Redirect")
        return Ask(url, method, "Redirect", standard, asked_by=REDIRECT)

    def action(
        self, call: Call, url: str, method: str, event: str, own: Attributes
    ) -> Ask:
        """Compose the request to an element's action with *own* attributes."""
        attributes = {**self.standard(call, event), **own}
        return Ask(url, method, event, attributes, asked_by=ACTION)

    def hangup(self, call: Call, url: str, method: str) -> Ask:
        """Compose the request that tells of the A-leg's end."""
        leg = call.legs[Leg.CALLER]
        cause = leg.cause or NORMAL
        attributes = self.standard(call, "Hangup", leg.status)
        attributes |= _ended(leg, prefix="")
        attributes |= {
            "HangupCause": network_name(cause),
            "StartTime": account_time(leg.started_at),
            "AnswerTime": account_time(leg.answered_at),
            "EndTime": account_time(leg.ended_at),
        }
        return Ask(url, method, "Hangup", attributes, point="hangup")

    def dial_event(
        self, call: Call, verb: Dial, leg: LegRecord, action: str, **own: str
    ) -> Ask:
        """Compose the request to Dial's callbackUrl about one dialed leg."""
        event = DIAL_EVENTS[action]
        attributes: Attributes = {
            **self.standard(call, event, "in-progress"),
            "DialAction": action,
            "DialALegUUID": call.call_uuid,
            "DialBLegUUID": leg.call_uuid,
            "DialBLegFrom": f"+{leg.caller_id}" if leg.caller_id else "",
            "DialBLegTo": leg.number,
            "DialBLegPosition": str(leg.position),
            **self._times(leg),
            **_sip_headers(verb),
            **own,
        }
        if action != "digits":
            attributes["DialBLegStatus"] = action
        if action == "hangup":
            attributes |= _ended(leg, prefix="DialBLeg")
            attributes["DialBLegHangupCause"] = network_name(leg.cause or NORMAL)
        return Ask(
            *(verb.callback_url, verb.callback_method, event, attributes),
            point="dial_callback",
            channel="dial",
        )

    def dial_action(self, call: Call, verb: Dial, result: DialResult) -> Ask:
        """Compose the request to Dial's action: how the dial ended."""
        timeout = self.switches["ring_timeout_status"]
        own: Attributes = {
            "DialStatus": result.status or dial_status(result.cause, timeout),
            "DialRingStatus": "true" if result.rang else "false",
            "DialHangupCause": network_name(result.cause),
            "DialALegUUID": call.call_uuid,
            "DialBLegUUID": result.leg.call_uuid if result.leg else "",
            **_sip_headers(verb),
        }
        event = self.switches["dial_action_event"]
        return self.action(call, verb.action, verb.method, event, own)

    def record_action(self, call: Call, verb: Record, own: Attributes) -> Ask:
        """Compose the request to Record's action."""
        event = self.switches["record_event"]
        return self.action(call, verb.action, verb.method, event, own)

    def record_callback(self, call: Call, verb: Record, own: Attributes) -> Ask:
        """Compose the request that tells that a recording's file is ready."""
        attributes = {**self.standard(call, "RecordStop"), **own}
        return Ask(
            *(verb.callback_url, verb.callback_method, "RecordStop", attributes),
            point="record_callback",
            channel="recording",
        )

    def input_event(self) -> str:
        """Return the Event of the action of GetDigits and GetInput."""
        return self.switches["input_event"]

    def _shown(self, digits: str) -> str:
        if not digits:
            return _WITHHELD[self.switches["withheld_from"]]
        if self.switches.is_on("national_numbers"):
            code = CALLING_CODES.get(country_of(digits) or "", "")
            return f"0{digits.removeprefix(code)}" if code else digits
        return digits

    def _times(self, leg: LegRecord) -> Attributes:
        zone = self.switches["dial_callback_times"]
        if zone == "none":
            return {}
        written = account_time if zone == "account" else _utc
        return {
            "StartTime": written(leg.started_at),
            "AnswerTime": written(leg.answered_at),
            "EndTime": written(leg.ended_at),
        }


def recording_attributes(recording: Recording, url: str) -> Attributes:
    """Return what is told of a recording; times of one that goes on are -1."""
    started = round(recording.started_at.timestamp() * 1000)
    ended = recording.ended_at is not None
    length = recording.milliseconds
    return {
        "RecordUrl": url,
        "RecordingID": recording.recording_id,
        "RecordingDuration": str(round(length / 1000)) if ended else "-1",
        "RecordingDurationMs": str(length) if ended else "-1",
        "RecordingStartMs": str(started) if ended else "-1",
        "RecordingEndMs": str(started + length) if ended else "-1",
    }


def _sip_headers(verb: Dial) -> Attributes:
    """Return the headers that the dial sends, as Plivo echoes them."""
    pairs = (each.partition("=") for each in verb.sip_headers.split(",") if each)
    return {f"X-PH-{name}": value for name, _, value in pairs}


def _utc(moment: datetime | None) -> str:
    return event_time(moment) if moment else ""


def _ended(leg: LegRecord, prefix: str) -> Attributes:
    """Return durations, costs and cause of a leg that is over."""
    cause = leg.cause or NORMAL
    rate = rate_per_minute(country_of(leg.number))
    amount = leg.bill.amount.quantize(Decimal("0.00001"))
    return {
        f"{prefix}Duration": str(leg.duration),
        f"{prefix}BillDuration": str(leg.bill.seconds),
        f"{prefix}BillRate": str(rate),
        f"{prefix}TotalCost": str(amount),
        f"{prefix}HangupCauseName": cause.name,
        f"{prefix}HangupCauseCode": cause.code,
        f"{prefix}HangupSource": leg.ended_by,
    }
