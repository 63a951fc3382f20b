"""Keep metrics and read them by period and statistic, as CloudWatch does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from statistics import fmean
from typing import Any

# Namespace, name, and dimensions in order.
Key = tuple[str, str, tuple[tuple[str, str], ...]]

# No value where CloudWatch shows a gap.
Values = list[float | None]


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Sum": sum,
    "Maximum": max,
    "Minimum": min,
    "Average": fmean,
    "SampleCount": len,
    "p50": partial(_percentile, share=0.5),
    "p99": partial(_percentile, share=0.99),
}


def key_of(namespace: str, name: str, dimensions: Mapping[str, str]) -> Key:
    """Return what tells a metric from others: all of its dimensions count."""
    return namespace, name, tuple(sorted(dimensions.items()))


@dataclass(frozen=True)
class Metric:
    """A metric as somebody reads it: by a statistic of periods, in seconds."""

    key: Key
    statistic: str
    period: int


@dataclass
class History:
    """Values of metrics, each with its time in seconds since 1970."""

    values: dict[Key, list[tuple[float, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, points: Iterable[Mapping[str, Any]]) -> None:
        """Add points as `stack.aws.measured` shows them."""
        for point in points:
            key = key_of(point["namespace"], point["metric"], point["dimensions"])
            self.values[key].append((point["at"], point["value"]))

    def moved(self, seconds: float) -> History:
        """Return a history of its own that is so much later."""
        moved = History()
        for key, values in self.values.items():
            moved.values[key] = [(at + seconds, value) for at, value in values]
        return moved

    def read(self, metric: Metric, end: float, count: int) -> Values:
        """Return the last *count* periods before *end*, the oldest first."""
        begin = end - metric.period * count
        buckets: list[list[float]] = [[] for _ in range(count)]
        for at, value in reversed(self.values.get(metric.key, [])):
            if at < begin:
                break
            if at < end:
                buckets[int((at - begin) // metric.period)].append(value)
        of_statistic = STATISTICS[metric.statistic]
        return [of_statistic(found) if found else None for found in buckets]
