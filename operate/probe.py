"""Find out with a live Plivo account what Plivo's documentation leaves open.

The probe guides an operator through two calls in a session of a deployment, reads back
the callbacks that Plivo sent, and prints the shape of each (names and kinds of values,
no value) and which of the open questions that answers.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import httpx

from operate.arguments import PHONE, example
from operate.deployment import Target
from operate.failures import RefusedError

CALLS = 2
POLL_SECONDS = 0.5

# Seconds that an operator may take to place a call.
PATIENCE = 300.0

# Seconds by which the callbacks of a call may come after its end.
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


@dataclass(frozen=True)
class Answer:
    """What the probe found out about one open question; None where it could not."""

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
        """Have two calls placed; return the session's history.

        Raises RefusedError if the session can't be made or nobody calls.
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
            raise RefusedError(message)
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
        raise RefusedError(message)

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
    """Return of each kind of callback how it came, and the kind of each value."""
    shapes: dict[str, dict[str, Any]] = {}
    for event in history:
        kinds = {name: kind_of(value) for name, value in event["attributes"].items()}
        shapes.setdefault(event["name"], {"came": event["came"], "attributes": kinds})
    return shapes


def kind_of(value: object) -> str:
    """Return the kind of a value, without telling the value."""
    text = str(value)
    for kind, pattern in KINDS:
        if pattern.fullmatch(text):
            return kind
    return f"text of {len(text)} characters"


def answers_in(history: Sequence[Mapping[str, Any]]) -> list[Answer]:
    """Answer the open questions of plivo-contract 7 that *history* answers."""
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
    """Yield what was found, line by line."""
    for name, shape in shapes_in(history).items():
        yield f"{name}  ({shape['came'].get('as')}, {shape['came'].get('proof')})"
        for attribute, kind in shape["attributes"].items():
            yield f"    {attribute}: {kind}"
    yield ""
    for each in answers_in(history):
        answer = each.answer or "not answered by this probe"
        yield f"unknown {each.number}, {each.question}: {answer}"


@click.command(
    "probe",
    epilog=example("maskline probe --first +12025550100 --second +12025550101")
    + "\n\nThe API key, with the scopes sessions:read and sessions:write, is read from "
    "MASKLINE_API_KEY.",
)
@click.option("--first", required=True, type=PHONE, help="First party, E.164.")
@click.option("--second", required=True, type=PHONE, help="Second party, E.164.")
@click.option("--api", help="Address of the API, in place of the stack's.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that takes the shapes as JSON.",
)
@click.pass_obj
def probe_command(
    target: Target,
    first: str,
    second: str,
    api: str | None,
    out: Path | None,
) -> None:
    """Learn from a live Plivo account what Plivo's documentation leaves open."""
    key = os.environ.get("MASKLINE_API_KEY")
    if not key:
        message = "MASKLINE_API_KEY is not set; make a key with: maskline keys create"
        raise click.UsageError(message)
    headers = {"Authorization": f"Bearer {key}"}
    url = api or target.deployment.api_url
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        history = Probe(client, click.echo).run(first, second)
    click.echo("\n".join(report(history)))
    if out:
        out.write_text(json.dumps(shapes_in(history), indent=2) + "\n")
