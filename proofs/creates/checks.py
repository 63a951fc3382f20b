"""Compare what was answered with what happened. Rules alone: no I/O, no clock.

Truth is the simulator's ledger (what each request changed, and when) and the clients'
log (what each was answered, and when). Our own sessions are only ever compared with
these.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from proofs.creates.clients import Attempt, Task
from proofs.creates.comparison import differences
from proofs.report import Report

MOST_UNKNOWN = 0.05
LEAST_CREATED = 0.90

OUR_UUID = re.compile(r"/v1/plivo/sessions/([0-9a-f-]{36})/")

DONE = {"create": "created", "update": "updated", "delete": "expired"}
NOT_DONE = {"create": "not_created", "update": "not_updated", "delete": "not_expired"}
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Evidence:
    """What both sides show after the reconciliation.

    *ledger* and *theirs* are the simulator's requests and sessions as its control API
    shows them; *ours* the sessions of our API by UUID (None: 404); *uuid_of* gives
    our UUID of a create's key.
    """

    log: Sequence[Task]
    ledger: Sequence[Mapping[str, Any]]
    theirs: Sequence[Mapping[str, Any]]
    ours: Mapping[str, Mapping[str, Any] | None]
    uuid_of: Mapping[str, str]


def check_all(evidence: Evidence, least_struck: int, kinds: Iterable[str]) -> Report:
    """Apply every rule; *kinds* of faults must have struck *least_struck* times."""
    report = Report("creates")
    _check_shares(evidence, report)
    _check_faults(evidence, report, least_struck, kinds)
    _check_answers(evidence, report)
    _check_requests(evidence, report)
    _check_sessions(evidence, report)
    return report


def final(task: Task) -> str:
    """Return the outcome of a task as its client knows it."""
    if any(attempt.is_done for attempt in task.attempts):
        return DONE[task.kind]
    return task.last.outcome or UNKNOWN


def _check_shares(evidence: Evidence, report: Report) -> None:
    creates = Counter[str]()
    for task in sorted(evidence.log, key=lambda task: task.kind):
        report.count("outcomes", final(task), task.kind)
        if task.kind == "create":
            creates[final(task)] += 1
        for attempt in task.attempts:
            report.count("answers", attempt.code or str(attempt.status), task.kind)
    total = max(creates.total(), 1)
    unknown, created = creates[UNKNOWN] / total, creates["created"] / total
    report.check(unknown <= MOST_UNKNOWN, "unknown <= 5 %", f"{unknown:.1%}")
    report.check(created >= LEAST_CREATED, "created >= 90 %", f"{created:.1%}")
    report.counts["creates sent again"] = sum(
        task.kind == "create" and len(task.attempts) > 1 for task in evidence.log
    )


def _check_faults(
    evidence: Evidence, report: Report, least_struck: int, kinds: Iterable[str]
) -> None:
    struck = Counter(entry["fault"] for entry in evidence.ledger if entry["fault"])
    for kind in kinds:
        name = f"each kind of fault struck {least_struck} times"
        report.check(struck[kind] >= least_struck, name, f"{kind} {struck[kind]}")
    for kind, times in sorted(struck.items()):
        report.count("faults", kind, "struck", times)
    requests = Counter(entry["operation"] for entry in evidence.ledger)
    for operation, times in requests.items():
        report.count("requests to Plivo", operation, "times", times)
    share = struck.total() / max(requests.total(), 1)
    report.counts["share of requests hit"] = round(share, 3)


def _check_answers(evidence: Evidence, report: Report) -> None:
    """Compare every single answer with the ledger at that time."""
    created: dict[str, list[datetime]] = defaultdict(list)
    updated: dict[Any, list[datetime]] = defaultdict(list)
    deleted: dict[str, list[datetime]] = defaultdict(list)
    for entry, change in _changes(evidence.ledger):
        at = datetime.fromisoformat(entry["at"])
        if change["action"] == "created":
            created[_our_uuid(change["callback_url"])].append(at)
        elif change["action"] == "updated":
            updated[change["ring_timeout"]].append(at)
        else:
            deleted[change["session_uuid"]].append(at)
    for task in evidence.log:
        for number, attempt in enumerate(task.attempts, 1):
            case = f"{task.plan.key} {task.kind}, attempt {number}"
            if task.kind == "create":
                happened = [
                    at
                    for at in created[evidence.uuid_of[task.plan.key]]
                    if at <= attempt.answered_at
                ]
            elif task.kind == "update" and task.body:
                happened = _within(updated[task.body["ring_timeout"]], attempt, task)
            else:
                ours = evidence.ours.get(_uuid_in_path(task)) or {}
                there = str(ours.get("carrier_session_uuid"))
                happened = _within(deleted[there], attempt, task)
            _check_answer(report, task.kind, attempt, case, happened=bool(happened))


def _check_answer(
    report: Report, kind: str, attempt: Attempt, case: str, *, happened: bool
) -> None:
    if attempt.is_done:
        # A delete may find a session that ended before it was asked for.
        report.check(happened or kind == "delete", f"{DONE[kind]} is true", case)
    elif attempt.outcome == NOT_DONE[kind]:
        report.check(not happened, f"{NOT_DONE[kind]} is true", case)
    elif attempt.status is not None and attempt.code is not None:
        known = attempt.outcome == UNKNOWN
        report.check(known, "errors say their outcome", case)


def _within(times: Iterable[datetime], attempt: Attempt, task: Task) -> list[datetime]:
    """Return what happened during an attempt; if it was done, ever before.

    An attempt that no function answered may still have been worked on, and then what
    happened was as likely its doing.
    """
    start = task.attempts[0].at if attempt.is_done else attempt.at
    # The ledger is written to the millisecond.
    early = start - timedelta(milliseconds=1)
    happened = [at for at in times if early <= at <= attempt.answered_at]
    before = task.attempts[: task.attempts.index(attempt)]
    unanswered = sum(1 for each in before if not each.is_done and each.code is None)
    return happened if attempt.is_done else happened[unanswered:]


def _check_requests(evidence: Evidence, report: Report) -> None:
    """Compare each create with what is at the simulator in the end."""
    live: dict[str, list[str]] = defaultdict(list)
    for session in evidence.theirs:
        if session["status"] != "expired":
            uuid = _our_uuid(session["session"]["callback_url"])
            live[uuid].append(session["session_uuid"])
    rang = Counter(
        _our_uuid(change["callback_url"])
        for _, change in _changes(evidence.ledger)
        if change["action"] == "created" and change["rang"]
    )
    deleted = {_uuid_in_path(task) for task in evidence.log if task.kind == "delete"}
    known = set()
    for task in evidence.log:
        if task.kind != "create":
            continue
        key, uuid = task.plan.key, evidence.uuid_of[task.plan.key]
        known.add(uuid)
        ours = evidence.ours.get(uuid)
        report.check(rang[uuid] <= 1, "no request rings a phone twice", key)
        if final(task) == "created":
            wanted = 0 if uuid in deleted and _is_over(ours) else 1
            rule = "one live session for each request answered as created"
            report.check(len(live[uuid]) == wanted, rule, f"{key}: {live[uuid]}")
            answered = task.last.session or {}
            same = ours and (
                answered["carrier_session_uuid"] == ours["carrier_session_uuid"]
            )
            report.check(same, "the session answered is the one kept", key)
        elif ours is None or ours["status"] == "failed":
            report.check(not live[uuid], "no orphan", f"{key}: {live[uuid]}")
        else:
            report.check(ours["status"] != "pending", "nothing left in doubt", key)
            report.check(len(live[uuid]) <= 1, "no orphan", f"{key}: {live[uuid]}")
        if ours and live[uuid]:
            kept = ours["carrier_session_uuid"]
            report.check(live[uuid] == [kept], "no orphan", f"{key}: {live[uuid]}")
    strangers = [uuid for uuid in live if uuid not in known]
    report.check(not strangers, "no orphan", f"not asked for: {strangers[:5]}")
    report.counts["live at Plivo"] = sum(len(each) for each in live.values())
    report.counts["calls rung"] = rang.total()


def _check_sessions(evidence: Evidence, report: Report) -> None:
    """Compare each session of ours with the simulator's, field by field."""
    theirs = {session["session_uuid"]: session for session in evidence.theirs}
    compared = Counter[str]()
    for uuid, ours in evidence.ours.items():
        if ours is None or ours["carrier_session_uuid"] is None:
            continue
        there = theirs.get(ours["carrier_session_uuid"])
        report.check(there, "our sessions are at Plivo", uuid)
        if there is None:
            continue
        if ours["status"] == "expired":
            over = there["status"] == "expired"
            report.check(over, "what we call expired connects nobody", uuid)
        report.check(ours["status"] != "ending", "nothing left in doubt", uuid)
        compared[ours["status"]] += 1
        found = [
            f"{name}: {mine!r}, there {its!r}"
            for name, mine, its in differences(ours, there["session"])
        ]
        rule = "ours equals the simulator's field by field"
        report.check(not found, rule, f"{uuid} {'; '.join(found)}")
    for status, times in compared.items():
        report.count("sessions compared", status, "times", times)


def _changes(
    ledger: Iterable[Mapping[str, Any]],
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for entry in ledger:
        if entry["committed"]:
            yield entry, entry["committed"]


def _our_uuid(callback_url: str) -> str:
    match = OUR_UUID.search(callback_url)
    return match[1] if match else callback_url


def _uuid_in_path(task: Task) -> str:
    return task.path.rpartition("/")[2]


def _is_over(session: Mapping[str, Any] | None) -> bool:
    return session is not None and session["status"] == "expired"
