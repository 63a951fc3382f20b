"""One bad request, and what may become of it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping
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

    *want* are the statuses that refuse it; none means any from 400 to 499. *group* is
    what a small attack tries at least once: a route, and what it is tried with. What
    is answered well must not hold what it *hides*.
    """

    kind: str
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    want: frozenset[int] = frozenset()
    group: str = ""
    hides: str = ""

    def digest(self) -> str:
        """Return what tells this request from every other."""
        parts = (self.method, self.path, sorted(self.headers.items()), self.body)
        return hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()

    def outcome(self, answer: Answer) -> str:
        """Return what became of it: `REFUSED`, `LET_IN` or `FAILED`."""
        if answer.status >= 500:
            return FAILED
        if self.hides:
            return LET_IN if self.hides in answer.body else REFUSED
        closed = answer.status == CLOSED and len(self.body) > BODY_LIMIT_BYTES
        refused = answer.status >= 400 or closed
        fits = not self.want or answer.status in self.want
        return REFUSED if refused and fits else LET_IN


def distinct(requests: Iterable[BadRequest]) -> Iterator[BadRequest]:
    """Yield each request once."""
    seen = set[str]()
    for request in requests:
        if request.digest() not in seen:
            seen.add(request.digest())
            yield request


def sample(
    requests: Iterable[BadRequest], most: int, seed: int = 1
) -> list[BadRequest]:
    """Choose of each kind the first of every group, and by chance up to *most*.

    So every route is tried with everything that a kind is about, however few there are.
    """
    kinds: dict[str, list[BadRequest]] = {}
    for request in distinct(requests):
        kinds.setdefault(request.kind, []).append(request)
    dice = random.Random(seed)  # noqa: S311 - dice, not secrets
    chosen = []
    for of_kind in kinds.values():
        firsts = {request.group: request for request in reversed(of_kind)}
        picked = list(firsts.values())
        taken = {id(request) for request in picked}
        rest = [request for request in of_kind if id(request) not in taken]
        more = max(0, min(most - len(picked), len(rest)))
        chosen += picked + dice.sample(rest, more)
    return chosen
