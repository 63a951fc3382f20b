"""List every fault of the simulator: its point and its effect.

A fault belongs to a *point* (an operation of the API, a callback, a recording, a
message) and has an *effect*, which the module that owns the point carries out:
`masking_routes`, `callbacks`, `answer_urls`, `engine`, `media` and those in `messages`.
Adding one is a line in a table here and a branch there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .messages.fault_rows import MESSAGE_FAULTS
from .voice.fault_rows import VOICE_FAULTS

READS = ("get", "list")
WRITES = ("create", "update", "delete")
LOOKUPS = ("message_get", "message_list", "call_get", "call_list")
SENDS = ("message_send", "call_make")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: its point, effect, description, and parameters with defaults.

    *needs* names an attribute that a callback must have to be hit.
    """

    name: str
    point: str
    effect: str
    description: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    needs: str = ""


_Row = tuple[str, str, dict[str, float]]

_ANY_REQUEST: tuple[_Row, ...] = (
    ("slow", "answers rightly, {seconds} s late", {"seconds": 3}),
    ("429", "answers 429 without Retry-After", {}),
    ("429_retry_after", "answers 429 with Retry-After: {seconds}", {"seconds": 2}),
    ("401", "answers 401 to right credentials", {}),
    ("403", "answers 403, as for an account without the feature", {}),
)
_READ: tuple[_Row, ...] = (
    ("5xx", "answers {status}", {"status": 500}),
    ("timeout", "answers nothing for {seconds} s, then closes", {"seconds": 30}),
    ("reset", "resets the connection in mid-answer", {}),
    ("non_json", "answers 200 with a page of HTML", {}),
    *_ANY_REQUEST,
)
_WRITE: tuple[_Row, ...] = (
    ("5xx_before_commit", "does nothing and answers {status}", {"status": 500}),
    ("5xx_after_commit", "does it and answers {status}", {"status": 502}),
    (
        "timeout_before_commit",
        "does nothing, answers nothing for {seconds} s, then closes",
        {"seconds": 30},
    ),
    (
        "timeout_after_commit",
        "does it, answers nothing for {seconds} s, then closes",
        {"seconds": 30},
    ),
    ("reset_before_commit", "does nothing and resets the connection", {}),
    ("reset_after_commit", "does it and resets the connection in mid-answer", {}),
    ("non_json", "does it and answers 200 with a page of HTML", {}),
    *_ANY_REQUEST,
)
_OTHER: tuple[tuple[str, str, str, str, dict[str, float]], ...] = (
    (
        "create_pool_exhausted",
        "create",
        "pool_exhausted",
        "answers 400 as if no number were free",
        {},
    ),
    (
        "list_lag",
        "list",
        "lag",
        "leaves out sessions younger than {seconds} s",
        {"seconds": 30},
    ),
    (
        "get_stale_totals",
        "get",
        "stale_totals",
        "leaves out calls that ended less than {seconds} s ago, and their cost",
        {"seconds": 30},
    ),
    ("webhook_dropped", "callback", "dropped", "is never sent", {}),
    (
        "webhook_duplicated",
        "callback",
        "duplicated",
        "is sent again, {copies} more, {seconds} s apart",
        {"copies": 1, "seconds": 0},
    ),
    (
        "webhook_reordered",
        "callback",
        "reordered",
        "waits for the session's next callback, at most {seconds} s",
        {"seconds": 5},
    ),
    (
        "webhook_delayed",
        "callback",
        "delayed",
        "is sent {seconds} s late",
        {"seconds": 5},
    ),
    (
        "webhook_held",
        "callback",
        "held",
        "is not sent before a request to /_sim/callbacks/release",
        {},
    ),
    (
        "webhook_tampered",
        "callback",
        "tampered",
        "is followed by a copy with other values and the old signature",
        {},
    ),
    (
        "webhook_unsigned",
        "callback",
        "unsigned",
        "is sent without signature headers",
        {},
    ),
    (
        "recording_fails_to_start",
        "record",
        "fails_to_start",
        "SessionRecordingFailed instead of a recording",
        {},
    ),
    (
        "recording_late",
        "recording",
        "late",
        "the file is 404 for {seconds} s after the call",
        {"seconds": 10},
    ),
    ("recording_never", "recording", "never", "the file is 404 forever", {}),
    (
        "recording_truncated",
        "recording",
        "truncated",
        "half the file, with the half's length, for {requests} requests",
        {"requests": 1},
    ),
    (
        "recording_empty",
        "recording",
        "empty",
        "200 with no bytes for {requests} requests",
        {"requests": 1},
    ),
    (
        "recording_wrong_length",
        "recording",
        "wrong_length",
        "Content-Length promises more than is sent, for {requests} requests",
        {"requests": 1},
    ),
    (
        "recording_reset",
        "recording",
        "reset",
        "the connection is reset in mid-file, for {requests} requests",
        {"requests": 1},
    ),
    (
        "recording_changing",
        "recording",
        "changing",
        "other bytes of the same length, against the ETag, for {requests} requests",
        {"requests": 1},
    ),
    (
        "recording_html",
        "recording",
        "html",
        "an HTML page instead of audio, for {requests} requests",
        {"requests": 1},
    ),
    (
        "recording_5xx",
        "recording",
        "5xx",
        "{status} for {requests} requests, then fine",
        {"status": 503, "requests": 2},
    ),
    (
        "recording_chunked",
        "recording",
        "chunked",
        "no Content-Length: the body comes in chunks",
        {},
    ),
    (
        "recording_basic_auth",
        "recording",
        "basic_auth",
        "401 without the account's credentials",
        {},
    ),
    (
        "recording_redirect",
        "recording",
        "redirect",
        "{hops} redirects before the file",
        {"hops": 1},
    ),
    (
        "recording_slow",
        "recording",
        "slow",
        "the file drips for {seconds} s",
        {"seconds": 10},
    ),
    (
        "recording_large",
        "recording",
        "large",
        "a file of {mebibytes} MiB and a call as long as that",
        {"mebibytes": 250},
    ),
)
_ALTERED: tuple[tuple[str, str, dict[str, float], str], ...] = (
    (
        "renumbered",
        "is sent again {seconds} s later, its SequenceNumber {by} higher",
        {"by": 1, "seconds": 0},
        "SequenceNumber",
    ),
    (
        "restamped",
        "is sent again {seconds} s later, its EventTimestamp {by} s later",
        {"by": 2, "seconds": 0},
        "EventTimestamp",
    ),
    (
        "repriced",
        "is sent again {seconds} s later, its Amount {by} higher",
        {"by": 0.01, "seconds": 0},
        "Amount",
    ),
    (
        "misstated",
        "says an Amount {amount} too high and durations {seconds} s too long",
        {"amount": 0.01, "seconds": 60},
        "Amount",
    ),
    ("undated", "is sent without its EventTimestamp", {}, "EventTimestamp"),
    ("unnumbered", "is sent without its SequenceNumber", {}, "SequenceNumber"),
)


def _registry() -> dict[str, Fault]:
    faults: list[Fault] = []
    kinds = ((WRITES, _WRITE), (READS, _READ), (SENDS, _WRITE), (LOOKUPS, _READ))
    for points, rows in kinds:
        for point in points:
            faults += [
                Fault(f"{point}_{effect}", point, effect, words, parameters)
                for effect, words, parameters in rows
            ]
    faults += [Fault(*row) for row in (*_OTHER, *MESSAGE_FAULTS, *VOICE_FAULTS)]
    faults += [
        Fault(f"webhook_{effect}", "callback", effect, words, parameters, needs)
        for effect, words, parameters, needs in _ALTERED
    ]
    return {fault.name: fault for fault in faults}


FAULTS: Mapping[str, Fault] = _registry()
