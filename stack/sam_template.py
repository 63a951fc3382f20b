"""Point ``sam local`` at the running stack: a built template with the stack's settings.

``sam local`` passes a function only the variables that its template declares, and what
a template refers to (a table, a secret) it can't look up. So beside the template that
``sam build`` wrote goes a copy in which each function has the environment of its
deployed counterpart, with addresses that lead from a container to this machine::

    sam local invoke CreateSessionFunction -t .aws-sam/build/stack.json \\
        -e events/create_session.json --add-host host.docker.internal:host-gateway
"""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

from stack.addresses import HOST
from stack.aws.api_port import ENDPOINT
from stack.aws.clients import ACCESS_KEY, REGION, SECRET_KEY
from stack.aws.package import read_template
from stack.environments import ROOT
from stack.running import RunningStack, StackError, folder_of

BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"
NAME = "stack.json"

FUNCTION = "AWS::Serverless::Function"

# What a container calls the machine that it runs on.
CONTAINERS_HOST = "host.docker.internal"

# Addresses that functions call; PUBLIC_BASE_URL is what Plivo calls, from outside.
CALLED = {"CARRIER_BASE_URL"}

# What containers on this machine run, and so what must have been built.
ARCHITECTURE = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"


def write_sam_template(stack: RunningStack, built: Path = BUILT) -> Path:
    """Write the copy beside *built* and return its path.

    Raises StackError if nothing has been built.
    """
    if not built.is_file():
        command = f"make build ARCHITECTURE={ARCHITECTURE}"
        raise StackError(f"Nothing is built yet: {command}")
    template = read_template(built)
    template.get("Globals", {}).get("Function", {}).pop("Environment", None)
    template["Parameters"]["Architecture"]["Default"] = ARCHITECTURE
    _without_aliases(template)
    deployed, functions = stack.function_names(), stack.aws.client("lambda")
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] == FUNCTION:
            settings = _settings(stack, functions, deployed[folder_of(logical_id)])
            resource["Properties"]["Environment"] = {"Variables": settings}
    path = built.with_name(NAME)
    path.write_text(json.dumps(template, indent=2))
    return path


def functions_of(path: Path) -> list[str]:
    """Return the logical ids of a template's functions."""
    resources: dict[str, Any] = json.loads(path.read_text())["Resources"]
    return [name for name, each in resources.items() if each["Type"] == FUNCTION]


def _without_aliases(template: dict[str, Any]) -> None:
    """Let authorizers call functions themselves: ``sam local`` knows no aliases."""
    template.get("Globals", {}).get("Function", {}).pop("DeploymentPreference", None)
    for resource in template["Resources"].values():
        auth = resource["Properties"].get("Auth", {})
        for authorizer in auth.get("Authorizers", {}).values():
            called = authorizer["FunctionArn"].get("Ref", "")
            if called.endswith(".Alias"):
                function = called.removesuffix(".Alias")
                authorizer["FunctionArn"] = {"Fn::GetAtt": [function, "Arn"]}


def _from_container(value: str) -> str:
    return value.replace(f"http://{HOST}:", f"http://{CONTAINERS_HOST}:")


def _settings(stack: RunningStack, functions: Any, function: str) -> dict[str, Any]:
    configuration = functions.get_function_configuration(FunctionName=function)
    variables = configuration.get("Environment", {}).get("Variables", {})
    endpoint = f"{stack.addresses.api_url}/{ENDPOINT}"
    return {
        **variables,
        **{
            name: _from_container(variables[name]) for name in CALLED & variables.keys()
        },
        "AWS_ENDPOINT_URL": _from_container(endpoint),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    }
