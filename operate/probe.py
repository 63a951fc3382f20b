"""Find out with a live Plivo account what Plivo's documentation leaves open.

``python -m operate.probe --api https://... --first +1... --second +1...`` walks an
operator through two calls in a session of the running deployment, reads back what Plivo
told, and prints the shape of each callback (names and kinds of values, no value), and
which of the open questions that settles. The API key is read from MASKLINE_API_KEY.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

CALLS = 2
POLL_SECONDS = 0.5

# How long an operator may take to place a call, in seconds.
PATIENCE = 300.0

# After its end, the callbacks of a call may be late by so many seconds.
LATE = 5.0

KINDS = (
    ("blank", re.compile(r"")),
    ("uuid", re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")),
    ("time 'YYYY-MM-DD HH:MM:SS'", re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")),
    ("time, another format", re.compile(r"\d{4}-\d\d-\d\d.*")),
    ("masked number", re.compile(r"\+?\*+\d\d")),
    ("whole number", re.compile(r"-?\d{1,8}")),
    ("number without +", re.compile(r"\d{9,15}")),
    ("number with +", re.compile(r"\+\d{9,15}")),
    ("decimal", re.compile(r"-?\d+\.\d+")),
    ("word", re.compile(r"\.?[A-Za-z]+")),
)


class ProbeFailedError(Exception):
    """The probe cannot go on; the message is for the operator."""


@dataclass(frozen=True)
class Answer:
    """What the probe says to one open question; None where it could not tell."""

    number: int
    question: str
    answer: str | None


@dataclass(frozen=True)
class Probe:
    """A deployment's API, and the person who is asked to place calls.

    *ask* shows a person what to do; it may return at once. *sleep* waits for seconds.
    """

    api: httpx.Client
    ask: Callable[[str], None]
    sleep: Callable[[float], None] = time.sleep
    patience: float = PATIENCE

    def run(self, first_party: str, second_party: str) -> list[dict[str, Any]]:
        """Have two calls placed; give the session's history.

        Raises ProbeFailedError if the session can't be made or nobody calls.
        """
        made = self.api.post(
            "/v1/sessions",
            json={
                "first_party": first_party,
                "second_party": second_party,
                "session_expiry": 1800,
                "record": True,
            },
        )
        if made.status_code != 201:
            message = f"the session could not be made: {made.text}"
            raise ProbeFailedError(message)
        session = made.json()["session"]
        for number in range(1, CALLS + 1):
            self.ask(
                f"Call {number} of {CALLS}: from the first party's phone call "
                f"{session['virtual_number']}, answer on the second party's, talk for "
                "a few seconds, hang up."
            )
            self._await_end(session["session_uuid"], number)
        history = self._history(session["session_uuid"])
        self.api.delete(f"/v1/sessions/{session['session_uuid']}")
        return history

    def _await_end(self, session_uuid: str, calls: int) -> None:
        waited = 0.0
        while waited < self.patience:
            answer = self.api.get(f"/v1/sessions/{session_uuid}").raise_for_status()
            ended = [
                call
                for call in answer.json()["session"]["calls"]
                if call["ended_at"] is not None
            ]
            if len(ended) >= calls:
                self.sleep(LATE)
                return
            self.sleep(POLL_SECONDS)
            waited += POLL_SECONDS
        message = (
            f"no end of call {calls} came within {self.patience:.0f} s; if you called, "
            "Plivo's callbacks do not arrive: see the alarms WebhookUnsignedAlarm and "
            "WebhookRefusedAlarm"
        )
        raise ProbeFailedError(message)

    def _history(self, session_uuid: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": "100", **({"cursor": cursor} if cursor else {})}
            page = self.api.get(f"/v1/sessions/{session_uuid}/events", params=query)
            body = page.raise_for_status().json()
            found += body["objects"]
            cursor = body["meta"]["next"]
        return found


def shapes_in(history: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give the shape of each kind of callback: how it came, what each value is like."""
    shapes: dict[str, dict[str, Any]] = {}
    for event in history:
        kinds = {name: kind_of(value) for name, value in event["attributes"].items()}
        shapes.setdefault(event["name"], {"came": event["came"], "attributes": kinds})
    return shapes


def kind_of(value: object) -> str:
    """Say what a value is like, without saying what it is."""
    text = str(value)
    for kind, pattern in KINDS:
        if pattern.fullmatch(text):
            return kind
    return f"text of {len(text)} characters"


def answers_in(history: Sequence[Mapping[str, Any]]) -> list[Answer]:
    """Say which of the open questions of plivo-contract 7 are settled, and how."""
    forms = sorted({str(event["came"].get("as")) for event in history})
    proofs = sorted({str(event["came"].get("proof")) for event in history})
    names = sorted({str(event["name"]) for event in history})
    return [
        Answer(
            1,
            "content type and fields of callbacks",
            f"{', '.join(forms)}; events: {', '.join(names)}" if history else None,
        ),
        Answer(
            2,
            "whether and with which token callbacks are signed",
            ", ".join(proofs) if history else None,
        ),
        Answer(8, "scope of SequenceNumber", _scope_in(history)),
        Answer(
            13,
            "whether a recording is announced when the call ends",
            "yes, by SessionRecordingCompleted"
            if "SessionRecordingCompleted" in names
            else None,
        ),
    ]


def _scope_in(history: Sequence[Mapping[str, Any]]) -> str | None:
    numbers: dict[int, set[int]] = {}
    for event in history:
        if event["call"] is not None and event["sequence_number"] is not None:
            numbers.setdefault(event["call"], set()).add(event["sequence_number"])
    if len(numbers) < CALLS:
        return None
    shared = set.intersection(*numbers.values())
    return "begins anew with each call" if shared else "goes on through the session"


def report(history: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Write what was found, line by line."""
    for name, shape in shapes_in(history).items():
        yield f"{name}  ({shape['came'].get('as')}, {shape['came'].get('proof')})"
        for attribute, kind in shape["attributes"].items():
            yield f"    {attribute}: {kind}"
    yield ""
    for each in answers_in(history):
        told = each.answer or "not settled by this probe"
        yield f"unknown {each.number}, {each.question}: {told}"


def main(arguments: list[str]) -> int:
    """Run the probe; print and keep what it found."""
    parser = argparse.ArgumentParser(prog="python -m operate.probe")
    parser.add_argument("--api", required=True, help="the deployment's ApiUrl")
    parser.add_argument("--first", required=True, help="first party, E.164")
    parser.add_argument("--second", required=True, help="second party, E.164")
    parser.add_argument("--out", type=Path, help="file that takes the shapes as JSON")
    options = parser.parse_args(arguments)
    headers = {"Authorization": f"Bearer {os.environ.get('MASKLINE_API_KEY', '')}"}
    with httpx.Client(base_url=options.api, headers=headers, timeout=30) as api:
        try:
            history = Probe(api, print).run(options.first, options.second)
        except (ProbeFailedError, httpx.HTTPError) as error:
            print(error, file=sys.stderr)
            return 1
    print("\n".join(report(history)))
    if options.out:
        options.out.write_text(json.dumps(shapes_in(history), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
