"""Compare what the simulator knows with what became of it. Rules alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from masking.domain.recordings import Recording, Status

STORED = "recording.stored"
FAILED = "recording.failed"

# Each kind of fault must have been drawn so often in a whole run.
LEAST_FIRED = 10


@dataclass
class Evidence:
    """What was seen. *files* are the simulator's recordings with their truth, by id;
    *digests* bytes and SHA-256 of the objects, by key."""

    files: Mapping[str, Mapping[str, Any]]
    kept: Mapping[str, Recording]
    objects: Counter[str]
    digests: Mapping[str, tuple[int, str]]
    events: Counter[str]
    dead_letters: Mapping[str, Mapping[str, str]]
    alarms: Counter[str]
    fired: Mapping[str, int]
    removed: frozenset[str] = frozenset()


@dataclass
class Verdict:
    """What is wrong, one sentence each, and the counts."""

    wrong: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def judge(evidence: Evidence, kinds: Sequence[str], least: int) -> Verdict:
    """Say what is wrong; *kinds* are the faults that must have fired *least* times."""
    verdict = Verdict()
    served = {name for name, file in evidence.files.items() if file["is_ever_served"]}
    never = evidence.files.keys() - served
    _judge_served(evidence, served, verdict)
    _judge_never(evidence, never, verdict)
    _judge_events(evidence, verdict)
    for kind in kinds:
        if evidence.fired.get(kind, 0) < least:
            fired = evidence.fired.get(kind, 0)
            verdict.wrong.append(f"{kind} was drawn {fired} times, not {least}")
    unmade = evidence.kept.keys() - evidence.files.keys()
    verdict.counts = {
        "files at Plivo": len(evidence.files),
        "of these never served": len(never),
        "objects, byte for byte the file": len(served - evidence.removed),
        "large, compared and deleted again": len(evidence.removed),
        "dead letters": len(evidence.dead_letters),
        "alarms": sum(evidence.alarms.values()),
        "calls that Plivo could not record": len(unmade),
        "wrong": len(verdict.wrong),
    }
    return verdict


def _judge_served(evidence: Evidence, served: set[str], verdict: Verdict) -> None:
    keys = Counter(evidence.objects)
    for name in sorted(served - evidence.removed):
        file, known = evidence.files[name], evidence.kept.get(name)
        if known is None or known.status is not Status.STORED or not known.key:
            state = known.status if known else "unheard of"
            verdict.wrong.append(f"{name} ({_troubles(file)}) is {state}")
            continue
        if keys.pop(known.key, 0) != 1:
            verdict.wrong.append(f"{name} is not one object")
        truth = (file["bytes"], file["sha256"])
        if evidence.digests.get(known.key) != truth:
            verdict.wrong.append(f"{name} ({_troubles(file)}) is another file")
        if (known.bytes, known.sha256) != truth:
            verdict.wrong.append(f"{name} is described wrongly in the table")
    verdict.wrong += [f"{key} should not be in the bucket" for key in sorted(keys)]


def _judge_never(evidence: Evidence, never: set[str], verdict: Verdict) -> None:
    for name in sorted(never | evidence.dead_letters.keys() | evidence.alarms.keys()):
        known = evidence.kept.get(name)
        if name not in never:
            verdict.wrong.append(f"{name} is a dead letter or alarm without a reason")
        elif name not in evidence.dead_letters:
            verdict.wrong.append(f"{name} is never served, and no dead letter")
        elif evidence.alarms[name] != 1:
            verdict.wrong.append(f"{name} has {evidence.alarms[name]} alarms")
        elif known is None or known.status is not Status.FAILED:
            verdict.wrong.append(f"{name} is a dead letter that the table has not")


def _judge_events(evidence: Evidence, verdict: Verdict) -> None:
    for name, recording in evidence.kept.items():
        stored = evidence.events[f"{STORED} {name}"]
        failed = evidence.events[f"{FAILED} {name}"]
        wanted = (0, 1) if recording.status is Status.FAILED else (1, 0)
        if (stored, failed) != wanted:
            verdict.wrong.append(
                f"{name}, {recording.status}: {stored} events stored, {failed} failed"
            )


def _troubles(file: Mapping[str, Any]) -> str:
    return ", ".join(file["troubles"]) or "fine"
