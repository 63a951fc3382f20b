"""The template gives each function every setting that its use case reads."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from inspect import ismethod, signature
from types import FunctionType, SimpleNamespace
from typing import Any

import pytest

from masking.core.errors import SettingMissingError
from masking.core.settings import Settings
from masking.wiring import Services
from stack.aws.package import read_template
from stack.environments import ROOT

TEMPLATE = read_template(ROOT / "template.yaml")
FUNCTIONS = {
    resource["Properties"]["CodeUri"].removeprefix("functions/"): resource["Properties"]
    for resource in TEMPLATE["Resources"].values()
    if resource["Type"] == "AWS::Serverless::Function"
}
# They use a reconciler to check one session, and never to settle it.
NO_SETTLEMENT = {"check_sessions", "erase_number"}
SECRET = json.dumps({"auth_id": "MA" + "X" * 18, "auth_token": "0" * 40})


def variables_of(name: str) -> dict[str, str]:
    """Return the environment of a function, with values that can be read."""
    everywhere = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    own = FUNCTIONS[name].get("Environment", {}).get("Variables", {})
    return {
        each: "https://127.0.0.1" if "URL" in each else "400"
        for each in {**everywhere, **own}
    }


def services_with(environment: dict[str, str]) -> Services:
    """Return services whose clients lead nowhere."""

    def client(_service: str, **_: Any) -> Any:
        return SimpleNamespace(
            get_secret_value=lambda **_: {"SecretString": SECRET},
        )

    return Services(Settings(environment), client=client)


def build(services: Services, name: str) -> Any:
    """Build the use case of a function, and all that it makes when it is needed."""
    made = getattr(services, name)
    use_case = made(lambda: True) if ismethod(made) else made
    build_parts(use_case, {"settlement"} if name in NO_SETTLEMENT else set())
    return use_case


def build_parts(part: Any, without: set[str]) -> None:
    """Build what a part makes when it is needed, but the fields *without*."""
    if not is_dataclass(part):
        return
    for field in fields(part):
        value = getattr(part, field.name)
        if is_made_later(value) and field.name not in without:
            value = value()
        if type(value).__module__.startswith("masking."):
            build_parts(value, without)


def is_made_later(value: object) -> bool:
    """Return whether a value is a function of the wiring that makes a part."""
    return (
        isinstance(value, FunctionType)
        and value.__module__.startswith("masking.wiring")
        and not signature(value).parameters
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_every_setting_that_its_use_case_reads(name: str) -> None:
    assert build(services_with(variables_of(name)), name)


def test_a_setting_that_a_part_needs_later_is_missed_as_well() -> None:
    environment = variables_of("reconcile_sessions")
    del environment["CARRIER_REQUESTS_PER_SECOND"]
    with pytest.raises(SettingMissingError, match="CARRIER_REQUESTS_PER_SECOND"):
        build(services_with(environment), "reconcile_sessions")

    environment = variables_of("reconcile_sessions")
    del environment["RECORDING_RETENTION_DAYS"]
    with pytest.raises(SettingMissingError, match="RECORDING_RETENTION_DAYS"):
        build(services_with(environment), "reconcile_sessions")
