"""Use a target, and keep as evidence what it answers and sends to apps."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from proofs.attack import pii_scan
from proofs.attack.evidence import Piece
from proofs.attack.target import JSON, VICTIM, Answer, Target
from proofs.harness import make_call, simulator_client
from proofs.http_listener import HttpListener
from proofs.runner import ProofError

FIRST, SECOND = (pii_scan.number(ordinal) for ordinal in (31, 42))

# The one answer that may hold numbers and PINs: their owner's own session.
OWN = tuple(
    f"answer to {method} /v1/sessions" for method in ("POST", "GET", "PATCH", "DELETE")
)
# Below a session's path, but held back from its owner too.
HELD_BACK = ("/events", "/recordings")
CALLBACK = "answer to a callback"

# How often a create is sent that fails for now.
TRIES = 5


@dataclass
class Recorder:
    """What is sent to *target*, and the answers; *app* takes webhooks."""

    target: Target
    app: HttpListener
    pieces: list[Piece] = field(default_factory=list)

    def seen(self) -> Iterator[Piece]:
        """Yield webhooks, and the answers that may hold nothing personal."""
        yield from self.pieces
        for request in self.app.requests:
            yield Piece("webhook", request.text)

    def _body(self, **more: Any) -> dict[str, Any]:
        return {
            "first_party": FIRST,
            "second_party": SECOND,
            "callback_url": f"{self.app.origin}/events",
            "recording_callback_url": f"{self.app.origin}/recordings",
            "labels": {"order": "A-77"},
            **more,
        }

    def _create(self, **more: Any) -> dict[str, Any]:
        """Create a session as an app does: what fails for now is asked for again."""
        for _ in range(TRIES):
            answer = self._ask("POST", "/v1/sessions", self._body(**more))
            if answer.status in (HTTPStatus.OK, HTTPStatus.CREATED):
                session: dict[str, Any] = answer.document()["session"]
                return session
            if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                break
            time.sleep(1)
        raise ProofError(f"a create was answered {answer.status}: {answer.document()}")

    def _call(self, caller: str, virtual: str, **plan: Any) -> None:
        with simulator_client(self.target.stack) as simulator:
            script = {"from": caller, "to": virtual, **plan}
            make_call(simulator, script, callbacks_within=20)

    def _arm(self, *faults: str, **of_timeouts: float) -> None:
        """Let each of these faults strike once, and no others."""
        armed = {
            fault: {"times": 1, **(of_timeouts if "timeout" in fault else {})}
            for fault in faults
        }
        self.target.simulator("PUT", "faults", armed)

    def _ask(self, method: str, path: str, body: object = None) -> Answer:
        answer = self.target.ask(method, path, body)
        self._keep(_source(method, path), answer)
        return answer

    def _send(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        key = self.target.keys[VICTIM]
        given = {"authorization": f"Bearer {key}", **JSON, **(headers or {})}
        given = {name: value.encode() for name, value in given.items()}  # type: ignore[misc]
        answer = self.target.send(method, path, given, body)
        self._keep(_source(method, path), answer)

    def _keep(self, source: str, answer: Answer) -> None:
        own = source.startswith(OWN) and not source.endswith(HELD_BACK)
        if not (own and 200 <= answer.status < 300):
            text = f"{answer.status} {dict(answer.headers)} {answer.body}"
            self.pieces.append(Piece(source, text))


def _source(method: str, path: str) -> str:
    return f"answer to {method} {path.partition('?')[0]}"
