"""docs/architecture.md is what the code is."""

from __future__ import annotations

from docs import architecture
from docs.function_imports import LAYER, NAMES


def test_the_page_and_the_picture_are_made_from_the_code() -> None:
    page = architecture.PAGE.read_text()

    assert page == architecture.page(page), "run: python -m docs.architecture"
    assert architecture.PICTURE.read_text() == architecture.picture()


def test_the_table_has_every_function_once() -> None:
    assert sorted(row.function for row in architecture.rows()) == NAMES


def test_the_picture_shows_every_room() -> None:
    rooms = {room for line in architecture.rooms() for room in line}
    folders = {path.parent.name for path in (LAYER / "masking").glob("*/__init__.py")}

    assert rooms == folders == set(architecture.ABOUT)
