"""The attack: every bad request against one stack, then a search for what leaked."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from proofs.attack import bodies, evidence, gateway, inside, made_up, marks
from proofs.attack.evidence import Piece
from proofs.attack.forgeries import Forgeries
from proofs.attack.gateway import ByHand
from proofs.attack.listener import listening
from proofs.attack.marks import Found
from proofs.attack.shots import Shot
from proofs.attack.target import Answer, Target, prepared
from stack.running import RunningStack

# Marks of the bad requests; see the numbers in the modules that make them.
MARKS = tuple(marks.number(ordinal) for ordinal in range(21, 30))

OUTCOMES = ("tried", "refused", "leaked", "let in", "5xx")
LEAST = 5_000
SHOWN = 10

Report = Callable[[str], None]


@dataclass
class Verdict:
    """What became of the requests, by kind; and examples of what must not be."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)
    least: int = LEAST

    @property
    def tried(self) -> int:
        """Say how many requests there were."""
        return sum(counter["tried"] for counter in self.counts.values())

    @property
    def holds(self) -> bool:
        """Say whether all were refused, nothing leaked, and they were enough."""
        bad = sum(
            c[o] for c in self.counts.values() for o in ("leaked", "let in", "5xx")
        )
        return bad == 0 and self.tried >= self.least

    def count(self, kind: str, outcome: str, number: int = 1) -> None:
        """Count what became of requests of a kind."""
        self.counts.setdefault(kind, Counter())[outcome] += number

    def example(self, text: str) -> None:
        """Keep an example of what must not be, if there are few yet."""
        if len(self.examples) < SHOWN:
            self.examples.append(text)

    def table(self) -> Iterator[str]:
        """Give the lines of the table."""
        yield f"{'kind':<12}" + "".join(f"{name:>9}" for name in OUTCOMES)
        total = Counter[str]()
        for kind, counter in self.counts.items():
            total += counter
            yield _line(kind, counter)
        yield _line("all", total)


def _line(kind: str, counter: Counter[str]) -> str:
    return f"{kind:<12}" + "".join(f"{counter[name]:>9,}" for name in OUTCOMES)


@dataclass(frozen=True)
class Attack:
    """One run: how many requests are made up, and at most sent of each kind."""

    stack: RunningStack
    made_up: int = 3_000
    most_of_a_kind: int | None = None
    least: int = LEAST
    workers: int = 4
    seed: int = 1
    report: Report = print

    def run(self) -> Verdict:
        """Attack, and judge."""
        verdict = Verdict(least=self.least)
        target = prepared(self.stack)
        evidence.watch(self.stack)
        ids = gateway.ids_of(target)
        other = gateway.ids_of(target)["session_uuid"]
        before = _kept(target, ids["session_uuid"]), _kept(target, other)
        self._shoot(target, verdict, ByHand(target, ids).shots())
        self._shoot(target, verdict, bodies.Bodies(target, ids).shots())
        forged = Forgeries(target, ids["session_uuid"], other)
        self._shoot(target, verdict, forged.shots())
        self._shoot(target, verdict, made_up.shots(target, self.made_up, self.seed))
        self._lead_inside(target, verdict)
        after = _kept(target, ids["session_uuid"]), _kept(target, other)
        if before != after:
            verdict.count("signatures", "let in")
            verdict.example(f"callbacks kept: {before} before, {after} after")
        self.report("search for what leaked")
        self._search(target, verdict)
        return verdict

    def _shoot(self, target: Target, verdict: Verdict, shots: Iterable[Shot]) -> None:
        lock = threading.Lock()
        seen: set[str] = set()

        def shoot(shot: Shot) -> None:
            answer = target.send(shot.method, shot.path, shot.headers, shot.body)
            with lock:
                self._judge(verdict, shot, answer)

        with ThreadPoolExecutor(self.workers) as pool:
            for done in [pool.submit(shoot, shot) for shot in self._some(shots, seen)]:
                done.result()
        self.report(f"{verdict.tried:,} tried: {', '.join(verdict.counts)}")

    def _some(self, shots: Iterable[Shot], seen: set[str]) -> Iterator[Shot]:
        """Give each request once, and of each kind as many as are wanted."""
        sent = Counter[str]()
        for shot in shots:
            enough = self.most_of_a_kind and sent[shot.kind] >= self.most_of_a_kind
            if shot.name() not in seen and not enough:
                seen.add(shot.name())
                sent[shot.kind] += 1
                yield shot

    def _judge(self, verdict: Verdict, shot: Shot, answer: Answer) -> None:
        outcome = shot.verdict(answer)
        verdict.count(shot.kind, "tried")
        verdict.count(shot.kind, outcome)
        asked = f"{shot.kind}: {shot.method} {shot.path[:120]} {shot.body[:80]!r}"
        if outcome != "refused":
            verdict.example(
                f"{outcome}: {asked} -> {answer.status} {answer.body[:300]}"
            )
        told = f"{dict(answer.headers)} {answer.body}"
        for found in marks.found_in(shot.kind, told, MARKS):
            _leaked(verdict, shot.kind, found)

    def _lead_inside(self, target: Target, verdict: Verdict) -> None:
        address = inside.address_inside()
        if address is None:
            self.report("no private address here: nothing was led inside")
            return
        with contextlib.ExitStack() as stack:
            canary = stack.enter_context(listening(address))
            self._shoot(target, verdict, inside.shots(target, canary))
            tried, reached = inside.reached(target, canary)
        verdict.count("inside", "tried", tried)
        verdict.count("inside", "let in", reached)
        verdict.count("inside", "refused", tried - min(reached, tried))

    def _search(self, target: Target, verdict: Verdict) -> None:
        ledger = target.simulator("GET", "ledger")["requests"]
        for piece in evidence.gathered(self.stack, ledger):
            for found in marks.found_in(piece.source, piece.text, MARKS):
                _leaked(verdict, _kind_of(piece), found)


def _kept(target: Target, session_uuid: str) -> int:
    return len(target.stores.callbacks.of_session(session_uuid))


def _kind_of(piece: Piece) -> str:
    return piece.source.partition(" ")[0]


def _leaked(verdict: Verdict, kind: str, found: Found) -> None:
    verdict.count(kind, "leaked")
    verdict.example(f"leaked: {found.source}: {found.form}: {found.around}")
