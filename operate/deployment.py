"""Find a deployment: the outputs of its template, and clients that speak to it.

The outputs are all that a command knows of a deployment. Each setting that functions
have in a variable is an output of the same name (`TableName` is `TABLE_NAME`), so
`masking.settings` reads outputs as it reads a function's environment, and a command
works with what functions work with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import boto3
from botocore.exceptions import ClientError, NoRegionError

from masking.core import settings
from masking.wiring import Services

# The stack that runs on this machine, in place of a CloudFormation stack's name.
LOCAL = "maskline-local"

# What tells a stack of ours from others.
OURS = frozenset({"TableName", "CarrierSecretArn", "SigningSecretArn"})

# What commands need; older versions of the template have fewer.
NEEDED = OURS | {
    "AlarmsTopicArn",
    "AnswerFallbackUrl",
    "AnswerUrl",
    "ApiUrl",
    "BucketName",
    "CarrierBaseUrl",
    "CarrierRequestsPerSecond",
    "ChangeDeadLettersUrl",
    "ChangeQueueUrl",
    "CheckDeadLettersUrl",
    "CheckQueueUrl",
    "ErasureDeadLettersUrl",
    "ErasureQueueUrl",
    "RecordingDeadLettersUrl",
    "RecordingQueueUrl",
    "RecordingRetentionDays",
    "RetentionDays",
    "RuleDeadLettersUrl",
    "WebhookDeadLettersUrl",
    "WebhookQueueUrl",
}


class NoDeploymentError(Exception):
    """The deployment can't be used; the message is for the operator."""


class Clients(Protocol):
    """What makes clients of AWS."""

    def client(self, service: str) -> Any:
        """Return the client of a service, such as `sqs`."""


class Running(Protocol):
    """The stack that runs on this machine."""

    @property
    def outputs(self) -> Mapping[str, str]:
        """Return the outputs of its template."""

    @property
    def aws(self) -> Clients:
        """Return its embedded AWS."""


@dataclass(frozen=True)
class Deployment:
    """A deployment: its name, the outputs of its template, and AWS's clients."""

    name: str
    outputs: Mapping[str, str]
    clients: Clients

    def __post_init__(self) -> None:
        """Refuse a stack whose outputs are not those of the template.

        Raises:
            NoDeploymentError: It is another's stack, or an older version.
        """
        if not self.outputs.keys() >= OURS:
            raise NoDeploymentError(
                f"The stack {self.name} is not a deployment of Maskline; name one that "
                "is with --stack."
            )
        if missing := sorted(NEEDED - self.outputs.keys()):
            raise NoDeploymentError(
                f"The stack {self.name} was deployed from an older template, without "
                f"the outputs {', '.join(missing)}. Deploy this version (sam build, "
                "sam deploy), then repeat the command."
            )

    def client(self, service: str) -> Any:
        """Return the client of a service, such as `sqs`."""
        return self.clients.client(service)

    @property
    def api_url(self) -> str:
        """Return the address of the API.

        `ApiUrl` is an address at AWS, also in the outputs of the stack that runs on
        this machine; what that stack is reached by is its `PublicBaseUrl`.
        """
        if self.name == LOCAL:
            return self.outputs.get("PublicBaseUrl") or self.outputs["ApiUrl"]
        return self.outputs["ApiUrl"]

    @cached_property
    def services(self) -> Services:
        """Return what functions of the deployment work with, for a command."""
        return Services(
            settings.from_outputs(self.outputs),
            client=lambda service, **_: self.client(service),
        )


@dataclass(frozen=True)
class Account:
    """An AWS account, as the environment, the profile and the region say."""

    profile: str | None = None
    region: str | None = None

    @cached_property
    def _session(self) -> boto3.Session:
        session = boto3.Session(profile_name=self.profile, region_name=self.region)
        # An empty variable would become an address without a region.
        if not session.region_name:
            raise NoRegionError
        return session

    def client(self, service: str) -> Any:
        """Return the client of a service, such as `sqs`."""
        make: Any = self._session.client
        return make(service)


def nothing_runs() -> Running | None:
    """Return no stack of this machine."""
    return None


@dataclass(frozen=True)
class Target:
    """The deployment that a command is for, found when the command asks for it.

    *local* finds the stack that runs on this machine.
    """

    stack: str
    account: Account = field(default_factory=Account)
    local: Callable[[], Running | None] = nothing_runs

    @cached_property
    def deployment(self) -> Deployment:
        """Return the deployment. Raises NoDeploymentError."""
        if self.stack == LOCAL:
            running = self.local()
            if running is None:
                raise NoDeploymentError(
                    "No stack is running on this machine; start one with: make run"
                )
            return Deployment(LOCAL, running.outputs, running.aws)
        return Deployment(self.stack, _outputs(self.account, self.stack), self.account)

    @property
    def services(self) -> Services:
        """Return what functions of the deployment work with."""
        return self.deployment.services


def _outputs(account: Account, stack: str) -> Mapping[str, str]:
    try:
        found = account.client("cloudformation").describe_stacks(StackName=stack)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise NoDeploymentError(
            f"There is no stack {stack} in this account and region. Name another with "
            f"--stack (the one on this machine is {LOCAL}), or another place with "
            "--region and --profile."
        ) from None
    outputs = found["Stacks"][0].get("Outputs", [])
    return {each["OutputKey"]: each["OutputValue"] for each in outputs}
