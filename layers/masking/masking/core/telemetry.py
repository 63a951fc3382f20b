"""Logs and metrics: constant messages plus fields, never a person's data.

Each invocation ends in one line with what it did and the ids that lead from it to
others: whatever happens in between adds to that line by `note`.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, TypeVar

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from masking.core.settings import settings

T = TypeVar("T")

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Handler = Callable[[dict[str, Any], Any], T]

UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)

# Powertools' metrics are not made for threads.
_LOCK = threading.Lock()

_NOTES: ContextVar[dict[str, Any] | None] = ContextVar("notes", default=None)


@lru_cache(maxsize=1)
def logger() -> Logger:
    """Return the process's logger; its level and service come from the environment."""
    found = Logger(use_rfc3339=True)
    # The level that Lambda lets through would go before ours, and is never above INFO.
    logging.getLogger(found.name).setLevel(settings().log_level)
    return found


@lru_cache(maxsize=1)
def metrics() -> Metrics:
    """Return the process's metrics; the namespace comes from the environment."""
    return Metrics()


@contextmanager
def invocation(message: str, context: object, **fields: Any) -> Iterator[None]:
    """Log one line when the block ends, with what was noted; write the metrics too.

    *context* is Lambda's; *fields* begin the notes. A failure is noted by its type and
    raised again.
    """
    began = time.perf_counter()
    notes: dict[str, Any] = {
        "invocation_id": getattr(context, "aws_request_id", None),
        **fields,
    }
    token = _NOTES.set(notes)
    try:
        yield
    except Exception as error:
        # Not the text of the error: it may hold anything.
        notes["failed"] = type(error).__name__
        raise
    finally:
        _NOTES.reset(token)
        notes["milliseconds"] = round((time.perf_counter() - began) * 1000)
        logger().info(message, extra=notes)
        flush()


def one_line(message: str) -> Callable[[Handler[T]], Handler[T]]:
    """Make a handler whose invocations end in a line of their own."""

    def decorate(handle: Handler[T]) -> Handler[T]:
        @wraps(handle)
        def lambda_handler(event: dict[str, Any], context: Any) -> T:
            with invocation(message, context):
                return handle(event, context)

        return lambda_handler

    return decorate


def note(**fields: Any) -> None:
    """Add fields to the line of this invocation; nothing happens outside of one."""
    notes = _NOTES.get()
    if notes is not None:
        notes.update(fields)


def note_ids(**ids: object) -> None:
    """Add those ids that are UUIDs: what somebody else sent could be a number."""
    note(**{k: v for k, v in ids.items() if isinstance(v, str) and UUID.fullmatch(v)})


def count(name: str, value: float = 1, **fields: Any) -> None:
    """Count *value* of *name*; *fields* go beside it and are not dimensions."""
    with _LOCK:
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


def about(error: BaseException) -> dict[str, Any]:
    """Return an error's type and where it was raised, without its text."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else None
    response = getattr(error, "response", None) or {}
    code = response.get("Error", {}).get("Code")
    return {"error": type(error).__name__, "error_code": code, "place": place}
