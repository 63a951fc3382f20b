"""The scan of the template in `make lint`: it finds weaknesses, and passes over few."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from stack.environments import ENVIRONMENTS, ROOT, SCAN

CONFIG = ROOT / ".checkov.yaml"


def _scan(template: Path) -> subprocess.CompletedProcess[str]:
    if not ENVIRONMENTS["scan"].is_made():
        pytest.skip("NOT TESTED: the scan of the template. `make lint` installs it.")
    return subprocess.run(
        [SCAN / "bin" / "checkov", "--config-file", CONFIG, "--file", template],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("safe", "weak", "check"),
    [
        ("BlockPublicAcls: true", "BlockPublicAcls: false", "CKV_AWS_53"),
        ("Status: Enabled", "Status: Suspended", "CKV_AWS_21"),
        (
            "PointInTimeRecoveryEnabled: true",
            "PointInTimeRecoveryEnabled: false",
            "CKV_AWS_28",
        ),
    ],
)
def test_a_weakness_is_found(tmp_path: Path, safe: str, weak: str, check: str) -> None:
    template = tmp_path / "template.yaml"
    text = (ROOT / "template.yaml").read_text()
    assert safe in text
    template.write_text(text.replace(safe, weak))

    done = _scan(template)

    assert done.returncode == 1
    assert check in done.stdout
