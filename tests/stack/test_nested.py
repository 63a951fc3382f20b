"""Maskline inside another stack, as users of CDK and Terraform have it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stack.addresses import free_addresses
from stack.aws.package import read_template
from stack.environments import ROOT, SAM
from stack.running import RunningStack
from stack.stack import Stack

EXAMPLES = ROOT / "examples" / "nested"
PARENT = read_template(EXAMPLES / "template.yaml")
OUTPUTS = read_template(ROOT / "template.yaml")["Outputs"]
PARAMETERS = read_template(ROOT / "template.yaml")["Parameters"]
WAIT_SECONDS = 60.0


@pytest.fixture(name="beside", scope="module")
def _beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Run a stack, in the account of which another is nested."""
    with Stack(free_addresses(), tmp_path_factory.mktemp("nested")) as stack:
        yield stack.running


def _processed(stack: RunningStack) -> dict[str, Any]:
    """Return the template after SAM's transform: the emulator nests no other."""
    body: Any = stack.aws.client("cloudformation").get_template(
        StackName=stack.name, TemplateStage="Processed"
    )["TemplateBody"]
    template: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    return template


@pytest.fixture(name="outer", scope="module")
def _outer(beside: RunningStack) -> dict[str, str]:
    """Deploy the example; return its outputs."""
    storage = beside.aws.client("s3")
    storage.create_bucket(Bucket="packaged")
    body = json.dumps(_processed(beside)).encode()
    storage.put_object(Bucket="packaged", Key="packaged.json", Body=body)
    formation = beside.aws.client("cloudformation")
    address = f"{storage.meta.endpoint_url}/packaged/packaged.json"
    formation.create_stack(
        StackName="calls",
        TemplateBody=json.dumps(PARENT),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            {"ParameterKey": "MasklineTemplate", "ParameterValue": address},
        ],
    )
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        [stack] = formation.describe_stacks(StackName="calls")["Stacks"]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def test_the_outer_stack_has_what_an_app_needs(outer: dict[str, str]) -> None:
    assert outer["ApiUrl"].startswith("https://")
    assert "Events" in outer["EventsUrl"]


def test_what_is_nested_has_names_of_its_own(
    beside: RunningStack, outer: dict[str, str]
) -> None:
    resource = beside.aws.client("cloudformation").describe_stack_resource(
        StackName="calls", LogicalResourceId="Maskline"
    )
    arn = resource["StackResourceDetail"]["PhysicalResourceId"]
    name = re.sub(r".*:stack/|/.*", "", arn)
    buses = beside.aws.client("events").list_event_buses()["EventBuses"]

    assert name.startswith("calls-Maskline-")
    assert {beside.outputs["BusName"], name} <= {each["Name"] for each in buses}
    rules = beside.aws.client("events").list_rules(EventBusName=name)["Rules"]
    assert any("EventsRule" in each["Name"] for each in rules)
    assert outer["ApiUrl"] != beside.outputs["ApiUrl"]


@pytest.mark.parametrize("file", ["template.yaml", "app.py", "main.tf"])
def test_an_example_uses_outputs_and_parameters_that_there_are(file: str) -> None:
    text = (EXAMPLES / file).read_text()
    used = set(re.findall(r"outputs(?:\.|\[\")(\w+)", text, re.IGNORECASE))

    assert used == {"ApiUrl", "BusName"} <= OUTPUTS.keys()
    assert "RetentionDays" in text
    assert "RetentionDays" in PARAMETERS


def test_cfn_lint_finds_nothing_in_the_outer_template() -> None:
    lint = SAM / "bin" / "cfn-lint"
    if not lint.exists():
        pytest.skip("NOT TESTED: the example's template. `make sam` installs cfn-lint.")

    done = subprocess.run(
        [lint, "--template", Path(EXAMPLES / "template.yaml")],
        env={"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout
