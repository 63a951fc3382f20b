"""The Makefile: help is the default, and a missing Python is one sentence."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from stack.environments import ROOT


def _make(
    *arguments: str, folder: Path = ROOT, path: str | None = None
) -> subprocess.CompletedProcess[str]:
    make = shutil.which("make")
    if make is None:
        pytest.skip("NOT TESTED: the Makefile. There is no make.")
    return subprocess.run(
        [make, "--no-print-directory", "-f", str(ROOT / "Makefile"), *arguments],
        cwd=folder,
        env={"PATH": path or os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
    )


def _write_python(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture(name="bare")
def _bare(tmp_path: Path) -> Path:
    """Return a folder with what make itself needs as programs, and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("awk", "bash", "sed", "sh"):
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    return folder


def test_make_alone_lists_the_targets() -> None:
    listed = _make().stdout

    for target in ("run", "demo", "invoke", "test", "lint", "build", "clean"):
        assert re.search(rf"^  make {target} ", listed, re.MULTILINE)


def test_every_listed_target_is_one_or_two_lines() -> None:
    text = (ROOT / "Makefile").read_text()

    for recipe in re.findall(r"^[a-z-]+:.*## .*\n((?:\t.*\n)+)", text, re.MULTILINE):
        assert len(recipe.splitlines()) <= 2


def test_without_any_python_the_answer_is_one_sentence(bare: Path) -> None:
    done = _make("run", folder=bare, path=str(bare))

    assert done.returncode == 2
    assert "no Python 3.11 or later with venv was found" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_python_that_is_too_old_is_none(bare: Path) -> None:
    _write_python(bare / "python3", "exit 1")

    done = _make("run", folder=bare, path=str(bare))

    assert "no Python 3.11 or later with venv was found" in done.stderr


def test_a_shim_that_does_not_work_is_passed_over(bare: Path) -> None:
    _write_python(bare / "python3.13", "echo 'pyenv: not found' >&2; exit 127")
    _write_python(bare / "python3.11", "exit 0")

    done = _make("--dry-run", "run", folder=bare, path=str(bare))

    assert "python3.11 -m stack.environments tools" in done.stdout


def test_the_python_that_the_environment_was_made_with_is_kept(bare: Path) -> None:
    _write_python(bare / "python3.13", "exit 0")
    _write_python(bare / "older-python", "exit 0")
    (bare / ".venv").mkdir()
    made_with = f"home = {bare}\nexecutable = {bare / 'older-python'}\n"
    (bare / ".venv" / "pyvenv.cfg").write_text(made_with)

    done = _make("--dry-run", "run", folder=bare, path=str(bare))

    assert f"{bare}/older-python -m stack.environments tools" in done.stdout


def test_python_can_be_named(bare: Path) -> None:
    python = "PYTHON=/opt/python3.12"

    done = _make("--dry-run", "run", python, folder=bare, path=str(bare))

    assert "/opt/python3.12 -m stack.environments tools" in done.stdout


def test_clean_is_refused_while_the_stack_runs(tmp_path: Path) -> None:
    state = tmp_path / ".local" / "state"
    state.mkdir(parents=True)
    (tmp_path / ".ruff_cache").mkdir()
    with (state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = _make("clean", folder=tmp_path)
        kept = sorted(path.name for path in tmp_path.iterdir())

    cleaned = _make("clean", folder=tmp_path)

    assert refused.returncode == 2
    assert "The stack runs (make run or make demo); end it first" in refused.stderr
    assert kept == [".local", ".ruff_cache"]
    assert (cleaned.returncode, cleaned.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_invoke_without_a_function_says_how_to_name_one() -> None:
    done = _make("--dry-run", "invoke")

    assert done.returncode == 2
    assert "name a function: make invoke FN=create_session" in done.stderr
