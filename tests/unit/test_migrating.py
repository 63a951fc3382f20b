"""docs/migrating.md leaves out no attribute, and names none that there is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from stack.environments import ROOT
from tests.support.api_document import DOCUMENT, SCHEMAS

PAGE = (ROOT / "docs" / "migrating.md").read_text()
PLIVO, TWILIO = PAGE.split("## From Twilio Proxy")

NAME = re.compile(r"`([a-z_]+)`")


def rows(text: str, heading: str) -> Iterator[list[str]]:
    """Yield the cells of the table under a heading."""
    section = text.split(f"### {heading}\n")[1].split("\n#")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def names_in(node: Any) -> Iterator[str]:
    """Yield the names of all properties, and of the values that they may have."""
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield from node["properties"]
        if isinstance(node.get("enum"), list):
            yield from (each for each in node["enum"] if isinstance(each, str))
        for each in node.values():
            yield from names_in(each)
    elif isinstance(node, list):
        for each in node:
            yield from names_in(each)


KNOWN = set(names_in(DOCUMENT))


def test_every_attribute_of_a_create_is_told_of_once() -> None:
    told = [
        name
        for row in rows(PLIVO, "Attributes of a session")
        for name in NAME.findall(row[0])
    ]

    assert sorted(told) == sorted(SCHEMAS["CreateSession"]["properties"])


def test_what_an_answer_has_is_there() -> None:
    cells = list(rows(PLIVO, "What an answer has that Plivo's has not"))

    assert {name for row in cells for name in NAME.findall(row[0])} <= KNOWN


def test_what_twilios_attributes_become_is_there() -> None:
    here = [row[1] for row in rows(TWILIO, "Attributes")]

    assert len(here) > 10
    assert {name for cell in here for name in NAME.findall(cell)} <= KNOWN


def test_every_route_that_is_named_is_there() -> None:
    named = re.findall(r"`(GET|POST|PATCH|DELETE) (/v1/[^`]+)`", PAGE)

    assert len(named) > 8
    for method, path in named:
        assert method.lower() in DOCUMENT["paths"][path]
