"""SAM's command line deploys the stages of `samconfig.toml` onto the embedded AWS."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stack.addresses import HOST, free_addresses
from stack.aws.clients import ACCESS_KEY, REGION, SECRET_KEY
from stack.aws.package import read_template
from stack.environments import ROOT, SAM
from stack.running import RunningStack
from stack.stack import Stack

TEMPLATE = read_template(ROOT / "template.yaml")
PARAMETERS: dict[str, dict[str, Any]] = TEMPLATE["Parameters"]


@pytest.fixture(name="aws", scope="module")
def _aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Run an embedded AWS that this file may deploy to."""
    with Stack(free_addresses(), tmp_path_factory.mktemp("sam-deploy")) as stack:
        yield stack.running


def _deploy(
    aws: RunningStack, home: Path, *options: str, answers: str = ""
) -> subprocess.CompletedProcess[str]:
    sam = SAM / "bin" / "sam"
    if not sam.exists():
        pytest.skip("NOT TESTED: sam deploy. `make sam` installs SAM's command line.")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "NO_PROXY": HOST,
        "SAM_CLI_TELEMETRY": "0",
        "AWS_ENDPOINT_URL": aws.addresses.aws_url,
        "AWS_CA_BUNDLE": str(aws.run_dir / "ca.pem"),
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
    }
    # The folders as they are: what `sam build` adds to them, test_sam_build.py tries.
    return subprocess.run(
        [sam, "deploy", "--template-file", "template.yaml", *options],
        cwd=ROOT,
        env=environment,
        input=answers,
        capture_output=True,
        text=True,
        timeout=240,
    )


def _described(aws: RunningStack, name: str) -> dict[str, str]:
    found = aws.aws.client("cloudformation").describe_stacks(StackName=name)
    [stack] = found["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return {
        each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]
    }


def _table(aws: RunningStack, name: str) -> dict[str, Any]:
    found = aws.aws.client("cloudformation").describe_stack_resource(
        StackName=name, LogicalResourceId="Table"
    )
    table = found["StackResourceDetail"]["PhysicalResourceId"]
    described: dict[str, Any] = aws.aws.client("dynamodb").describe_table(
        TableName=table
    )["Table"]
    return described


def test_dev_asks_for_nothing_and_can_be_thrown_away(
    aws: RunningStack, tmp_path: Path
) -> None:
    done = _deploy(aws, tmp_path, "--config-env", "dev")

    assert done.returncode == 0, done.stderr
    assert "[y/N]" not in done.stdout
    parameters = _described(aws, "maskline-dev")
    assert parameters["LogRetentionDays"] == "7"
    assert parameters["Rollout"] == "AllAtOnce"
    assert _table(aws, "maskline-dev")["DeletionProtectionEnabled"] == "false"


def test_prod_asks_for_a_yes_and_is_protected(
    aws: RunningStack, tmp_path: Path
) -> None:
    done = _deploy(aws, tmp_path, "--config-env", "prod", answers="y\n")

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("[y/N]") == 1
    parameters = _described(aws, "maskline-prod")
    assert parameters["Rollout"].startswith("Canary")
    assert _table(aws, "maskline-prod")["DeletionProtectionEnabled"] == "true"


def test_guided_asks_for_parameters_that_all_have_a_default(
    aws: RunningStack, tmp_path: Path
) -> None:
    # Stack, region and parameters; changes are not shown, roles are made, failures are
    # rolled back, nothing is written to samconfig.toml.
    answers = "\n" * (2 + len(PARAMETERS)) + "n\ny\nn\n" + "n\n"

    done = _deploy(aws, tmp_path, "--guided", "--no-execute-changeset", answers=answers)

    assert done.returncode == 0, done.stderr
    asked = re.sub(r"\x1b\[\d*m", "", done.stdout)
    prompted = re.findall(r"Parameter (\w+) \[", asked)
    assert prompted == list(PARAMETERS)
    assert all("Default" in each for each in PARAMETERS.values())
    assert len(re.findall(r"\[(?:y/N|Y/n)\]", asked)) == 4
