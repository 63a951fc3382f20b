"""Measure coverage where it says something; measuring nearly doubles a test's work.

Measured is what tests do that run the product in their own process, and what importing
the product does. Not measured are fixtures, stacks (their functions are processes of
their own), the simulator and the operators' commands (no product code), tests that walk
the ways that other tests walk, and random examples (what they reach differs from run to
run).
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from coverage import Coverage

ROOT = Path(__file__).parents[2]

_NOT_MEASURED = (
    "simulator/",
    "tests/handlers/operate/",
    "tests/handlers/test_leaks_of_failures.py",
    "tests/handlers/test_other_tenants.py",
    "tests/handlers/test_request_units.py",
    "tests/handlers/test_samples.py",
    "tests/handlers/test_scopes.py",
    "tests/proofs/test_",
    "tests/stack/",
    "tests/unit/test_architecture.py",
    "tests/unit/test_spoilt_histories.py",
    "tests/unit/test_timeline_truth.py",
)
# An erasure is seen from its request to its end in proofs alone.
_MEASURED = "tests/proofs/test_erased_number.py"

_measured: list[Coverage] = []


def begin() -> None:
    """Import the whole product while that is measured, and stop measuring.

    A module that is first imported by a fixture would read as never run.
    """
    if measured := Coverage.current():
        for module in _product_modules():
            importlib.import_module(module)
        measured.stop()
        _measured.append(measured)


@contextlib.contextmanager
def coverage_of(item: pytest.Item) -> Iterator[None]:
    """Measure the block if *item* is a test that is measured."""
    if not _measured or not _is_measured(item):
        yield
        return
    [measured] = _measured
    measured.start()
    try:
        yield
    finally:
        measured.stop()


def _is_measured(item: pytest.Item) -> bool:
    is_random = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    path = item.path.relative_to(ROOT).as_posix()
    left_out = path.startswith(_NOT_MEASURED) and path != _MEASURED
    return not is_random and not left_out


def _product_modules() -> Iterator[str]:
    layer = ROOT / "layers/masking"
    yield from (each.name for each in pkgutil.walk_packages([str(layer)]))
    for handler in sorted(ROOT.glob("functions/*/app.py")):
        yield f"functions.{handler.parent.name}.app"
