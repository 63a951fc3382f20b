"""Any number of stages stand in one account and region, and their data don't mix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from masking.core import telemetry
from stack.aws.package import read_template

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = read_template(ROOT / "template.yaml")
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]

# A name that a stack gives a resource is taken for every other stack of the account.
NAMES = frozenset(
    {
        *("AlarmName", "BucketName", "DashboardName", "DeliveryStreamName"),
        *("FunctionName", "GroupName", "LayerName", "LogGroupName", "QueueName"),
        *("QueryName", "RoleName", "RuleName", "TableName", "TopicName"),
    }
)

# Types whose `Name` has to be unique in an account and region.
NAMED = frozenset(
    {
        "AWS::Events::EventBus",
        "AWS::Events::Rule",
        "AWS::SecretsManager::Secret",
        "AWS::Serverless::HttpApi",
        "AWS::Logs::QueryDefinition",
    }
)


def _names(resource: dict[str, Any]) -> dict[str, Any]:
    names = NAMES | ({"Name"} if resource["Type"] in NAMED else set())
    properties = resource.get("Properties", {})
    return {name: properties[name] for name in names & properties.keys()}


@pytest.mark.parametrize("logical_id", RESOURCES)
def test_a_name_that_the_template_gives_is_of_its_stack_alone(logical_id: str) -> None:
    for key, name in _names(RESOURCES[logical_id]).items():
        assert "AWS::StackName" in json.dumps(name), f"{logical_id}.{key}"


def test_every_metric_of_ours_is_of_one_stack() -> None:
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    watched = {
        logical_id: resource["Properties"]["Dimensions"]
        for logical_id, resource in RESOURCES.items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
        and resource["Properties"].get("Namespace") == "Maskline"
    }

    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "Maskline"
    assert variables["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}
    assert watched
    for logical_id, dimensions in watched.items():
        of_stack = {"Name": "service", "Value": {"Ref": "AWS::StackName"}}
        assert of_stack in dimensions, logical_id


def test_a_gauge_is_of_one_stack_as_a_count_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "masks-dev")

    telemetry.gauge("PoolNumbers", 3, Country="US")
    telemetry.count("CarrierFailure")
    telemetry.flush()

    gauge, count = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert gauge["service"] == count["service"] == "masks-dev"
    [shape] = gauge["_aws"]["CloudWatchMetrics"]
    assert sorted(shape["Dimensions"][0]) == ["Country", "service"]
