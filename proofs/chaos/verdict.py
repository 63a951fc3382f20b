"""Hold what was answered against what happened. Rules alone: no I/O, no clock.

Truth is the simulator's ledger (what each request changed, and when) and the clients'
log (what each was answered, and when). Our own sessions are only ever compared with
these.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from proofs.chaos.comparison import differences
from proofs.chaos.traffic import Sent, Task

MOST_UNKNOWN = 0.05
LEAST_CREATED = 0.90

OUR_UUID = re.compile(r"/v1/plivo/sessions/([0-9a-f-]{36})/")

DONE = {"create": "created", "update": "updated", "delete": "expired"}
NOT_DONE = {"create": "not_created", "update": "not_updated", "delete": "not_expired"}
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Evidence:
    """What both sides say after the reconcile pass.

    *ledger* and *theirs* are the simulator's requests and sessions as its control API
    shows them; *ours* the sessions of our API by UUID (None: 404); *uuid_of* gives
    our UUID of a create's key.
    """

    log: Sequence[Task]
    ledger: Sequence[Mapping[str, Any]]
    theirs: Sequence[Mapping[str, Any]]
    ours: Mapping[str, Mapping[str, Any] | None]
    uuid_of: Mapping[str, str]


@dataclass
class Verdict:
    """What was counted and which rules were broken, each by whom."""

    counts: dict[str, Any] = field(default_factory=dict)
    broken: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def holds(self) -> bool:
        """Say whether no rule was broken."""
        return not self.broken

    def demand(self, met: object, rule: str, who: str) -> None:
        """Note that *who* breaks *rule* unless it is *met*."""
        if not met:
            self.broken[rule].append(who)


def judge(evidence: Evidence, least_fired: int, kinds: Iterable[str]) -> Verdict:
    """Apply every rule."""
    verdict = Verdict()
    _judge_shares(evidence, verdict)
    _judge_faults(evidence, verdict, least_fired, kinds)
    _judge_outcomes(evidence, verdict)
    _judge_requests(evidence, verdict)
    _judge_sessions(evidence, verdict)
    return verdict


def final(task: Task) -> str:
    """Give the outcome of a task as its client knows it."""
    if any(sent.is_done for sent in task.sends):
        return DONE[task.kind]
    return task.last.outcome or UNKNOWN


def _judge_shares(evidence: Evidence, verdict: Verdict) -> None:
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    codes: dict[str, Counter[str]] = defaultdict(Counter)
    for task in evidence.log:
        outcomes[task.kind][final(task)] += 1
        for sent in task.sends:
            codes[task.kind][sent.code or str(sent.status)] += 1
    creates = outcomes["create"]
    total = max(creates.total(), 1)
    unknown, created = creates[UNKNOWN] / total, creates["created"] / total
    verdict.demand(unknown <= MOST_UNKNOWN, "unknown <= 5 %", f"{unknown:.1%}")
    verdict.demand(created >= LEAST_CREATED, "created >= 90 %", f"{created:.1%}")
    verdict.counts["outcomes"] = {k: dict(v) for k, v in sorted(outcomes.items())}
    verdict.counts["answers"] = {k: dict(v) for k, v in sorted(codes.items())}
    sends = [len(task.sends) for task in evidence.log if task.kind == "create"]
    verdict.counts["creates_sent_again"] = sum(1 for n in sends if n > 1)


def _judge_faults(
    evidence: Evidence, verdict: Verdict, least_fired: int, kinds: Iterable[str]
) -> None:
    fired = Counter(entry["fault"] for entry in evidence.ledger if entry["fault"])
    for kind in kinds:
        rule = f"each kind of fault fired {least_fired} times"
        verdict.demand(fired[kind] >= least_fired, rule, f"{kind} {fired[kind]}")
    requests = Counter(entry["operation"] for entry in evidence.ledger)
    verdict.counts["requests_to_plivo"] = dict(requests)
    verdict.counts["faults"] = dict(sorted(fired.items()))
    share = fired.total() / max(requests.total(), 1)
    verdict.counts["share_of_requests_hit"] = round(share, 3)


def _judge_outcomes(evidence: Evidence, verdict: Verdict) -> None:
    """Hold every single answer against the ledger at that time."""
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
        for number, sent in enumerate(task.sends, 1):
            who = f"{task.wish.key} {task.kind}, send {number}"
            if task.kind == "create":
                happened = [
                    at
                    for at in created[evidence.uuid_of[task.wish.key]]
                    if at <= sent.answered_at
                ]
            elif task.kind == "update" and task.body:
                happened = _within(updated[task.body["ring_timeout"]], sent, task)
            else:
                ours = evidence.ours.get(_uuid_in_path(task)) or {}
                there = str(ours.get("carrier_session_uuid"))
                happened = _within(deleted[there], sent, task)
            _judge_answer(verdict, task.kind, sent, who, happened=bool(happened))


def _judge_answer(
    verdict: Verdict, kind: str, sent: Sent, who: str, *, happened: bool
) -> None:
    if sent.is_done:
        # An ending may find a session that ended before it was asked for.
        verdict.demand(happened or kind == "delete", f"{DONE[kind]} is true", who)
    elif sent.outcome == NOT_DONE[kind]:
        verdict.demand(not happened, f"{NOT_DONE[kind]} is true", who)
    elif sent.status is not None and sent.code is not None:
        verdict.demand(sent.outcome == UNKNOWN, "errors say their outcome", who)


def _within(times: Iterable[datetime], sent: Sent, task: Task) -> list[datetime]:
    """Give what happened while *sent* was worked on; if it was done, ever before.

    A send that no function answered may still have been worked on, and then what
    happened was as likely its doing.
    """
    start = task.sends[0].at if sent.is_done else sent.at
    # The ledger is written to the millisecond.
    early = start - timedelta(milliseconds=1)
    happened = [at for at in times if early <= at <= sent.answered_at]
    before = task.sends[: task.sends.index(sent)]
    unanswered = sum(1 for each in before if not each.is_done and each.code is None)
    return happened if sent.is_done else happened[unanswered:]


def _judge_requests(evidence: Evidence, verdict: Verdict) -> None:
    """Hold each create against what is at the simulator in the end."""
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
        key, uuid = task.wish.key, evidence.uuid_of[task.wish.key]
        known.add(uuid)
        ours = evidence.ours.get(uuid)
        verdict.demand(rang[uuid] <= 1, "no request rings a phone twice", key)
        if final(task) == "created":
            wanted = 0 if uuid in deleted and _is_over(ours) else 1
            rule = "one live session for each request answered as created"
            verdict.demand(len(live[uuid]) == wanted, rule, f"{key}: {live[uuid]}")
            answered = task.last.session or {}
            same = ours and (
                answered["carrier_session_uuid"] == ours["carrier_session_uuid"]
            )
            verdict.demand(same, "the session answered is the one kept", key)
        elif ours is None or ours["status"] == "failed":
            verdict.demand(not live[uuid], "no orphan", f"{key}: {live[uuid]}")
        else:
            verdict.demand(ours["status"] != "pending", "nothing left in doubt", key)
            verdict.demand(len(live[uuid]) <= 1, "no orphan", f"{key}: {live[uuid]}")
        if ours and live[uuid]:
            kept = ours["carrier_session_uuid"]
            verdict.demand(live[uuid] == [kept], "no orphan", f"{key}: {live[uuid]}")
    strangers = [uuid for uuid in live if uuid not in known]
    verdict.demand(not strangers, "no orphan", f"not asked for: {strangers[:5]}")
    verdict.counts["live_at_plivo"] = sum(len(each) for each in live.values())
    verdict.counts["calls_rung"] = rang.total()


def _judge_sessions(evidence: Evidence, verdict: Verdict) -> None:
    """Hold each session of ours against the simulator's, field by field."""
    theirs = {session["session_uuid"]: session for session in evidence.theirs}
    compared = Counter[str]()
    for uuid, ours in evidence.ours.items():
        if ours is None or ours["carrier_session_uuid"] is None:
            continue
        there = theirs.get(ours["carrier_session_uuid"])
        verdict.demand(there, "our sessions are at Plivo", uuid)
        if there is None:
            continue
        if ours["status"] == "expired":
            over = there["status"] == "expired"
            verdict.demand(over, "what we call expired connects nobody", uuid)
        verdict.demand(ours["status"] != "ending", "nothing left in doubt", uuid)
        compared[ours["status"]] += 1
        for name, mine, its in differences(ours, there["session"]):
            rule = "ours equals the simulator's field by field"
            verdict.demand(False, rule, f"{uuid} {name}: {mine!r}, there {its!r}")
    verdict.counts["compared"] = dict(compared)


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
