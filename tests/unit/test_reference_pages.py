"""docs/reference is what openapi.yaml says, and its links lead somewhere."""

from __future__ import annotations

import re

import pytest

from docs import reference
from tests.support.api_document import DOCUMENT, OPERATIONS, SCHEMAS

PAGES = reference.pages()


def test_the_pages_are_as_the_document_is_now() -> None:
    kept = {path.name: path.read_text() for path in reference.FOLDER.glob("*.md")}

    assert kept == PAGES, "run: make reference"


def test_everything_has_its_place() -> None:
    whole = "\n".join(PAGES.values())

    assert all(f"## {each['summary']}\n" in whole for each in OPERATIONS.values())
    assert all(f"\n`{kind}`\n" in whole for kind in DOCUMENT["webhooks"])
    assert all(f"## {name}\n" in PAGES["schemas.md"] for name in SCHEMAS)
    for name in SCHEMAS["CreateSession"]["properties"]:
        assert f"| `{name}` |" in PAGES["schemas.md"]


@pytest.mark.parametrize("name", PAGES)
def test_a_link_leads_to_a_heading(name: str) -> None:
    links = re.findall(r"\]\(([a-z-]+\.md|README\.md)?(?:#([^)]*))?\)", PAGES[name])

    for page, place in links:
        text = PAGES[page or name]
        headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        assert not place or place in map(reference.anchor, headings), (page, place)
