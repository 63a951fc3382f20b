"""A stack is upgraded while it is used, and nothing fails; releases are found."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from proofs.report import Report
from proofs.runner import ProofError
from proofs.upgrade import run
from proofs.upgrade.record import PARAMETERS, record
from proofs.upgrade.release import GIT, last_release, revision_of, unpack
from stack.addresses import free_addresses
from stack.environments import ROOT
from stack.stack import Stack

CODE = ("functions", "layers", "template.yaml")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Upgrade from code that differs in the layer that all functions share."""
    old = tmp_path_factory.mktemp("before")
    for name in CODE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, old / name)
    module = old / "layers" / "masking" / "masking" / "core" / "times.py"
    module.write_text(module.read_text() + "\n# An earlier release.\n")
    folder = tmp_path_factory.mktemp("upgraded")
    return run.upgrade(old, ROOT, folder, print, seconds=2)


@pytest.mark.parametrize(
    ("check", "at_least"),
    [(run.ANSWERS, 20), (run.SESSIONS, 3), (run.CALLS, 1), (run.KEPT, 1)],
)
def test_nothing_fails_while_a_stack_is_upgraded(
    report: Report, check: str, at_least: int
) -> None:
    assert report.checks[check].failures == []
    assert report.checks[check].passed >= at_least


def test_requests_came_while_it_was_upgraded(report: Report) -> None:
    assert report.counts["requests during it"] > 0
    assert report.counts["requests after it"] > 0


def test_a_release_is_found_by_its_tag_and_else_by_the_changelog(
    tmp_path: Path,
) -> None:
    def git(*arguments: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        done = subprocess.run(
            [GIT, *who, *arguments],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    changelog = tmp_path / "CHANGELOG.md"
    git("init", "-q")
    commits = {}
    for text in ("## 0.1.0 - 2026-11-23\n", "## 0.2.0 - 2026-11-26\n"):
        before = changelog.read_text() if changelog.exists() else ""
        changelog.write_text(text + before)
        git("add", "CHANGELOG.md")
        git("commit", "-q", "-m", text)
        commits[text[3:8]] = git("rev-parse", "HEAD")
    git("tag", "v0.2.0", commits["0.1.0"])

    assert last_release(changelog.read_text()) == "0.2.0"
    assert revision_of("0.1.0", tmp_path) == commits["0.1.0"]
    assert revision_of("0.2.0", tmp_path) == commits["0.1.0"], "the tag says so"
    unpacked = unpack(commits["0.1.0"], tmp_path / "out", tmp_path)
    assert (unpacked / "CHANGELOG.md").read_text() == "## 0.1.0 - 2026-11-23\n"
    with pytest.raises(ProofError, match="no release 9"):
        revision_of("9.0.0", tmp_path)
    with pytest.raises(ProofError, match="no revision"):
        unpack("nothing", tmp_path / "none", tmp_path)
    with pytest.raises(ProofError, match="names no release"):
        last_release("## Unreleased\n")


def test_what_a_release_writes_is_recorded(tmp_path: Path) -> None:
    with Stack(free_addresses(), tmp_path, parameters=PARAMETERS) as stack:
        document = record(stack.running)

    kept = json.loads((ROOT / "tests" / "releases" / "0.2.0.json").read_text())
    assert document.keys() == kept.keys()
    assert document["sessions"].keys() == kept["sessions"].keys()
    kinds = {item["sk"]["S"][0] for item in document["items"]}
    assert kinds >= {item["sk"]["S"][0] for item in kept["items"]}
