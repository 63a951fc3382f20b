"""Measure coverage where it says something; measuring nearly doubles a test's work.

Measured is the import of the product, and what tests do that run it in their own
process. Not measured are stacks (their functions are processes of their own), the
simulator and the operators' commands (no product code), tests that walk the ways that
other tests walk, and random examples (what they reach differs from run to run).

What the SDK of AWS does by itself is not traced: a tracer is called for each of its
lines, only to find that they are not ours.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage

ROOT = Path(__file__).parents[2]

_NOT_MEASURED = (
    "simulator/",
    "tests/handlers/expire_session/test_plivo_faults.py",
    "tests/handlers/expire_sessions/test_cost.py",
    "tests/handlers/expire_sessions/test_ends.py",
    "tests/handlers/operate/",
    "tests/handlers/test_capacity.py",
    "tests/handlers/test_leaks_of_failures.py",
    "tests/handlers/test_other_tenants.py",
    "tests/handlers/test_request_units.py",
    "tests/handlers/test_samples.py",
    "tests/handlers/test_scopes.py",
    "tests/proofs/erasure_races/test_writings.py",
    "tests/proofs/test_",
    "tests/stack/",
    "tests/unit/test_architecture.py",
    "tests/unit/test_event_schemas.py",
    "tests/unit/test_imports.py",
    "tests/unit/test_openapi",
    "tests/unit/test_rooms.py",
    "tests/unit/test_security_document.py",
    "tests/unit/test_template.py",
)


class Measuring:
    """Turns the measuring of this process on and off; does nothing without any."""

    def __init__(self) -> None:
        self._coverage: Coverage | None = None
        self._is_on = False

    def begin(self) -> None:
        """Import the whole product while that is measured, and stop measuring.

        A module that is first imported by a test that isn't measured would read as
        never run.
        """
        self._coverage = Coverage.current()
        if self._coverage:
            for module in _product_modules():
                importlib.import_module(module)
            self._coverage.stop()
            _spare_the_sdk()

    def choose(self, item: pytest.Item) -> None:
        """Measure from now on if *item* is a test that is measured."""
        wanted = _is_measured(item)
        # Not more often than need be: a thread that begins meanwhile would fail.
        if self._coverage and wanted != self._is_on:
            self._is_on = wanted
            if wanted:
                self._coverage.start()
            else:
                self._coverage.stop()


def _is_measured(item: pytest.Item) -> bool:
    is_random = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    path = item.path.relative_to(ROOT).as_posix()
    return not is_random and not path.startswith(_NOT_MEASURED)


def untraced(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return *call* as a function in which, and below which, no tracer is called."""

    def call_untraced(*arguments: Any, **named: Any) -> Any:
        tracer = sys.gettrace()
        # One thread at a time may set a tracer, and one that begins sets its own.
        if tracer is None or threading.active_count() > 1:
            return call(*arguments, **named)
        # Here and in no function of its own, of which the tracer would see but one end.
        sys.settrace(None)
        try:
            return call(*arguments, **named)
        finally:
            sys.settrace(tracer)

    return call_untraced


def _spare_the_sdk() -> None:
    """Leave untraced what the SDK does by itself, not the hooks around a request."""
    from botocore.client import BaseClient
    from botocore.endpoint import Endpoint

    client: Any = BaseClient
    client._convert_to_request_dict = untraced(client._convert_to_request_dict)

    endpoint: Any = Endpoint
    send = endpoint.make_request
    send_untraced = untraced(send)

    def make_request(self: Any, operation: Any, request: Any) -> Any:
        # A stream is read from the product.
        chosen = send if operation.has_streaming_input else send_untraced
        return chosen(self, operation, request)

    endpoint.make_request = make_request


def _product_modules() -> Iterator[str]:
    layer = ROOT / "layers/masking"
    yield from (each.name for each in pkgutil.walk_packages([str(layer)]))
    for handler in sorted(ROOT.glob("functions/*/app.py")):
        yield f"functions.{handler.parent.name}.app"
