"""The demo: it passes on a stack of its own, and fails aloud where it should."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from stack.demo.sources import Sources
from stack.running import RunningStack
from tests.support.terminal import Terminal


@pytest.fixture(name="terminal")
def _terminal(tmp_path: Path) -> Iterator[Terminal]:
    with Terminal(tmp_path) as terminal:
        yield terminal


def test_the_whole_demo_passes_on_a_stack_of_its_own(terminal: Terminal) -> None:
    done = terminal.run("demo", "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document["as_expected"] is True
    assert document["failure"] is None
    steps = {step["name"]: step for step in document["steps"]}
    assert list(steps) == [
        *("create", "call", "callbacks", "recording", "update"),
        *("create_short", "expired", "rule", "functions"),
    ]
    assert all(check["holds"] for each in steps.values() for check in each["checks"])
    recording = steps["recording"]["facts"]
    assert recording["sha256"] == recording["origin_sha256"]
    assert recording["bytes"] == recording["origin_bytes"] > 40_000
    assert recording["duration_seconds"] == pytest.approx(3, abs=0.25)
    assert len(steps["callbacks"]["facts"]["stored"]) == 8
    assert steps["update"]["facts"]["session"]["call_time_limit"] == 3600
    assert document["steps"][-1]["at_seconds"] < 150
    assert terminal.children() == {}


def test_the_demo_uses_the_stack_that_runs_and_fails_when_plivo_does(
    terminal: Terminal,
) -> None:
    process = terminal.run_until_ready()
    faults = f"{terminal.addresses.plivo_url}/_sim/faults"
    httpx.put(
        faults, json={"create_pool_exhausted": {}}, trust_env=False
    ).raise_for_status()

    for_people = terminal.run("demo")
    for_programs = terminal.run("demo", "--json")

    assert process.poll() is None
    assert for_people.returncode == 1
    assert "Not as expected. POST /v1/sessions: " in for_people.stdout
    assert for_programs.returncode == 1
    document = json.loads(for_programs.stdout)
    assert document["as_expected"] is False
    assert "number_pool_exhausted" in document["failure"]
    assert document["steps"] == []


@pytest.mark.parametrize("audio_format", ["mp3", "wav"])
def test_a_recording_plays(
    stack: RunningStack, tmp_path: Path, audio_format: str
) -> None:
    soxi = shutil.which("soxi")
    if soxi is None:
        pytest.skip("NOT TESTED: that recordings play. There is no sox.")
    parties = {"first_party": "+12025550110", "second_party": "+12025550111"}
    settings = {"record": True, "record_file_format": audio_format}
    with Sources(stack, time.monotonic) as sources:
        created = sources.create_session(parties | settings).json()["session"]
        placed = sources.place_call(
            parties["first_party"], created["virtual_number"], 2
        )
        [item] = sources.wait_for(
            "the recording",
            lambda: (
                [
                    each
                    for each in sources.recordings(created["session_uuid"])
                    if each["status"] == "stored"
                ]
                or None
            ),
            30,
        )
        kept = sources.in_bucket(item["bucket"], item["key"])
        *_, called = sources.call(placed)["legs"]
    file = tmp_path / f"kept.{audio_format}"
    file.write_bytes(kept)

    seconds = subprocess.run(
        [soxi, "-D", file], capture_output=True, text=True, check=True
    ).stdout

    assert hashlib.sha256(kept).hexdigest() == item["sha256"]
    # On a busy machine the two may hang up late.
    talked = _time(called["ended_at"]) - _time(called["answered_at"])
    assert talked.total_seconds() > 1.9
    assert float(seconds) == pytest.approx(talked.total_seconds(), abs=0.25)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
