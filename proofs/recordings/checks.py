"""Compare what the simulator recorded with what became of it. Rules alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from masking.domain.recordings import Recording, Status
from proofs.report import Report

STORED = "recording.stored"
FAILED = "recording.failed"

# Each kind of fault must have struck so often in a whole run.
LEAST_STRUCK = 10


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
    struck: Mapping[str, int]
    removed: frozenset[str] = frozenset()

    @property
    def served(self) -> set[str]:
        """Return the recordings whose file Plivo serves sooner or later."""
        return {name for name, file in self.files.items() if file["is_ever_served"]}

    @property
    def never_served(self) -> set[str]:
        """Return the recordings whose file Plivo never serves."""
        return self.files.keys() - self.served


def check_all(evidence: Evidence, kinds: Sequence[str], least_struck: int) -> Report:
    """Apply every rule; *kinds* of faults must have struck *least_struck* times."""
    report = Report("recordings")
    _check_served(evidence, report)
    _check_never_served(evidence, report)
    _check_events(evidence, report)
    for kind in kinds:
        struck = evidence.struck.get(kind, 0)
        name = f"each kind of fault struck {least_struck} times"
        report.check(struck >= least_struck, name, f"{kind} struck {struck} times")
        report.count("faults", kind, "struck", struck)
    not_recorded = evidence.kept.keys() - evidence.files.keys()
    report.counts = {
        "files at Plivo": len(evidence.files),
        "of these never served": len(evidence.never_served),
        "objects in the bucket": len(evidence.served - evidence.removed),
        "large, compared and deleted again": len(evidence.removed),
        "dead letters": len(evidence.dead_letters),
        "alarms": sum(evidence.alarms.values()),
        "calls that Plivo could not record": len(not_recorded),
    }
    return report


def _check_served(evidence: Evidence, report: Report) -> None:
    keys = Counter(evidence.objects)
    for name in sorted(evidence.served - evidence.removed):
        file, known = evidence.files[name], evidence.kept.get(name)
        who = f"{name} ({', '.join(file['troubles']) or 'fine'})"
        state = known.status if known else "unheard of"
        is_stored = known and known.status is Status.STORED and known.key
        report.check(is_stored, "what Plivo serves is stored", f"{who} is {state}")
        if not known or not is_stored:
            continue
        truth = (file["bytes"], file["sha256"])
        report.check(
            keys.pop(str(known.key), 0) == 1,
            "a recording is one object",
            f"{who} is not one object",
        )
        report.check(
            evidence.digests.get(str(known.key)) == truth,
            "an object is Plivo's file, byte for byte",
            f"{who} is another file",
        )
        report.check(
            (known.bytes, known.sha256) == truth,
            "the table describes the file",
            f"{who} is described wrongly in the table",
        )
    report.check(
        not keys,
        "the bucket has nothing else",
        f"{', '.join(sorted(keys))} should not be in the bucket",
    )


def _check_never_served(evidence: Evidence, report: Report) -> None:
    never, letters, alarms = (
        evidence.never_served,
        evidence.dead_letters,
        evidence.alarms,
    )
    for name in sorted(letters.keys() | alarms.keys()):
        case = f"{name} is a dead letter or alarm without a reason"
        report.check(name in never, "dead letters and alarms have a reason", case)
    for name in sorted(never):
        known = evidence.kept.get(name)
        report.check(
            name in letters,
            "what is never served is a dead letter",
            f"{name} is never served, and no dead letter",
        )
        report.check(
            alarms[name] == 1,
            "what is never served is one alarm",
            f"{name} has {alarms[name]} alarms",
        )
        report.check(
            known and known.status is Status.FAILED,
            "what is never served has failed in the table",
            f"{name} has not failed in the table",
        )


def _check_events(evidence: Evidence, report: Report) -> None:
    for name, recording in evidence.kept.items():
        stored = evidence.events[f"{STORED} {name}"]
        failed = evidence.events[f"{FAILED} {name}"]
        wanted = (0, 1) if recording.status is Status.FAILED else (1, 0)
        report.check(
            (stored, failed) == wanted,
            "the bus tells of each recording once",
            f"{name}, {recording.status}: {stored} events stored, {failed} failed",
        )
