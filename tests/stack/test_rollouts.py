"""What AWS makes of the template when functions have new versions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.sam_transform import transformed

Resources = dict[str, Any]

FUNCTIONS = 27
CANARY = "Canary10Percent5Minutes"


@pytest.fixture(scope="module")
def at_once() -> Resources:
    """Return the resources with the default rollout."""
    return transformed({})


@pytest.fixture(scope="module")
def gradual() -> Resources:
    """Return the resources with a gradual rollout."""
    return transformed({"Rollout": CANARY})


def _of_type(resources: Resources, *types: str) -> dict[str, Any]:
    return {k: v for k, v in resources.items() if v["Type"] in types}


def test_whatever_calls_a_function_calls_its_alias(at_once: Resources) -> None:
    callers = {
        "AWS::Lambda::EventSourceMapping": 6,
        "AWS::Lambda::Permission": 24,
    }

    for kind, count in callers.items():
        found = _of_type(at_once, kind)
        assert len(found) >= count
        for logical_id, resource in found.items():
            called = resource["Properties"]["FunctionName"]["Ref"]
            assert at_once[called]["Type"] == "AWS::Lambda::Alias", logical_id
    for rule in _of_type(at_once, "AWS::Events::Rule").values():
        for target in rule["Properties"]["Targets"]:
            if "LambdaTarget" in target["Id"]:
                assert at_once[target["Arn"]["Ref"]]["Type"] == "AWS::Lambda::Alias"


def test_each_route_and_the_authorizer_call_an_alias(at_once: Resources) -> None:
    body = json.dumps(at_once["Api"]["Properties"]["Body"])
    integrations = re.findall(r"functions/\$\{(\w+)\}/invocations", body)
    [authorizer] = re.findall(r'"__FunctionArn__": \{"Ref": "(\w+)"\}', body)

    assert len(integrations) > 20
    for called in {*integrations, authorizer} - {"__FunctionArn__"}:
        assert at_once[called]["Type"] == "AWS::Lambda::Alias", called


def test_another_layer_is_another_version_of_every_function(at_once: Resources) -> None:
    """Almost all of our code is in a layer."""
    changed = transformed({}, layer="layer-2")

    before, after = (
        set(_of_type(each, "AWS::Lambda::Version")) for each in (at_once, changed)
    )
    assert len(before) == len(after) == FUNCTIONS
    assert before.isdisjoint(after)


def test_the_same_template_makes_no_new_version(at_once: Resources) -> None:
    assert transformed({}).keys() == at_once.keys()


def test_by_default_nothing_of_codedeploy_is_made(at_once: Resources) -> None:
    assert not any("CodeDeploy" in each["Type"] for each in at_once.values())


def test_a_gradual_rollout_is_of_every_function_and_alarms_roll_it_back(
    gradual: Resources,
) -> None:
    groups = _of_type(gradual, "AWS::CodeDeploy::DeploymentGroup")

    watched = set(_of_type(gradual, "AWS::Lambda::Function"))
    assert len(groups) == len(watched) == FUNCTIONS
    for group in groups.values():
        properties = group["Properties"]
        assert json.dumps(properties["DeploymentConfigName"]).count(CANARY) == 1
        rolled_back = properties["AutoRollbackConfiguration"]
        assert rolled_back["Enabled"]
        assert "DEPLOYMENT_STOP_ON_ALARM" in rolled_back["Events"]
        alarms = [
            each["Name"]["Ref"] for each in properties["AlarmConfiguration"]["Alarms"]
        ]
        assert watched <= _functions_watched(gradual, alarms)
    for alias in _of_type(gradual, "AWS::Lambda::Alias").values():
        policy = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        assert policy["DeploymentGroupName"]["Ref"] in groups


@pytest.mark.parametrize("rollout", ["AllAtOnce", CANARY])
def test_no_resource_waits_for_itself(rollout: str) -> None:
    """An alarm on the API would: the API has aliases, which wait for the alarms."""
    resources = transformed({"Rollout": rollout})
    needs = {name: set(_references(each)) for name, each in resources.items()}
    needs = {name: names & resources.keys() for name, names in needs.items()}

    while ready := {name for name, names in needs.items() if not names}:
        needs = {
            name: names - ready for name, names in needs.items() if name not in ready
        }

    assert needs == {}


def test_a_stack_stays_far_below_the_most_resources_that_one_may_have(
    gradual: Resources,
) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    assert len(gradual) <= 450


def _functions_watched(resources: Resources, alarms: list[str]) -> set[str]:
    """Return the functions whose errors an alarm of these watches."""
    return {
        dimension["Value"]["Ref"]
        for alarm in alarms
        for each in resources[alarm]["Properties"].get("Metrics", [])
        if "MetricStat" in each
        and each["MetricStat"]["Metric"]["MetricName"] == "Errors"
        for dimension in each["MetricStat"]["Metric"]["Dimensions"]
    }


def _references(value: Any) -> Iterator[str]:
    """Yield what a part of a template refers to."""
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    elif isinstance(value, dict):
        for name, content in value.items():
            match name, content:
                case "Ref", str():
                    yield content
                case "DependsOn", str():
                    yield content
                case "DependsOn", list():
                    yield from content
                case "Fn::GetAtt", [str(logical_id), *_]:
                    yield logical_id
                case "Fn::Sub", _:
                    text = content if isinstance(content, str) else content[0]
                    yield from re.findall(r"\$\{(\w+)[.}]", text)
                    yield from _references(content)
                case _:
                    yield from _references(content)
