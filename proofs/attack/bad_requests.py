"""One bad request, and what may become of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from proofs.attack.target import Answer
from stack.aws.api_port import BODY_LIMIT_BYTES

# A connection that was closed: the gateway does not read what is too large to its end.
CLOSED = 0

REFUSED = "refused"
LET_IN = "let in"
FAILED = "5xx"


@dataclass(frozen=True)
class BadRequest:
    """A request that must be refused; *kind* is its row of the table.

    *want* are the statuses that refuse it; none means any from 400 to 499.
    """

    kind: str
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    want: frozenset[int] = frozenset()

    def digest(self) -> str:
        """Return what tells this request from every other."""
        parts = (self.method, self.path, sorted(self.headers.items()), self.body)
        return hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()

    def outcome(self, answer: Answer) -> str:
        """Return what became of it: `REFUSED`, `LET_IN` or `FAILED`."""
        if answer.status >= 500:
            return FAILED
        closed = answer.status == CLOSED and len(self.body) > BODY_LIMIT_BYTES
        refused = answer.status >= 400 or closed
        fits = not self.want or answer.status in self.want
        return REFUSED if refused and fits else LET_IN
