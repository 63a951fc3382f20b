"""A small run of what `make chaos-recordings` does; and its judge can be severe."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from masking.domain import recording_transitions, recordings
from masking.domain.recordings import Announcement, Recording, Source
from proofs.chaos_recordings.run import PARAMETERS, run
from proofs.chaos_recordings.verdict import Evidence, judge
from stack.addresses import free_addresses
from stack.stack import Stack

CALLS = 40


def test_no_recording_is_lost_doubled_or_silent_whatever_breaks(tmp_path: Path) -> None:
    with Stack(free_addresses(), tmp_path, parameters=PARAMETERS) as stack:
        verdict, _ = run(stack.running, CALLS, mebibytes=9, ahead=True)

    assert verdict.wrong == []
    assert verdict.counts["files at Plivo"] >= CALLS - 3
    assert verdict.counts["dead letters"] == verdict.counts["alarms"] == 2


# The judge


def stored(name: str) -> Recording:
    """Give a recording that is in the bucket."""
    now = datetime.now(UTC)
    begun = recording_transitions.announce(
        Announcement(name, "https://media.plivo.com/x.mp3", "mp3", 1),
        session_uuid="s",
        tenant_id="t",
        retention_days=365,
        source=Source.CALLBACK,
        now=now,
    )
    findings = {"bucket": "b", "key": f"recordings/{name}", "bytes": 3, "sha256": "abc"}
    claimed = recording_transitions.claim(begun, now)
    assert claimed
    return recording_transitions.store(claimed, findings, now)


def evidence(**changes: Any) -> Evidence:
    """Give evidence of one file that was stored and one that is never served."""
    kept = stored("fine")
    gone = recording_transitions.give_up(
        replace(stored("gone"), status=recordings.Status.STORING),
        "r",
        "e",
        kept.announced_at,
    )
    given: dict[str, Any] = {
        "files": {
            "fine": {
                "is_ever_served": True,
                "bytes": 3,
                "sha256": "abc",
                "troubles": {},
            },
            "gone": {"is_ever_served": False, "troubles": {"never": {}}},
        },
        "kept": {"fine": kept, "gone": gone},
        "objects": Counter({"recordings/fine": 1}),
        "digests": {"recordings/fine": (3, "abc")},
        "events": Counter({"recording.stored fine": 1, "recording.failed gone": 1}),
        "dead_letters": {"gone": {"reason": "not_available"}},
        "alarms": Counter({"gone": 1}),
        "fired": {"recording_never": 1},
    }
    return Evidence(**{**given, **changes})


def test_what_is_right_is_not_wrong() -> None:
    assert judge(evidence(), ["recording_never"], 1).wrong == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"objects": Counter()}, "not one object"),
        ({"objects": Counter({"recordings/fine": 2})}, "not one object"),
        (
            {"objects": Counter({"recordings/fine": 1, "recordings/x": 1})},
            "should not be in the bucket",
        ),
        ({"digests": {"recordings/fine": (3, "xyz")}}, "another file"),
        ({"dead_letters": {}}, "no dead letter"),
        ({"dead_letters": {"gone": {}, "fine": {}}}, "without a reason"),
        ({"alarms": Counter()}, "0 alarms"),
        ({"alarms": Counter({"gone": 2})}, "2 alarms"),
        ({"kept": {"gone": evidence().kept["gone"]}}, "unheard of"),
        (
            {
                "events": Counter(
                    {"recording.stored fine": 2, "recording.failed gone": 1}
                )
            },
            "2 events stored",
        ),
        ({"events": Counter({"recording.stored fine": 1})}, "0 failed"),
        ({"fired": {}}, "drawn 0 times"),
    ],
)
def test_what_is_wrong_is_told(changes: dict[str, Any], told: str) -> None:
    wrong = judge(evidence(**changes), ["recording_never"], 1).wrong

    assert any(told in sentence for sentence in wrong), wrong
