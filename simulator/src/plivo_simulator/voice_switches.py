"""Choose the behavior of calls that XML directs, where Plivo documents none.

`unknowns` tells which question each of them answers.
"""

from __future__ import annotations

from collections.abc import Mapping

from .switch import Switch

VOICE_SWITCHES: Mapping[str, Switch] = {
    "unknown_elements": Switch(
        ("refused", "skipped"),
        "an element that Plivo doesn't know: ends the call, or is passed over",
    ),
    "unknown_attributes": Switch(
        ("refused", "ignored"),
        "an attribute that an element doesn't have: ends the call, or is passed over",
    ),
    "bad_values": Switch(
        ("refused", "default"),
        "a value outside an attribute's range: ends the call, or is the default",
    ),
    "nesting": Switch(
        ("documented", "sdk"),
        "what stands in GetDigits, GetInput, PreAnswer: as in the docs, or in the SDKs",
    ),
    "document_limit": Switch(
        ("70", "20"), "documents that one call goes through before 2060 ends it"
    ),
    "dial_bills_caller": Switch(
        ("from_dial", "from_connection"),
        "a caller not answered yet is answered, and billed, by Dial or its connection",
    ),
    "dial_ringback": Switch(
        ("ringing", "silence"), "what the caller hears in a Dial without dialMusic"
    ),
    "whisper_without_key": Switch(
        ("plays_and_bridges", "not_played"), "confirmSound without confirmKey"
    ),
    "whisper_failure": Switch(
        ("bridged", "dropped"), "a callee whose confirmSound can't be had"
    ),
    "caller_hears_in_whisper": Switch(
        ("ringing", "silence"), "what the caller hears while the callee hears a whisper"
    ),
    "action_after_caller_hangup": Switch(
        ("not_requested", "completed", "cancel"),
        "Dial's action when the caller hung up: none, or with this DialStatus",
    ),
    "withheld_from": Switch(
        ("anonymous", "Restricted", "empty"), "From of a caller without a number"
    ),
    "national_numbers": Switch(
        ("off", "on"), "From and To of an inbound call without their country code"
    ),
    "hangup_after_refusal": Switch(
        ("told", "not_told"), "hangup URL of a call that Hangup refused unanswered"
    ),
    "hangup_after_giving_up": Switch(
        ("told", "not_told"),
        "hangup URL of a caller who gave up before the answer URL had answered",
    ),
    "retry_delay": Switch(
        ("none", "one_second", "five_seconds"), "pause between two tries of a URL"
    ),
    "fallback": Switch(
        ("after_tries", "at_once_on_5xx"),
        "the fallback URL comes when all tries failed, or on the first 5xx",
    ),
    "fallback_event": Switch(
        ("StartApp", "Redirect"), "Event of the request to a fallback URL"
    ),
    "caller_hears_while_asked": Switch(
        ("ringing", "silence"), "what a caller hears until the answer URL has answered"
    ),
    "input_event": Switch(
        ("Digits", "Redirect"), "Event of the action of GetDigits and GetInput"
    ),
    "record_event": Switch(("Record", "Redirect"), "Event of the action of Record"),
    "dial_action_event": Switch(
        ("DialAction", "Redirect"), "Event of the action of Dial"
    ),
    "dial_callback_times": Switch(
        ("none", "utc", "account"),
        "StartTime, AnswerTime, EndTime in Dial's callbacks: none, UTC, account's zone",
    ),
    "ring_timeout_status": Switch(
        ("no-answer", "timeout"), "DialStatus of a ring that timed out"
    ),
    "time_limit_ends": Switch(
        ("both_legs", "b_leg"),
        "timeLimit ends the whole call with 6000, or the dialed leg alone",
    ),
    "record_dial_from": Switch(
        ("answer", "connection"),
        "startOnDialAnswer records from the callee's answer, or from the connection",
    ),
    "record_dial_until": Switch(
        ("dial", "call"), "startOnDialAnswer records until the dial ends, or the call"
    ),
    "record_next_dial": Switch(
        ("off", "on"), "startOnDialAnswer records the document's further dials, too"
    ),
    "transfer_leaves": Switch(
        ("hung_up", "document"),
        "the other leg, when one is transferred: hung up, or goes on in its document",
    ),
    "cdr_delay": Switch(
        ("none", "one_minute"), "when a call's record appears after its end"
    ),
    "cdr_of_unanswered": Switch(
        ("listed", "left_out"), "dialed legs that nobody answered, in lists of records"
    ),
    "masking_takes": Switch(
        ("number", "parties", "no_application"),
        "calls that live sessions take from a number's application: all, those of their"
        " parties, or none where the number has an application",
    ),
    "inbound_limit": Switch(
        ("applications", "all_calls", "off"),
        "calls beyond 10 in a second are rejected (486): of applications, all, none",
    ),
}
