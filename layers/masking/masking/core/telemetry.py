"""Logs and metrics: constant messages plus fields, never a person's data."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

if TYPE_CHECKING:
    from typing import Any


@lru_cache(maxsize=1)
def logger() -> Logger:
    """Return the process's logger; its level and service come from the environment."""
    return Logger(use_rfc3339=True)


@lru_cache(maxsize=1)
def metrics() -> Metrics:
    """Return the process's metrics; the namespace comes from the environment."""
    return Metrics()


def count(name: str, value: float = 1, **fields: Any) -> None:
    """Count *value* of *name*; *fields* go beside it and are not dimensions."""
    metrics().add_metric(name=name, unit=MetricUnit.Count, value=value)
    for field, content in fields.items():
        metrics().add_metadata(key=field, value=content)


def count_carrier_failure(code: str, metric: str | None) -> None:
    """Count that Plivo did not do as asked, and under *metric* where an alarm waits."""
    count("CarrierFailure", code=code)
    if metric:
        count(metric)


def gauge(name: str, value: float, **dimensions: str) -> None:
    """Write a value that stands for now, with dimensions beside the service."""
    with single_metric(
        name=name,
        unit=MetricUnit.Count,
        value=value,
        namespace=metrics().namespace,
    ) as metric:
        metric.add_dimension(name="service", value=metrics().service)
        for dimension, content in dimensions.items():
            metric.add_dimension(name=dimension, value=content)


def flush() -> None:
    """Write the metrics of this invocation, if there are any."""
    if metrics().metric_set:
        metrics().flush_metrics()
