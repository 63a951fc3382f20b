"""Check what was told of calls: by the API, on the bus, at the app's webhook."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from proofs.calls_chaos.comparison import View, differences, pairs
from proofs.report import Report

ENDED = "call.ended"
CORRECTED = "call.corrected"

# Each kind of fault must have struck so often in a whole run.
LEAST_STRUCK = 10

SETTLED = "settled"

# What an app must know in the end of a call, by the last event about it.
TOLD_LAST = ("outcome", "started_at", "ended_at", "billed_seconds", "amount")


@dataclass
class Evidence:
    """What was seen; all but *struck* is by our UUID of a session.

    *true* are the simulator's calls, *told* the API's view with its calls. Of
    callbacks, each different one counts once: those that were *acknowledged*, those
    that were *sent*, and those that the API lists, *kept*. *bus* and *webhooks* are the
    events of calls, each id once. *silent* sessions lost every callback.
    """

    true: Mapping[str, Sequence[View]]
    told: Mapping[str, View]
    acknowledged: Mapping[str, int]
    sent: Mapping[str, int]
    kept: Mapping[str, Sequence[View]]
    bus: Mapping[str, Sequence[View]]
    webhooks: Mapping[str, Sequence[View]]
    struck: Mapping[str, int]
    silent: frozenset[str] = frozenset()


def check_all(evidence: Evidence, kinds: Sequence[str], least_struck: int) -> Report:
    """Apply every rule; *kinds* of faults must have struck *least_struck* times."""
    report = Report("calls_chaos")
    for session_uuid, true in evidence.true.items():
        told = evidence.told[session_uuid]
        _check_calls(evidence, session_uuid, told["calls"], true, report)
        _check_totals(session_uuid, told, true, report)
        _check_events(evidence, session_uuid, report)
        _check_kept(evidence, session_uuid, report)
    for kind in kinds:
        struck = evidence.struck.get(kind, 0)
        name = f"each kind of fault struck {least_struck} times"
        report.check(struck >= least_struck, name, f"{kind} struck {struck} times")
        report.count("faults", kind, "struck", struck)
    report.counts = {
        "sessions": len(evidence.true),
        "of these without one callback": len(evidence.silent),
        "calls": sum(len(calls) for calls in evidence.true.values()),
        "callbacks that were kept": sum(len(kept) for kept in evidence.kept.values()),
        "events call.ended": _events(evidence.bus, ENDED),
        "events call.corrected": _events(evidence.bus, CORRECTED),
    }
    return report


def _check_calls(
    evidence: Evidence,
    session_uuid: str,
    told: Sequence[View],
    true: Sequence[View],
    report: Report,
) -> None:
    report.check(
        len(told) == len(true),
        "a session has as many calls as Plivo's ledger",
        f"{session_uuid}: {len(told)} calls told, {len(true)} true",
    )
    found = pairs(told, true)
    for missing in true[len(found) :] if len(told) < len(true) else ():
        _tally(evidence, session_uuid, missing, report, wrong=True)
    for view, call in found:
        wrong = differences(view, call)
        who = f"{session_uuid}, {_described(call)}"
        by_name = {each.check: each for each in wrong}
        for name in (
            *("outcome", "started_at", "answered_at", "ended_at"),
            *("talk_seconds", "billed_seconds", "amount"),
        ):
            case = f"{who}: {by_name.get(name)}"
            report.check(name not in by_name, f"{name} of a call is Plivo's", case)
        report.check(
            view["certainty"] == SETTLED,
            "every call is settled",
            f"{who}: {view['certainty']}",
        )
        _tally(evidence, session_uuid, call, report, wrong=bool(wrong))


def _check_totals(
    session_uuid: str, told: View, true: Sequence[View], report: Report
) -> None:
    amount = sum((Decimal(call["amount"]) for call in true), Decimal(0))
    has = told["total_call_amount"], told["total_call_billed_duration"]
    is_so = (
        has[0] is not None
        and Decimal(has[0]) == amount
        and has[1] == sum(call["billed_duration"] for call in true)
        and told["total_call_count"] == sum(len(call["legs"]) for call in true)
    )
    case = f"{session_uuid}: {has[0]} and {has[1]} s told, {amount} true"
    report.check(is_so, "the totals of a session are Plivo's", case)


def _check_kept(evidence: Evidence, session_uuid: str, report: Report) -> None:
    kept, least = evidence.kept[session_uuid], evidence.acknowledged[session_uuid]
    report.check(
        # One whose answer was late may have been kept all the same.
        least <= len(kept) <= evidence.sent[session_uuid],
        "each acknowledged callback is listed once",
        f"{session_uuid}: {least} acknowledged, {len(kept)} listed",
    )
    known = {call["ordinal"] for call in evidence.told[session_uuid]["calls"]}
    named = {each["call"] for each in kept} - {None}
    report.check(
        named <= known,
        "callbacks are of calls that are told",
        f"{session_uuid}: calls {sorted(named - known)} are not told",
    )


def _check_events(evidence: Evidence, session_uuid: str, report: Report) -> None:
    calls = len(evidence.true[session_uuid])
    sources = {"on the bus": evidence.bus, "at the app": evidence.webhooks}
    for where, source in sources.items():
        events = source.get(session_uuid, ())
        ended = [each for each in events if each["type"] == ENDED]
        is_once = len(ended) == calls
        report.check(
            is_once,
            f"call.ended came once for each call {where}",
            ""
            if is_once
            else f"{session_uuid}: {len(ended)} for {calls} calls\n"
            + _story(evidence.kept[session_uuid], events),
        )
        strays = _call_ids(events, CORRECTED) - _call_ids(events, ENDED)
        report.check(
            not strays,
            f"what is corrected was told to have ended {where}",
            f"{session_uuid}: {len(strays)} corrected calls without an end",
        )
        for call in evidence.told[session_uuid]["calls"]:
            report.check(
                any(_says(each, call) for each in events),
                f"the end of each call was told as it is {where}",
                f"{session_uuid}: no event tells {call['outcome']} of call "
                f"{call['ordinal']} with {call['billed_seconds']} s",
            )
    on_bus, at_app = (
        {each["id"] for each in source.get(session_uuid, ())}
        for source in sources.values()
    )
    report.check(
        on_bus == at_app,
        "the app's webhook got what the bus got",
        f"{session_uuid}: {len(on_bus - at_app)} missing, {len(at_app - on_bus)} more",
    )


def _story(kept: Sequence[View], events: Sequence[View]) -> str:
    """Write down a session's callbacks as they came, and what was told of its calls."""
    came = sorted(kept, key=lambda each: str(each.get("received_at")))
    told = [each for each in events if each["type"] in (ENDED, CORRECTED)]
    return "\n".join(json.dumps(each, sort_keys=True) for each in (*came, *told))


def _call_ids(events: Sequence[View], kind: str) -> set[str]:
    """Return the calls that events of a type are about."""
    return {str(each.get("call_id")) for each in events if each["type"] == kind}


def _says(event: View, call: View) -> bool:
    """Return whether an event of a call's end tells what the API tells of *call*."""
    view = event.get("call") or {}
    return event["type"] in (ENDED, CORRECTED) and all(
        view.get(name) == call[name] for name in TOLD_LAST
    )


def _tally(
    evidence: Evidence, session_uuid: str, call: View, report: Report, *, wrong: bool
) -> None:
    """Count a call in the tables of outcomes and of what befell its callbacks."""
    fates = sorted(set(_fates(call))) or ["none"]
    if session_uuid in evidence.silent:
        fates = ["every callback dropped"]
    for table, names in {"outcomes": [call["outcome"]], "faults": fates}.items():
        for name in names:
            report.count(f"{table} of calls", name, "calls")
            report.count(f"{table} of calls", name, "told wrong", int(wrong))


def _fates(call: View) -> Iterator[str]:
    for callback in call["callbacks"]:
        if callback["fault"] and not callback["copy_of"]:
            yield callback["fault"].removeprefix("webhook_")


def _described(call: View) -> str:
    fates = Counter(_fates(call))
    spoilt = ", ".join(f"{n} {name}" for name, n in sorted(fates.items())) or "no fault"
    return f"{call['outcome']} call at {call['started_at'][11:23]} ({spoilt})"


def _events(source: Mapping[str, Sequence[Mapping[str, Any]]], kind: str) -> int:
    return sum(each["type"] == kind for events in source.values() for each in events)
