"""Whoever looks for what a function does finds it under the function's name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from docs.function_imports import (
    FUNCTIONS,
    LAYER,
    NAMES,
    closure_of,
    imports_of,
    tree_of,
)

PACKAGE = LAYER / "masking"

MODULES = sorted(PACKAGE.rglob("*.py"))

LONGEST_HANDLER = 40
LONGEST_MODULE = 300

# What a handler may import of ours.
IMPORTED_BY_HANDLERS = ("masking.wiring", "masking.api.", "masking.core.")


def lines_in(path: Path) -> int:
    """Return how many lines a file has."""
    return len(path.read_text().splitlines())


def room_of(name: str) -> str:
    """Return the one room in which a module of this name stands."""
    found = [path.parent.name for path in MODULES if path.stem == name]
    assert len(found) == 1, f"{name} stands in {found or 'no room'}"
    return found[0]


def test_there_are_27_functions() -> None:
    assert len(NAMES) == 27


@pytest.mark.parametrize("name", NAMES)
def test_a_function_asks_the_wiring_for_the_use_case_of_its_own_name(
    name: str,
) -> None:
    module = f"masking.{room_of(name)}.{name}"
    handler = tree_of(FUNCTIONS / name / "app.py")

    assert name in closure_of(name).properties
    assert module in closure_of(name).wired
    assert module not in imports_of(ast.walk(handler))


@pytest.mark.parametrize("name", NAMES)
def test_a_handler_is_short_and_imports_wiring_api_and_core_alone(name: str) -> None:
    path = FUNCTIONS / name / "app.py"
    imported = imports_of(ast.walk(tree_of(path)))
    ours = {each for each in imported if each.split(".")[0] == "masking"}

    assert lines_in(path) <= LONGEST_HANDLER
    assert {each for each in ours if not each.startswith(IMPORTED_BY_HANDLERS)} == set()
    assert {each.split(".")[0] for each in imported - ours} <= {
        "__future__",
        "json",
        "typing",
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    assert lines_in(path) <= LONGEST_MODULE
