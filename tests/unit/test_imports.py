"""A function imports what it needs: each cold start pays for every module."""

from __future__ import annotations

import pytest

from docs.function_imports import BOUNDS, NAMES, closure_of, lines_of

# Those that ask Plivo's API something.
ASK_PLIVO = {
    "check_sessions",
    "create_session",
    "delete_recording",
    "erase_number",
    "expire_session",
    "reconcile_sessions",
    "store_recording",
    "update_session",
}

# Those that parse what an app sends.
PARSE_BODIES = {
    "create_erasure",
    "create_session",
    "list_sessions",
    "search_sessions",
    "update_session",
}


def who_imports(package: str) -> set[str]:
    """Return the functions whose modules import a foreign package."""
    return {name for name in NAMES if package in closure_of(name).foreign}


def listed(name: str) -> str:
    """Return the modules of a function with their lines, the longest first."""
    found = closure_of(name)
    lines = {module: lines_of([module]) for module in found.ours}
    longest = sorted(lines, key=lambda module: (-lines[module], module))
    rows = [f"{lines[module]:5} {module}" for module in longest]
    return "\n".join([f"{name}: {len(lines)} modules, {found.lines} lines", *rows])


@pytest.mark.parametrize(("name", "most"), BOUNDS.items())
def test_a_function_that_many_wait_for_imports_few_modules(
    name: str, most: int
) -> None:
    assert len(closure_of(name).ours) <= most, listed(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_modules_of_each_function_are_listed_with_their_lines(name: str) -> None:
    found = closure_of(name)

    first, *rows = listed(name).splitlines()

    assert first == f"{name}: {len(found.ours)} modules, {found.lines} lines"
    assert sum(int(row.split()[0]) for row in rows) == found.lines
    assert "masking.wiring.services" in found.ours


def test_only_what_asks_plivos_api_imports_its_sdk() -> None:
    assert who_imports("plivo") == ASK_PLIVO
    assert who_imports("requests") == set()


def test_only_what_parses_requests_imports_pydantic() -> None:
    assert who_imports("pydantic") == PARSE_BODIES


def test_nothing_of_ours_imports_an_xml_library() -> None:
    assert who_imports("lxml") == set()
