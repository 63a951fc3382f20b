"""Interpreters of the environments: what each can import, and what a failure says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stack import environments
from stack.environments import ENVIRONMENTS, ROOT, EnvironmentFailedError


def test_an_installation_that_fails_says_what_failed() -> None:
    with pytest.raises(EnvironmentFailedError) as failure:
        environments._run(
            [sys.executable, "-c", "print('no matching version'); raise SystemExit(3)"],
            "requirements/local.txt could not be installed",
        )

    assert str(failure.value) == (
        "no matching version\nrequirements/local.txt could not be installed (status 3)."
    )


def test_handlers_run_on_an_interpreter_without_packages() -> None:
    python = environments.interpreter(environments.FUNCTIONS)
    if not ENVIRONMENTS["functions"].is_made():
        pytest.skip("`make stack` has not been run")

    done = subprocess.run(
        [str(python), "-c", "import boto3"], capture_output=True, text=True, cwd="/"
    )

    assert "No module named 'boto3'" in done.stderr


def test_the_embedded_aws_can_not_import_what_functions_use() -> None:
    python = environments.interpreter(environments.AWS)
    if not ENVIRONMENTS["aws"].is_made():
        pytest.skip("`make stack` has not been run")

    done = subprocess.run(
        [str(python), "-c", "import aws_lambda_powertools"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )

    assert "No module named 'aws_lambda_powertools'" in done.stderr


def test_the_operators_command_runs_in_any_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [environments.TOOLS / "bin" / "maskline", "keys", "--help"],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: maskline keys ")
