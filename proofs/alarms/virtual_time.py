"""Minutes of a running stack that take a moment, and what was measured in them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from proofs.alarms.history import History
from proofs.harness import http_client
from proofs.runner import ProofError
from stack.aws.measured import PATH
from stack.running import RunningStack

MINUTE = 60

# What functions that a minute sets off may take, in real seconds.
PATIENCE = 60.0

# A function that was just set off may not show yet.
PAUSE = 0.02


@dataclass
class VirtualTime:
    """The stack's time: the machine's, and what was skipped of it."""

    client: httpx.Client
    now: float = 0.0
    _seen: int = 0
    _new: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, stack: RunningStack) -> VirtualTime:
        """Return the time of a stack that runs."""
        return cls(http_client(stack.addresses.api_url))

    def pass_minute(self, history: History | None = None) -> None:
        """Let a minute pass; what it measured goes into *history*."""
        self.wait()
        self._ask("POST", skip=MINUTE)
        self.wait()
        if history:
            history.add(self._new)
        self._new.clear()

    def measured(self) -> list[dict[str, Any]]:
        """Return what was measured since the last time, as far as none was passed."""
        self._ask("GET")
        found = list(self._new)
        self._new.clear()
        return found

    def throttle(self, kinds: str) -> None:
        """Have DynamoDB refuse reads or writes from now on: Read, Write or none."""
        self._ask("POST", throttle=kinds)

    def wait(self) -> None:
        """Wait until no function runs. Raise ProofError if one never ends."""
        deadline = time.monotonic() + PATIENCE
        idle = 0
        while idle < 2:
            if time.monotonic() > deadline:
                raise ProofError(f"functions still run after {PATIENCE:.0f} s")
            time.sleep(PAUSE)
            idle = 0 if self._ask("GET")["in_flight"] else idle + 1

    def _ask(self, method: str, **asked: Any) -> dict[str, Any]:
        answer = self.client.request(
            method, f"/{PATH}", params={"after": self._seen, **asked}
        )
        found: dict[str, Any] = answer.raise_for_status().json()
        if found["points"]:
            self._seen = found["points"][-1]["number"]
        self._new += found["points"]
        self.now = found["now"]
        return found
