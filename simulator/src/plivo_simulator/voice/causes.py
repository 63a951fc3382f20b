"""Name the hangup causes of calls that XML directs, and what Plivo calls them.

Codes and names are those of Plivo's table of hangup causes; which of them a fault in a
document or at a URL ends the call with depends on who had asked for the document.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..rules.model import (
    ANSWER_URL_FAILED,
    BUSY,
    CANCELLED,
    COUNTRY_BARRED,
    INVALID_DESTINATION,
    INVALID_XML,
    NO_ANSWER,
    NORMAL,
    OUT_OF_SERVICE,
    REJECTED,
    RING_TIMEOUT,
    TIME_LIMIT,
    Cause,
)

END_OF_XML = Cause(4010, "End Of XML Instructions")
LOOP_DETECTED = Cause(2060, "Loop Detected")
UNKNOWN_CALLER_ID = Cause(3030, "Unknown Caller ID")
CONFIRM_FAILED = Cause(3020, "Rejected")
ANSWERED_ELSEWHERE = CANCELLED

# Who asked for a document: the call itself, an element's action, a transfer, Redirect.
ANSWER, ACTION, TRANSFER, REDIRECT = "answer", "action", "transfer", "redirect"

UNREACHABLE: Mapping[str, Cause] = {
    ANSWER: ANSWER_URL_FAILED,
    ACTION: Cause(7012, "Error Reaching Action URL"),
    TRANSFER: Cause(7013, "Error Reaching Transfer URL"),
    REDIRECT: Cause(7014, "Error Reaching Redirect URL"),
}
BAD_XML: Mapping[str, Cause] = {
    ANSWER: INVALID_XML,
    ACTION: Cause(8012, "Invalid Action XML"),
    TRANSFER: Cause(8013, "Invalid Transfer XML"),
    REDIRECT: Cause(8014, "Invalid Redirect XML"),
}
BAD_URL: Mapping[str, Cause] = {
    ACTION: Cause(7022, "Invalid Action URL"),
    REDIRECT: Cause(7024, "Invalid Redirect URL"),
}
BAD_METHOD: Mapping[str, Cause] = {
    ACTION: Cause(7032, "Invalid Method For Action URL"),
    REDIRECT: Cause(7034, "Invalid Method For Redirect URL"),
}

_NETWORK_NAMES: Mapping[Cause, str] = {
    NORMAL: "NORMAL_CLEARING",
    END_OF_XML: "NORMAL_CLEARING",
    CANCELLED: "ORIGINATOR_CANCEL",
    BUSY: "USER_BUSY",
    REJECTED: "CALL_REJECTED",
    UNKNOWN_CALLER_ID: "CALL_REJECTED",
    NO_ANSWER: "NO_ANSWER",
    RING_TIMEOUT: "NO_ANSWER",
    INVALID_DESTINATION: "UNALLOCATED_NUMBER",
    OUT_OF_SERVICE: "NETWORK_OUT_OF_ORDER",
    COUNTRY_BARRED: "OUTGOING_CALL_BARRED",
    TIME_LIMIT: "ALLOTTED_TIMEOUT",
    LOOP_DETECTED: "EXCHANGE_ROUTING_ERROR",
}
_DIAL_STATUSES: Mapping[Cause, str] = {
    NORMAL: "completed",
    END_OF_XML: "completed",
    TIME_LIMIT: "completed",
    BUSY: "busy",
    NO_ANSWER: "no-answer",
    CANCELLED: "cancel",
}


def network_name(cause: Cause) -> str:
    """Return the word for *cause* that HangupCause and DialHangupCause carry."""
    return _NETWORK_NAMES.get(cause, "NORMAL_TEMPORARY_FAILURE")


def dial_status(cause: Cause, ring_timeout: str) -> str:
    """Return the DialStatus of a dial whose last leg ended with *cause*.

    *ring_timeout* is the word for a ring that timed out, which is a switch.
    """
    if cause == RING_TIMEOUT:
        return ring_timeout
    return _DIAL_STATUSES.get(cause, "failed")
