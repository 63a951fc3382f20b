"""Processes of the stack: none outlives its parent, and none ends unnoticed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.children import Child, ChildEndedError, end_all
from stack.environments import ROOT
from tests.support.waiting import is_running, wait_for

LINGERING = "tests.support.lingering"


def _start(folder: Path, name: str = "lingering") -> Child:
    return Child(
        "the lingering one",
        Path(sys.executable),
        LINGERING,
        [str(folder / f"{name}.pids")],
        {"PATH": os.environ["PATH"]},
        folder / f"{name}.log",
    )


def _pids(folder: Path, name: str = "lingering") -> list[int]:
    written = folder / f"{name}.pids"
    wait_for(written.exists)
    return [int(pid) for pid in written.read_text().split()]


@pytest.fixture(name="child")
def _child(tmp_path: Path) -> Iterator[Child]:
    with _start(tmp_path) as child:
        yield child


def test_ending_a_child_ends_its_own_children_too(child: Child, tmp_path: Path) -> None:
    pids = _pids(tmp_path)

    child.end()

    assert [is_running(pid) for pid in pids] == [False, False]


def test_ending_a_child_twice_is_ending_it_once(child: Child) -> None:
    child.end()
    child.end()

    assert not is_running(child.pid)


def test_several_children_are_ended_together(tmp_path: Path) -> None:
    children = [_start(tmp_path, name) for name in ("first", "second")]
    pids = _pids(tmp_path, "first") + _pids(tmp_path, "second")

    end_all(children)

    assert not any(is_running(pid) for pid in pids)


def test_a_running_child_passes_the_check(child: Child) -> None:
    child.check()


def test_a_killed_child_is_a_sentence_with_its_status_and_log(
    child: Child, tmp_path: Path
) -> None:
    _pids(tmp_path)
    os.kill(child.pid, signal.SIGKILL)

    def message() -> str | None:
        try:
            child.check()
        except ChildEndedError as error:
            return str(error)
        return None

    assert wait_for(message) == (
        f"the lingering one (pid {child.pid}) ended with exit status -9; "
        f"its log: {tmp_path / 'lingering.log'}"
    )


def test_a_child_that_fails_is_a_sentence_with_what_it_said_last(
    tmp_path: Path,
) -> None:
    with Child(
        "a module", Path(sys.executable), "no_such", [], {}, tmp_path / "log"
    ) as it:
        wait_for(lambda: not is_running(it.pid))
        with pytest.raises(
            ChildEndedError, match=r"its log: .*: No module named no_such"
        ):
            it.check()


def test_what_a_child_prints_is_in_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Child("a module", Path(sys.executable), "platform", [], {}, log):
        wait_for(lambda: "Linux" in log.read_text() or "macOS" in log.read_text())


def test_children_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from tests.stack.test_children import _start\n"
        "child = _start(Path(sys.argv[1]))\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT)
    try:
        pids = _pids(tmp_path)
    finally:
        parent.kill()
        parent.wait()

    wait_for(lambda: not any(is_running(pid) for pid in pids))
