"""The checks of the proof of recordings see every kind of loss."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from masking.domain import recording_transitions, recordings
from masking.domain.recordings import Announcement, Recording, Source
from proofs.recordings.checks import Evidence, check_all


def stored(name: str) -> Recording:
    """Return a recording that is in the bucket."""
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
    """Return evidence of one file that was stored and one that is never served."""
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
        "struck": {"recording_never": 1},
    }
    return Evidence(**{**given, **changes})


def test_a_run_in_which_nothing_was_lost_holds() -> None:
    assert check_all(evidence(), ["recording_never"], 1).failures == {}


@pytest.mark.parametrize(
    ("changes", "shown"),
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
        ({"struck": {}}, "struck 0 times"),
    ],
)
def test_a_loss_is_seen(changes: dict[str, Any], shown: str) -> None:
    failures = check_all(evidence(**changes), ["recording_never"], 1).failures

    cases = [case for failed in failures.values() for case in failed]
    assert any(shown in case for case in cases), cases
