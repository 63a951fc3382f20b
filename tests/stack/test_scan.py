"""The scan of the template in `make lint`: it finds weaknesses, and passes over few."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from stack.environments import ENVIRONMENTS, ROOT, SCAN

CONFIG = ROOT / ".checkov.yaml"

# Checks, and what of the template must be weakened for each of them to fail.
WEAKNESSES = {
    "CKV_AWS_53": ("BlockPublicAcls: true", "BlockPublicAcls: false"),
    "CKV_AWS_21": ("Status: Enabled", "Status: Suspended"),
    "CKV_AWS_28": (
        "PointInTimeRecoveryEnabled: true",
        "PointInTimeRecoveryEnabled: false",
    ),
}


@pytest.fixture(name="failed", scope="module")
def _failed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Scan a template with each weakness; return the checks that fail, by the file.

    At once, because the scanner takes seconds to start.
    """
    if not ENVIRONMENTS["scan"].is_made():
        pytest.skip("NOT TESTED: the scan of the template. `make lint` installs it.")
    folder = tmp_path_factory.mktemp("weak")
    text = (ROOT / "template.yaml").read_text()
    for check, (safe, weak) in WEAKNESSES.items():
        assert safe in text
        (folder / f"{check}.yaml").write_text(text.replace(safe, weak))
    options = ["--config-file", str(CONFIG), "--output", "json"]
    files = sorted(map(str, folder.iterdir()))
    done = subprocess.run(
        [str(SCAN / "bin" / "checkov"), *options, "--file", *files],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    failed: dict[str, set[str]] = {}
    for each in json.loads(done.stdout)["results"]["failed_checks"]:
        failed.setdefault(Path(each["file_path"]).stem, set()).add(each["check_id"])
    return failed


@pytest.mark.parametrize("check", WEAKNESSES)
def test_a_weakness_is_found(failed: dict[str, set[str]], check: str) -> None:
    assert failed[check] == {check}
