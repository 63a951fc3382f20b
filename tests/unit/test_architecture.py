"""docs/architecture.md is what the code is, and a stranger finds the way in."""

from __future__ import annotations

import pytest

from docs import architecture
from docs.architecture import FUNCTIONS, LAYER, modules_of, source_of, use_case_of

NAMES = sorted(path.parent.name for path in FUNCTIONS.glob("*/app.py"))

# Modules that a function may import: what a cold start costs.
BOUNDS = {
    "authorize": 20,
    "expire_sessions": 20,
    "on_session_event": 26,
    "create_session": 32,
}

# Functions that send requests to Plivo, and so import its SDK when they do.
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

# Functions that validate a body.
VALIDATE = {"create_erasure", "create_session", "search_sessions", "update_session"}


def imports_of(function: str) -> dict[str, str]:
    """Return the text of each module of the layer that a function imports."""
    found = {name: source_of(name) for name in modules_of(function)}
    return {name: file.read_text() for name, file in found.items() if file}


@pytest.mark.parametrize("function", NAMES)
def test_a_function_and_its_use_case_share_a_name(function: str) -> None:
    assert use_case_of(function).endswith(f".{function}")
    assert f"masking.{use_case_of(function)}" in modules_of(function)


@pytest.mark.parametrize(("function", "most"), BOUNDS.items())
def test_a_function_imports_few_modules(function: str, most: int) -> None:
    texts = imports_of(function)

    lines = sum(len(text.splitlines()) for text in texts.values())
    print(f"{function}: {len(texts)} modules, {lines} lines")
    assert len(texts) <= most


@pytest.mark.parametrize("function", NAMES)
def test_a_function_imports_no_library_that_it_need_not(function: str) -> None:
    text = "\n".join(imports_of(function).values())

    assert ("import plivo\n" in text) == (function in ASK_PLIVO)
    assert function in ASK_PLIVO or "import requests\n" not in text
    allowed = function in VALIDATE | {"list_sessions"}
    assert allowed or "from pydantic import" not in text
    assert "lxml" not in text


@pytest.mark.parametrize(
    "path",
    sorted((LAYER / "masking").rglob("*.py")),
    ids=lambda path: str(path.relative_to(LAYER)),
)
def test_a_module_is_short(path: object) -> None:
    from pathlib import Path

    assert isinstance(path, Path)
    assert len(path.read_text().splitlines()) <= 300


def test_the_page_and_the_picture_are_made_from_the_code() -> None:
    page = architecture.PAGE.read_text()

    assert page == architecture.page(page), "python -m docs.architecture"
    assert architecture.PICTURE.read_text() == architecture.picture()


def test_the_picture_shows_every_room() -> None:
    rooms = {room for line in architecture.rooms() for room in line}
    folders = {path.parent.name for path in (LAYER / "masking").glob("*/__init__.py")}

    assert rooms == folders == set(architecture.ABOUT)
