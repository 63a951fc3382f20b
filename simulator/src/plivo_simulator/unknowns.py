"""List what nobody has documented of Plivo's calls and messages, by its risk.

Each question has the switches that give its possible answers.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unknown:
    """One open question, and the switches that answer it."""

    number: int
    question: str
    switches: tuple[str, ...]


UNKNOWNS = (
    Unknown(
        1,
        "Is the caller billed, and what does it hear, while a Dial rings?",
        ("dial_bills_caller", "dial_ringback"),
    ),
    Unknown(
        2,
        "What becomes of a confirmSound without confirmKey, or that can't be fetched,"
        " and what does the caller hear meanwhile?",
        ("whisper_without_key", "whisper_failure", "caller_hears_in_whisper"),
    ),
    Unknown(
        3,
        "Is Dial's action requested after the caller hung up, with which status?",
        ("action_after_caller_hangup",),
    ),
    Unknown(
        4,
        "What is From of a withheld number, and does it have its country code?",
        ("withheld_from", "national_numbers"),
    ),
    Unknown(
        5,
        "Is the hangup URL told of calls refused unanswered, or given up before the"
        " answer URL had answered?",
        ("hangup_after_refusal", "hangup_after_giving_up"),
    ),
    Unknown(
        6,
        "How long is the pause between tries, when does the fallback URL come, and what"
        " does the caller hear?",
        (
            *("retry_delay", "fallback", "fallback_event"),
            "caller_hears_while_asked",
        ),
    ),
    Unknown(
        7,
        "Are webhooks of messages signed with V2 or V3, and what is their body?",
        ("message_signing", "message_content_type"),
    ),
    Unknown(
        8,
        "Which times are in Dial's callbacks, in which zone?",
        ("dial_callback_times",),
    ),
    Unknown(
        9,
        "What is the status of a ring that timed out; which legs does timeLimit end?",
        ("ring_timeout_status", "time_limit_ends"),
    ),
    Unknown(
        10,
        "From when to when does startOnDialAnswer record, and does it record again?",
        ("record_dial_from", "record_dial_until", "record_next_dial"),
    ),
    Unknown(
        11,
        "When does a call's record appear, and are legs listed that nobody answered?",
        ("cdr_delay", "cdr_of_unanswered"),
    ),
    Unknown(
        12,
        "Which calls does hosted masking take from a number's application?",
        ("masking_takes",),
    ),
    Unknown(
        13, "Is the webhook of a STOP delivered, with which text?", ("opt_out_webhook",)
    ),
    Unknown(14, "Is a fragment taken in an application's URL?", ("url_fragment",)),
    Unknown(
        15,
        "Does Plivo drop a Message answered to a repeated webhook?",
        ("repeated_answer",),
    ),
)
