"""Deploy ``template.yaml`` onto the embedded AWS through CloudFormation."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from stack.aws.clients import LocalAws
from stack.aws.package import package, read_template

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3 import S3Client

STACK_NAME = "maskline-local"
ARTIFACTS = "maskline-artifacts"
TEMPLATE = "template.json"

WAIT_SECONDS = 120.0
POLL_SECONDS = 0.05


class DeployFailedError(Exception):
    """The template did not deploy; the message holds CloudFormation's reasons."""


def deploy(
    aws: LocalAws,
    root: Path,
    installed_layer: Path,
    copies: Path,
    parameters: Mapping[str, str],
    clock: Callable[[], float] = time.monotonic,
    *,
    name: str = STACK_NAME,
) -> dict[str, str]:
    """Package, deploy and wait; return the stack's outputs by name.

    Args:
        aws: The embedded AWS to deploy onto.
        root: Folder that holds ``template.yaml``.
        installed_layer: Where the packages of the dependency layer are.
        copies: Folder for copies of the other layers.
        parameters: Values for parameters of the template.
        clock: Seconds that only go forward, for the bound of the wait.
        name: Name of the stack, which is made, or updated if there is one.

    Raises:
        DeployFailedError: The stack failed, or took over two minutes.
        PackageError: The template names a folder that can't be packaged.
    """
    storage: S3Client = aws.client("s3")
    storage.create_bucket(Bucket=ARTIFACTS)

    def upload(name: str, archive: bytes) -> str:
        storage.put_object(Bucket=ARTIFACTS, Key=name, Body=archive)
        return f"s3://{ARTIFACTS}/{name}"

    template = read_template(root / "template.yaml")
    packaged = package(template, root, installed_layer, copies, upload)
    formation: CloudFormationClient = aws.client("cloudformation")
    # A template in a request may have 51,200 bytes, one in a bucket a megabyte.
    upload(TEMPLATE, json.dumps(packaged).encode())
    template_url = f"{storage.meta.endpoint_url}/{ARTIFACTS}/{TEMPLATE}"
    _start(formation, name, template_url, parameters)
    deadline = clock() + WAIT_SECONDS
    while True:
        stack = formation.describe_stacks(StackName=name)["Stacks"][0]
        status = stack["StackStatus"]
        if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            outputs = stack.get("Outputs", [])
            return {each["OutputKey"]: each["OutputValue"] for each in outputs}
        if not status.endswith("IN_PROGRESS"):
            raise DeployFailedError(
                f"template.yaml did not deploy ({status}): {_reasons(formation, name)}"
            )
        if clock() > deadline:
            raise DeployFailedError(
                f"template.yaml was still {status} after {WAIT_SECONDS:.0f} s."
            )
        time.sleep(POLL_SECONDS)


def _start(
    formation: CloudFormationClient,
    name: str,
    template_url: str,
    parameters: Mapping[str, str],
) -> None:
    create_or_update = formation.create_stack
    if _exists(formation, name):
        create_or_update = formation.update_stack  # type: ignore[assignment]
    try:
        create_or_update(
            StackName=name,
            TemplateURL=template_url,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in parameters.items()
            ],
        )
    except ClientError as error:
        # A kept stack of the same template.
        if "No updates are to be performed" not in str(error):
            raise DeployFailedError(
                f"CloudFormation refused template.yaml: {error}"
            ) from error


def _exists(formation: CloudFormationClient, name: str) -> bool:
    try:
        formation.describe_stacks(StackName=name)
    except ClientError as error:
        if "does not exist" in str(error):
            return False
        raise
    return True


def _reasons(formation: CloudFormationClient, name: str) -> str:
    events = formation.describe_stack_events(StackName=name)["StackEvents"]
    failures = [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '?')}"
        for event in events
        if event["ResourceStatus"].endswith("FAILED")
    ]
    return "; ".join(failures[:5]) or "no event says why"
