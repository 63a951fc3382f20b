"""Run the cited tests without each defense, in a copy of this folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proofs.defenses.defenses import DEFENSES, SLOW, Defense
from proofs.report import Report
from proofs.runner import Progress
from stack.environments import ROOT

# What is installed, and not copied.
LINKED = (".venv", ".local")

# Some tests start a stack, on a machine that may be busy.
SECONDS = 900

GIT = shutil.which("git") or "git"

STAYS_GREEN = "a cited test fails without its defense"
TABLE = "defenses"

# Whatever a test needs that is not installed here; nothing passed and nothing failed.
SKIPPED = re.compile(r"^\d+ skipped in ", re.MULTILINE)
FAILED = re.compile(r"^FAILED (tests/\S+?::\w+)", re.MULTILINE)
ERRORS = re.compile(r"^ERROR (tests/\S+)", re.MULTILINE)


def prove(
    progress: Progress = print, *, only: str | None = None, slow: bool = True
) -> Report:
    """Take out each defense whose name holds *only*; *slow* ones need a stack."""
    report = Report("defenses")
    with copied() as copy:
        for defense in DEFENSES:
            tests = [each for each in defense.tests if slow or not is_slow(each)]
            if (only and only not in defense.name) or not tests:
                continue
            failed, said = failed_without(defense, tests, copy)
            if SKIPPED.search(said):
                progress(f"not run here: the tests of {defense.name}")
                continue
            for test in tests:
                report.check(test in failed, STAYS_GREEN, f"{defense.name}: {test}")
            report.row(TABLE, defense.name).update(
                tests=len(tests), red=len(failed & set(tests))
            )
            progress(f"{len(failed)} of {len(tests)} red without {defense.name}")
            if failed != set(tests):
                progress(said[-2_000:])
    return report


def is_slow(test: str) -> bool:
    """Return whether a test starts a stack."""
    return test.startswith(SLOW)


@contextmanager
def copied() -> Iterator[Path]:
    """Copy what git knows of this folder to one that is deleted afterwards."""
    listed = subprocess.run(
        [GIT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    with tempfile.TemporaryDirectory(prefix="without-") as name:
        copy = Path(name)
        for file in filter(None, listed):
            if (ROOT / file).is_file():
                (copy / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / file, copy / file)
        for linked in LINKED:
            (copy / linked).symlink_to(ROOT / linked)
        yield copy


def failed_without(
    defense: Defense, tests: list[str], copy: Path
) -> tuple[set[str], str]:
    """Run *tests* in the copy without a defense; return those that failed.

    What was printed comes with them. A test that can't even be collected has not
    failed.
    """
    place = copy / defense.file
    whole = place.read_text()
    place.write_text(defense.taken_out_of(whole))
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-rfE", "--no-header", *tests],
            cwd=copy,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    finally:
        place.write_text(whole)
    if "error" in ran.stdout and ERRORS.search(ran.stdout) and ran.returncode == 2:
        return set(), ran.stdout
    return set(FAILED.findall(ran.stdout)), ran.stdout
