"""The workflow for users' CI runs what developers run, and nothing that may change."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from stack.yaml_files import SafeLoader

ROOT = Path(__file__).resolve().parents[2]
PATHS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WORKFLOWS: list[dict[str, Any]] = [
    yaml.load(path.read_text(), SafeLoader)  # noqa: S506 - it is a SafeLoader
    for path in PATHS
]
STEPS = [
    step
    for workflow in WORKFLOWS
    for job in workflow["jobs"].values()
    for step in job["steps"]
]


def test_every_action_is_pinned_to_a_commit_beside_its_version() -> None:
    lines = [
        line
        for path in PATHS
        for line in path.read_text().splitlines()
        if "uses:" in line
    ]

    assert len(lines) == sum("uses" in step for step in STEPS) > 0
    for line in lines:
        assert re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_it_may_read_the_code_and_nothing_else() -> None:
    for workflow in WORKFLOWS:
        assert workflow["permissions"] == {"contents": "read"}
        for job in workflow["jobs"].values():
            assert "permissions" not in job
            assert job["timeout-minutes"] <= 60


def test_it_runs_the_targets_that_developers_run() -> None:
    runs = [step["run"] for step in STEPS if "run" in step]
    script = (ROOT / ".ci" / "run").read_text()
    targets = re.findall(r"^make (\w+)", script, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()

    assert ".ci/run" in runs
    assert targets == ["lint", "test"]
    for target in targets:
        assert re.search(rf"^{target}:.*##", makefile, re.MULTILINE)
    assert not any("secrets." in run for run in runs)


def test_it_builds_with_the_python_of_the_template() -> None:
    [version] = {
        step["with"]["python-version"]
        for step in STEPS
        if "setup-python" in step.get("uses", "")
    }

    assert f"Runtime: python{version}" in (ROOT / "template.yaml").read_text()
