"""The widgets of the template's dashboard, with the names of a deployed stack."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from proofs.alarms.deployed import Names
from proofs.alarms.history import History, Metric, key_of
from stack.aws.clients import REGION
from stack.aws.package import read_template
from stack.environments import ROOT

VARIABLE = re.compile(r"\$\{([\w:]+)(?:\.(\w+))?\}")

SEARCH = re.compile(
    r"SEARCH\('\{(?P<schema>[^}]+)\} MetricName=\"(?P<name>\w+)\" "
    r"(?P<dimension>\w+)=\"(?P<value>[^\"]+)\"', "
    r"'(?P<statistic>\w+)', (?P<period>\d+)\)"
)


@dataclass(frozen=True)
class Line:
    """One line of a graph."""

    label: str
    metric: Metric


@dataclass(frozen=True)
class Widget:
    """A widget: its place in a grid of 24 columns, and what it shows."""

    title: str
    x: int
    y: int
    width: int
    height: int
    metrics: tuple[tuple[Any, ...], ...] = ()
    alarms: tuple[str, ...] = ()
    statistic: str = "Average"
    period: int = 300

    def lines(self, history: History) -> Iterator[Line]:
        """Yield the lines of a graph; a search has one for each metric it finds."""
        for entry in self.metrics:
            *names, last = entry
            options = last if isinstance(last, dict) else {}
            if "expression" in options:
                yield from _found(options, history)
                continue
            texts = names if options else [*names, last]
            namespace, name, *rest = map(str, texts)
            dimensions = dict(zip(rest[::2], rest[1::2], strict=True))
            statistic = str(options.get("stat", self.statistic))
            metric = Metric(key_of(namespace, name, dimensions), statistic, self.period)
            yield Line(str(options.get("label", name)), metric)


def _found(options: Mapping[str, Any], history: History) -> Iterator[Line]:
    search = SEARCH.fullmatch(options["expression"])
    if search is None:
        raise ValueError(f"{options['expression']} is no search that is known")
    namespace, *names = search["schema"].split(",")
    for key in history.values:
        dimensions = dict(key[2])
        if key[:2] != (namespace, search["name"]) or dimensions.keys() != set(names):
            continue
        if dimensions.pop(search["dimension"]) == search["value"]:
            label = f"{options['label']} {' '.join(dimensions.values())}"
            period = int(search["period"])
            yield Line(label, Metric(key, search["statistic"], period))


def widgets_of(names: Names) -> list[Widget]:
    """Return the widgets of the dashboard as they are in a stack."""
    resources = read_template(ROOT / "template.yaml")["Resources"]
    body = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    filled = VARIABLE.sub(lambda found: _value(found[1], found[2], names), body)
    return [_widget(each) for each in json.loads(filled)["widgets"]]


def _value(name: str, attribute: str | None, names: Names) -> str:
    if name == "AWS::Region":
        return REGION
    if name == "AWS::StackName":
        return names.stack
    physical = names.resources[name]
    # An alarm is known here by the name that the template has for it.
    return {"Arn": name, "QueueName": physical.rpartition("/")[2]}.get(
        attribute or "", physical
    )


def _widget(each: Mapping[str, Any]) -> Widget:
    properties = each["properties"]
    return Widget(
        title=properties["title"],
        **{name: each[name] for name in ("x", "y", "width", "height")},
        metrics=tuple(map(tuple, properties.get("metrics", ()))),
        alarms=tuple(properties.get("alarms", ())),
        statistic=properties.get("stat", "Average"),
        period=properties.get("period", 300),
    )
