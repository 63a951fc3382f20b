"""The state of an alarm, by the rules that CloudWatch documents.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html

CloudWatch looks at more periods than it evaluates. Where enough of these have a value,
the newest values decide and gaps don't count. Only where there are fewer values than
periods to evaluate, the gaps are taken for what the alarm says. How many more it looks
at is not documented but by example: five for an alarm of three.

Not modeled: the minutes that metrics of AWS's own take to arrive.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from proofs.alarms import expressions
from proofs.alarms.history import History, Metric, Values

# Periods that are looked at beyond those that are evaluated.
MORE = 2


class State(StrEnum):
    """What an alarm says."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Missing(StrEnum):
    """What an alarm takes a period without a value for."""

    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"
    IGNORE = "ignore"
    MISSING = "missing"


COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


@dataclass(frozen=True)
class Alarm:
    """An alarm: *datapoints* of the last *periods* that breach make it ring.

    *metrics* are what it reads, by id; without an *expression* it reads just one.
    """

    name: str
    metrics: Mapping[str, Metric]
    expression: str | None
    periods: int
    datapoints: int
    threshold: float
    comparison: str
    missing: Missing

    @property
    def period(self) -> int:
        """Return the length of a period in seconds; all of its metrics have it."""
        [period] = {metric.period for metric in self.metrics.values()}
        return period

    def values(self, history: History, end: float, count: int) -> Values:
        """Return the values of the last *count* periods before *end*, oldest first."""
        read = {
            name: history.read(metric, end, count)
            for name, metric in self.metrics.items()
        }
        if self.expression is None:
            [values] = read.values()
            return values
        return [
            expressions.evaluate(
                self.expression, {name: values[place] for name, values in read.items()}
            )
            for place in range(count)
        ]


def state_of(
    alarm: Alarm, history: History, now: float, before: State = State.OK
) -> State:
    """Return the state of an alarm at a time; *before* is the state that it was in.

    Periods end at the full minute before *now*.
    """
    end = now // 60 * 60
    values = alarm.values(history, end, alarm.periods + MORE)
    compare = COMPARISONS[alarm.comparison]
    breaches = [v if v is None else compare(v, alarm.threshold) for v in values]
    return decide(breaches, alarm.periods, alarm.datapoints, alarm.missing, before)


def decide(
    breaches: list[bool | None],
    periods: int,
    datapoints: int,
    missing: Missing,
    before: State,
) -> State:
    """Return the state by which periods breach, oldest first, None where one is empty.

    There may be more of them than *periods*, which are evaluated.
    """
    known = [each for each in breaches if each is not None][-periods:]
    gaps = periods - len(known)
    if gaps and missing is Missing.BREACHING:
        known += [True] * gaps
    elif gaps and missing is Missing.NOT_BREACHING:
        known += [False] * gaps
    elif gaps and not known:
        return before if missing is Missing.IGNORE else State.INSUFFICIENT_DATA
    if sum(known) >= datapoints:
        return State.ALARM
    if len(known) < periods and all(known):
        if missing is Missing.IGNORE:
            return before
        # An early alarm, if what is missing could not make it wrong any more.
        age = len(breaches) - breaches.index(True)
        return State.ALARM if age >= datapoints else before
    return State.OK
