"""The alarms of a deployed stack, with the names that its resources have there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proofs.alarms.evaluation import Alarm, Missing
from proofs.alarms.history import Metric, key_of
from stack.aws.package import read_template
from stack.environments import ROOT
from stack.running import RunningStack

ALARM = "AWS::CloudWatch::Alarm"


@dataclass(frozen=True)
class Names:
    """What `!Ref` and `!GetAtt` stand for in a stack, as far as alarms need them."""

    resources: Mapping[str, str]
    parameters: Mapping[str, Any]
    stack: str

    def resolve(self, value: Any) -> Any:
        """Return a value of the template as it is in the stack."""
        match value:
            case {"Ref": "AWS::StackName"}:
                return self.stack
            case {"Ref": name}:
                return self.resources.get(name) or self.parameters[name]
            case {"Fn::GetAtt": [name, "QueueName"]}:
                return self.resources[name].rpartition("/")[2]
        return value


def names_in(stack: RunningStack) -> Names:
    """Return the names of a stack's resources and the values of its parameters."""
    formation = stack.aws.client("cloudformation")
    found = formation.describe_stack_resources(StackName=stack.name)["StackResources"]
    [described] = formation.describe_stacks(StackName=stack.name)["Stacks"]
    template = read_template(ROOT / "template.yaml")
    defaults = {n: p.get("Default") for n, p in template["Parameters"].items()}
    chosen = {
        each["ParameterKey"]: each["ParameterValue"]
        for each in described.get("Parameters", [])
    }
    return Names(
        {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found},
        {**defaults, **chosen},
        described["StackName"],
    )


def alarms_of(names: Names) -> list[Alarm]:
    """Return the alarms of the template as they are in a stack."""
    resources = read_template(ROOT / "template.yaml")["Resources"]
    return [
        alarm_from(name, resource["Properties"], names)
        for name, resource in resources.items()
        if resource["Type"] == ALARM
    ]


def alarm_from(name: str, properties: Mapping[str, Any], names: Names) -> Alarm:
    """Return an alarm of the template, by its properties."""
    expressions = [m["Expression"] for m in properties.get("Metrics", ()) if is_sum(m)]
    read = {
        each["Id"]: {**each["MetricStat"], **each["MetricStat"]["Metric"]}
        for each in properties.get("Metrics", ())
        if not is_sum(each)
    } or {name: {**properties, "Stat": properties.get("Statistic")}}
    return Alarm(
        name=name,
        metrics={id_: _metric(found, names) for id_, found in read.items()},
        expression=expressions[0] if expressions else None,
        periods=properties["EvaluationPeriods"],
        datapoints=properties.get("DatapointsToAlarm", properties["EvaluationPeriods"]),
        threshold=float(names.resolve(properties["Threshold"])),
        comparison=properties["ComparisonOperator"],
        missing=Missing(properties.get("TreatMissingData", "missing")),
    )


def is_sum(metric: Mapping[str, Any]) -> bool:
    """Return whether one of an alarm's metrics is its expression."""
    return "Expression" in metric


def _metric(found: Mapping[str, Any], names: Names) -> Metric:
    dimensions = {
        each["Name"]: str(names.resolve(each["Value"])) for each in found["Dimensions"]
    }
    key = key_of(found["Namespace"], found["MetricName"], dimensions)
    return Metric(key, found["Stat"], found["Period"])
