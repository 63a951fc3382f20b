"""Find and use a stack that runs, from its own process or from another."""

from __future__ import annotations

import contextlib
import json
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from masking.core import settings
from masking.wiring import Services
from stack.addresses import Addresses
from stack.aws.clients import LocalAws
from stack.aws.deploy import STACK_NAME
from stack.aws.initial_data import API_KEY, TENANT
from stack.environments import HOME

STATE_DIR = HOME / "state"

# What whatever calls a function calls; see template.yaml.
ALIAS = "live"


class StackError(Exception):
    """The stack can't start or can't be found; the message is for the user."""


@dataclass(frozen=True)
class RunningStack:
    """What another process needs to use a stack that runs."""

    addresses: Addresses
    run_dir: Path
    outputs: Mapping[str, str]
    name: str = STACK_NAME

    @cached_property
    def aws(self) -> LocalAws:
        """Return the embedded AWS."""
        return LocalAws(self.addresses.aws_url, self.run_dir / "ca.pem")

    @property
    def api_key(self) -> str:
        """Return the key of the tenant `local`, which has every scope."""
        return API_KEY

    @property
    def webhook_secret(self) -> str:
        """Return the secret that signs the webhooks of the tenant `local`."""
        services = Services(
            settings.from_outputs(self.outputs),
            client=lambda service, **_: self.aws.client(service),
        )
        return services.webhook_secrets_of(TENANT)[0]

    def function_names(self) -> dict[str, str]:
        """Return the deployed functions' names by their folder's name."""
        described = self.aws.client("cloudformation").describe_stack_resources(
            StackName=self.name
        )
        return {
            folder_of(resource["LogicalResourceId"]): resource["PhysicalResourceId"]
            for resource in described["StackResources"]
            if resource["ResourceType"] == "AWS::Lambda::Function"
        }

    def publish(self, folder: str) -> None:
        """Let requests meet a function as it is now.

        They meet the version of the alias `live`, which a change of the function's
        configuration does not reach.
        """
        functions, name = self.aws.client("lambda"), self.function_names()[folder]
        version = functions.publish_version(FunctionName=name)["Version"]
        functions.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)

    def log_groups(self) -> dict[str, str]:
        """Return the log groups of the deployed functions by their folder's name."""
        functions = self.aws.client("lambda")
        groups = {}
        for folder, name in self.function_names().items():
            found = functions.get_function_configuration(FunctionName=name)
            # AWS names the one that it makes; the embedded AWS leaves it out.
            made = f"/aws/lambda/{name}"
            groups[folder] = found.get("LoggingConfig", {}).get("LogGroup", made)
        return groups


def folder_of(logical_id: str) -> str:
    """Return the folder of a function, ``create_session`` of CreateSessionFunction."""
    words = logical_id.removesuffix("Function")
    return "".join(
        f"_{letter.lower()}" if letter.isupper() else letter for letter in words
    ).lstrip("_")


def find_running(state_dir: Path = STATE_DIR) -> RunningStack | None:
    """Return the stack that runs with *state_dir*, or None."""
    description = state_dir / "run" / "stack.json"
    try:
        stored: dict[str, Any] = json.loads(description.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    running = RunningStack(
        Addresses(**stored["addresses"]),
        Path(stored["run_dir"]),
        stored["outputs"],
        stored["name"],
    )
    # Whoever wrote it may have been killed before it could clean up.
    authority = running.run_dir / "ca.pem"
    endpoint = f"{running.addresses.aws_url}/_ministack/ready"
    try:
        return running if answers(endpoint, authority) else None
    except FileNotFoundError:
        return None


def describe(running: RunningStack) -> None:
    """Write ``stack.json``, by which others find the stack."""
    description = {
        "addresses": asdict(running.addresses),
        "run_dir": str(running.run_dir),
        "outputs": dict(running.outputs),
        "name": running.name,
    }
    path = running.run_dir / "stack.json"
    path.write_text(json.dumps(description, indent=2))


def answers(url: str, authority: Path | None = None) -> bool:
    """Return whether *url* answers 200; *authority* signed its certificate, if any."""
    context = ssl.create_default_context(cafile=authority) if authority else None
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    with contextlib.suppress(OSError), opener.open(url, timeout=2) as response:
        return bool(response.status == 200)
    return False
