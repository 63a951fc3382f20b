"""Secrets stand in Secrets Manager and nowhere in the template."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from stack.aws.package import read_template

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = read_template(ROOT / "template.yaml")
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]

FUNCTIONS = {
    name: resource["Properties"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::Serverless::Function"
}
SECRETS = {
    name
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::SecretsManager::Secret"
}

SUSPICIOUS = re.compile(r"SECRET|TOKEN|PASSWORD|CREDENTIAL|KEY(?!WORD)", re.IGNORECASE)


def environment_of(logical_id: str) -> dict[str, Any]:
    """Return all variables of a function, the common ones among them."""
    every: dict[str, Any] = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    own = FUNCTIONS[logical_id].get("Environment", {}).get("Variables", {})
    return {**every, **own}


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_no_functions_environment_holds_a_secret(logical_id: str) -> None:
    for name, value in environment_of(logical_id).items():
        text = json.dumps(value)
        assert "{{resolve:" not in text, name
        assert "SecretString" not in text, name
        if SUSPICIOUS.search(name):
            # The address of a secret, never the secret.
            assert name.endswith("_SECRET_ARN")
            assert value["Ref"] in SECRETS


def test_the_template_resolves_no_secret_anywhere() -> None:
    text = (ROOT / "template.yaml").read_text()

    assert "{{resolve:secretsmanager" not in text
    assert "{{resolve:ssm" not in text


def test_every_secret_is_made_by_secrets_manager_and_outlives_the_stack() -> None:
    assert {"CarrierSecret", "SigningSecret"} == SECRETS
    for name in SECRETS:
        assert "SecretString" not in RESOURCES[name]["Properties"]
        assert RESOURCES[name]["Properties"]["GenerateSecretString"]
        assert RESOURCES[name]["DeletionPolicy"] == "Retain"


def test_no_parameter_takes_a_secret() -> None:
    asked = [name for name in TEMPLATE["Parameters"] if SUSPICIOUS.search(name)]

    assert asked == []


def test_no_output_tells_one() -> None:
    told = {
        name: output["Value"]
        for name, output in TEMPLATE["Outputs"].items()
        if SUSPICIOUS.search(name)
    }

    assert all(name.endswith("SecretArn") for name in told)
    assert all(value["Ref"] in SECRETS for value in told.values())
