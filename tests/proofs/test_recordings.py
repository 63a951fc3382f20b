"""A small run of `make chaos-recordings`: no recording is lost."""

from __future__ import annotations

from pathlib import Path

from proofs.recordings.run import prove
from stack.addresses import free_addresses
from stack.stack import Stack

CALLS = 40

# The shortest that the template takes.
PARAMETERS = {"RecordingRetrySeconds": "13"}


def test_no_recording_is_lost_doubled_or_silent_whatever_breaks(tmp_path: Path) -> None:
    with Stack(free_addresses(), tmp_path, parameters=PARAMETERS) as stack:
        report = prove(stack.running, print, calls=CALLS, mebibytes=9, ahead=True)

    assert report.failures == {}
    assert report.counts["files at Plivo"] >= CALLS - 3
    assert report.counts["dead letters"] == report.counts["alarms"] == 2
