"""Define the samples: the documents of a small application, and the phones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

CALLER, AGENT, COLLEAGUE = "+12025550100", "+12025550101", "+12025550102"
NUMBER = "+12025550180"
APP = "https://app.example"

Form = Mapping[str, str]
Page = str | Callable[[Form], str]


@dataclass(frozen=True, slots=True)
class Sample:
    """One application: its *pages* by path, and how the phones behave.

    A page is the elements of a document, or makes them of what Plivo said.
    """

    name: str
    about: str
    pages: Mapping[str, Page]
    script: Mapping[str, Any] = field(default_factory=dict)
    phones: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def dial(attributes: str, *numbers: str) -> str:
    """Write a Dial that shows the number that was called."""
    inside = "".join(f"<Number>{number}</Number>" for number in numbers)
    return (
        f'<Dial callerId="{NUMBER}" callerName="Maskline" {attributes}>{inside}</Dial>'
    )


def check_pin(form: Form) -> str:
    """Connect who entered the right PIN."""
    if form.get("Digits") == "2468":
        return "<Speak>Thank you.</Speak>" + dial("", AGENT)
    return "<Speak>That is not right. Goodbye.</Speak><Hangup/>"


def take_message(form: Form) -> str:
    """Ask for a message where the dial did not connect anybody."""
    if form.get("DialStatus") == "completed":
        return "<Hangup/>"
    return (
        "<Speak>Nobody is here. Please leave a message.</Speak>"
        f'<Record action="{APP}/thanks" maxLength="120" timeout="4"/>'
    )


SAMPLES = (
    Sample(
        "forward",
        "a call is passed on, and the callee sees the number that was called",
        {"answer": dial('timeout="25" timeLimit="3600"', AGENT)},
        {"talk_seconds": 30},
        {AGENT: {"ring_seconds": 4}},
    ),
    Sample(
        "several at once",
        "two phones ring; the first to answer has the call, the other is cancelled",
        {"answer": dial("", AGENT, COLLEAGUE)},
        {"talk_seconds": 20},
        {AGENT: {"ring_seconds": 9}, COLLEAGUE: {"ring_seconds": 5}},
    ),
    Sample(
        "in turn",
        "the second phone rings when the first has not answered for ten seconds",
        {"answer": dial('timeout="10"', AGENT) + dial('timeout="10"', COLLEAGUE)},
        {"talk_seconds": 20},
        {AGENT: {"answer": "ring"}, COLLEAGUE: {"ring_seconds": 3}},
    ),
    Sample(
        "whisper with key",
        "the callee hears who calls, and takes the call by a key",
        {
            "answer": dial(f'confirmSound="{APP}/whisper" confirmKey="1"', AGENT),
            "whisper": "<Speak>A customer is calling. Press one.</Speak>",
        },
        {"talk_seconds": 20},
        {AGENT: {"ring_seconds": 3, "digits": ["1"]}},
    ),
    Sample(
        "PIN",
        "the caller is asked for a PIN, which is not logged, and connected",
        {
            "answer": (
                f'<GetInput action="{APP}/pin" log="false" retries="2">'
                "<Speak>Please enter your PIN, then pound.</Speak></GetInput>"
                "<Speak>We heard nothing. Goodbye.</Speak>"
            ),
            "pin": check_pin,
        },
        {"talk_seconds": 20, "digits": ["2468#"]},
    ),
    Sample(
        "record",
        "the talk is recorded from the callee's answer, for an hour at most",
        {
            "answer": (
                "<Speak>This call is recorded.</Speak>"
                '<Record startOnDialAnswer="true" redirect="false" maxLength="3600"'
                f' callbackUrl="{APP}/recorded"/>' + dial("", AGENT)
            ),
            "recorded": "",
        },
        {"talk_seconds": 75},
        {AGENT: {"ring_seconds": 6}},
    ),
    Sample(
        "voicemail",
        "nobody answers, so the caller leaves a message",
        {
            "answer": dial(f'action="{APP}/after" timeout="12"', AGENT),
            "after": take_message,
            "thanks": "<Speak>Thank you. Goodbye.</Speak>",
        },
        {"talk_seconds": 15},
        {AGENT: {"answer": "ring"}},
    ),
    Sample(
        "text",
        "nobody answers, so the callee gets a text from the number that was called",
        {
            "answer": (
                dial('timeout="8"', AGENT)
                + f'<Message src="{NUMBER}" dst="{AGENT}" callbackUrl="{APP}/sent">'
                "You missed a call.</Message>"
                "<Speak>Nobody is here. We sent a text.</Speak>"
            ),
        },
        {},
        {AGENT: {"answer": "ring"}},
    ),
)
