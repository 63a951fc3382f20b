"""Find a deployment: its outputs, and clients that speak to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import boto3
from botocore.exceptions import ClientError

# The stack that runs on this machine, in place of a CloudFormation stack's name.
LOCAL = "maskline-local"


class NoDeploymentError(Exception):
    """The deployment can't be found; the message is for the operator."""


class Clients(Protocol):
    """What makes clients of AWS."""

    def client(self, service: str) -> Any:
        """Give the client of a service, such as `sqs`."""


@dataclass(frozen=True)
class Deployment:
    """A deployment: the outputs of its template, and AWS's clients."""

    outputs: Mapping[str, str]
    clients: Clients

    def client(self, service: str) -> Any:
        """Give the client of a service, such as `sqs`."""
        return self.clients.client(service)


class _Account:
    """AWS as the environment and the profiles of whoever calls say."""

    def client(self, service: str) -> Any:
        make: Any = boto3.client
        return make(service)


def find(stack: str) -> Deployment:
    """Find the deployment of a CloudFormation stack, or the one that runs here.

    Raises NoDeploymentError.
    """
    if stack == LOCAL:
        return _here()
    account = _Account()
    try:
        found = account.client("cloudformation").describe_stacks(StackName=stack)
    except ClientError as error:
        message = f"The stack {stack} cannot be read: {error.response['Error']['Code']}"
        raise NoDeploymentError(message) from None
    outputs = found["Stacks"][0].get("Outputs", [])
    named = {each["OutputKey"]: each["OutputValue"] for each in outputs}
    return Deployment(named, account)


def _here() -> Deployment:
    # Only here: elsewhere the operator needs none of the local stack's packages.
    from stack.running import find_running

    running = find_running()
    if running is None:
        message = "No local stack is running; start one with: make run"
        raise NoDeploymentError(message)
    return Deployment(running.outputs, running.aws)
