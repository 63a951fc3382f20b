"""Alarms are evaluated as CloudWatch documents it."""

from __future__ import annotations

from typing import Any

import pytest

from proofs.alarms import expressions
from proofs.alarms.deployed import Names, alarm_from
from proofs.alarms.evaluation import Alarm, Missing, State, decide, state_of
from proofs.alarms.expressions import UnknownExpressionError, evaluate
from proofs.alarms.history import History, Metric, key_of

OK, ALARM, NONE = State.OK, State.ALARM, State.INSUFFICIENT_DATA
RETAINED = None

BREACHES = {"0": False, "X": True, "-": None}


def decided(
    row: str, periods: int, datapoints: int, missing: Missing, before: State
) -> State:
    """Decide by a row of the documentation's tables, the oldest period first."""
    breaches = [BREACHES[each] for each in row.split()]
    return decide(breaches, periods, datapoints, missing, before)


# The tables of
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
# with what each treatment of missing data comes to: missing, ignore, breaching,
# notBreaching. An alarm of "retain the current state" is tried from two states.
THREE_OF_THREE = {
    "0 - X - X": (OK, OK, OK, OK),
    "- - - - 0": (OK, OK, OK, OK),
    "- - - - -": (NONE, RETAINED, ALARM, OK),
    "0 X X - X": (ALARM, ALARM, ALARM, ALARM),
    "- - X - -": (ALARM, RETAINED, ALARM, OK),
}
TWO_OF_THREE = {
    "0 - X - X": (ALARM, ALARM, ALARM, ALARM),
    "0 0 X 0 X": (ALARM, ALARM, ALARM, ALARM),
    "0 - X - -": (OK, OK, ALARM, OK),
    "- - - - 0": (OK, OK, ALARM, OK),
    "- - - X -": (ALARM, RETAINED, ALARM, OK),
}
TREATMENTS = (
    Missing.MISSING,
    Missing.IGNORE,
    Missing.BREACHING,
    Missing.NOT_BREACHING,
)


@pytest.mark.parametrize("before", [OK, ALARM])
@pytest.mark.parametrize(
    ("datapoints", "row", "missing", "state"),
    [
        (datapoints, row, missing, state)
        for datapoints, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
        for row, states in table.items()
        for missing, state in zip(TREATMENTS, states, strict=True)
    ],
)
def test_missing_data_are_treated_as_in_the_documentation(
    datapoints: int, row: str, missing: Missing, state: State | None, before: State
) -> None:
    assert decided(row, 3, datapoints, missing, before) == (state or before)


@pytest.mark.parametrize(
    ("row", "datapoints", "state"),
    [
        ("X X X 0 0", 2, OK),
        ("0 0 X 0 0", 1, ALARM),
        ("0 0 0 X X", 2, ALARM),
        ("X X 0 0 X", 2, OK),
    ],
)
def test_of_the_last_periods_so_many_must_breach(
    row: str, datapoints: int, state: State
) -> None:
    assert decided(row, 3, datapoints, Missing.NOT_BREACHING, OK) is state


def test_a_single_early_breach_waits_for_the_next_value() -> None:
    assert decided("- - - - X", 3, 3, Missing.MISSING, OK) is OK


# Metrics


KEY = key_of("Maskline", "Failed", {"service": "one"})


def history_of(*values: tuple[float, float]) -> History:
    """Return the history of one metric, times in seconds."""
    history = History()
    for at, value in values:
        history.values[KEY].append((at, value))
    return history


def test_values_are_read_by_period_and_statistic() -> None:
    history = history_of((0, 1), (59, 3), (60, 5), (180, 7), (239.9, 9))

    def read(statistic: str, end: float = 240, count: int = 4) -> list[float | None]:
        return history.read(Metric(KEY, statistic, 60), end, count)

    assert read("Sum") == [4, 5, None, 16]
    assert read("Maximum") == [3, 5, None, 9]
    assert read("Minimum") == [1, 5, None, 7]
    assert read("Average") == [2, 5, None, 8]
    assert read("SampleCount") == [2, 1, None, 2]
    assert read("p50") == [3, 5, None, 9]
    assert read("Sum", end=180, count=1) == [None]


def test_a_metric_with_another_dimension_is_another_metric() -> None:
    history = History()
    for stack, value in (("one", 1), ("two", 2)):
        history.add(
            [
                {
                    "namespace": "Maskline",
                    "metric": "Failed",
                    "dimensions": {"service": stack},
                    "at": 30,
                    "value": value,
                }
            ]
        )

    assert history.read(Metric(KEY, "Sum", 60), 60, 1) == [1]


def test_a_moved_history_is_later_and_goes_on_by_itself() -> None:
    first = history_of((0, 1))
    moved = first.moved(60)
    moved.values[KEY].append((61, 1))

    assert first.read(Metric(KEY, "Sum", 60), 120, 2) == [1, None]
    assert moved.read(Metric(KEY, "Sum", 60), 120, 2) == [None, 2]


# Metric math


@pytest.mark.parametrize(
    ("expression", "values", "result"),
    [
        ("SUM(FILL(METRICS(), 0))", {"a": 1, "b": None, "c": 2}, 3),
        ("SUM(FILL(METRICS(), 0))", {"a": None}, 0),
        ("SUM(METRICS())", {"a": None}, None),
        ("SUM(METRICS())", {"a": None, "b": 4}, 4),
        ("IF(FILL(w, 0) > 0 AND FILL(r, 0) == 0, 1, 0)", {"w": 2, "r": None}, 1),
        ("IF(FILL(w, 0) > 0 AND FILL(r, 0) == 0, 1, 0)", {"w": 2, "r": 1}, 0),
        ("IF(FILL(w, 0) > 0 AND FILL(r, 0) == 0, 1, 0)", {"w": None, "r": None}, 0),
        ("IF(a > 0, 1, 0)", {"a": None}, None),
        ("a - 2 * b", {"a": 7, "b": 2}, 3),
        ("a - b", {"a": 7, "b": None}, None),
        ("a > 0 AND b > 0", {"a": 7, "b": None}, None),
    ],
)
def test_expressions_are_evaluated_period_by_period(
    expression: str, values: dict[str, float | None], result: float | None
) -> None:
    assert evaluate(expression, values) == result


@pytest.mark.parametrize(
    "expression",
    ["RATE(a)", "METRICS()", "a ** 2", "b", "SUM(a)", "METRICS() + 1", "IF(a, 1)"],
)
def test_an_expression_that_is_not_known_is_refused(expression: str) -> None:
    with pytest.raises(UnknownExpressionError):
        expressions.evaluate(expression, {"a": 1})


# Alarms


NAMES = Names({"Queue": "https://sqs/000/the-queue"}, {"Most": "3"}, "one")

PLAIN: dict[str, Any] = {
    "Namespace": "Maskline",
    "MetricName": "Failed",
    "Dimensions": [{"Name": "service", "Value": {"Ref": "AWS::StackName"}}],
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 2,
    "Threshold": {"Ref": "Most"},
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}


def test_an_alarm_of_the_template_has_the_names_of_its_stack() -> None:
    alarm = alarm_from("Failed", PLAIN, NAMES)

    assert alarm == Alarm(
        name="Failed",
        metrics={"Failed": Metric(KEY, "Sum", 60)},
        expression=None,
        periods=2,
        datapoints=2,
        threshold=3,
        comparison="GreaterThanThreshold",
        missing=Missing.NOT_BREACHING,
    )


def test_an_alarm_of_an_expression_reads_each_of_its_metrics() -> None:
    queue = {"Name": "QueueName", "Value": {"Fn::GetAtt": ["Queue", "QueueName"]}}
    metric = {"Namespace": "AWS/SQS", "MetricName": "Age", "Dimensions": [queue]}
    stat = {"Metric": metric, "Stat": "Maximum", "Period": 300}
    properties = {
        **{k: v for k, v in PLAIN.items() if k not in ("MetricName", "Dimensions")},
        "Metrics": [
            {"Id": "total", "Expression": "SUM(METRICS())"},
            {"Id": "age", "ReturnData": False, "MetricStat": stat},
        ],
        "DatapointsToAlarm": 1,
    }

    alarm = alarm_from("Old", properties, NAMES)

    key = key_of("AWS/SQS", "Age", {"QueueName": "the-queue"})
    assert alarm.metrics == {"age": Metric(key, "Maximum", 300)}
    assert alarm.expression == "SUM(METRICS())"
    assert (alarm.period, alarm.periods, alarm.datapoints) == (300, 2, 1)


def test_an_alarm_rings_when_enough_periods_breach_and_stops_afterwards() -> None:
    alarm = alarm_from("Failed", PLAIN, NAMES)
    history = history_of((70, 4), (130, 5))

    states = [state_of(alarm, history, now) for now in (120, 180, 239, 240)]

    assert states == [OK, ALARM, ALARM, ALARM]
    history.values[KEY] += [(250, 0), (310, 0)]
    assert state_of(alarm, history, 360) is OK


def test_an_alarm_for_silence_rings_without_any_data() -> None:
    silent = {
        **PLAIN,
        "Statistic": "SampleCount",
        "Threshold": 1,
        "ComparisonOperator": "LessThanThreshold",
        "TreatMissingData": "breaching",
    }
    alarm = alarm_from("Silent", silent, NAMES)

    assert state_of(alarm, History(), 600) is ALARM
    assert state_of(alarm, history_of((490, 0), (550, 0)), 600) is OK
    # It looks two periods further back than it evaluates.
    assert state_of(alarm, history_of((410, 0)), 600) is OK
    assert state_of(alarm, history_of((350, 0)), 600) is ALARM
