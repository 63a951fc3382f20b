"""docs/errors.md lists every code that a client can meet, as the code has it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from masking.core import problems
from masking.plivo import errors
from tests.support.problems import problem_types

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| `([a-z_]+)` \| (\d{3}) \|", re.MULTILINE)


def listed() -> dict[str, int]:
    """Return the codes of the document's table with their status."""
    text = (ROOT / "docs" / "errors.md").read_text()
    return {code: int(status) for code, status in ROW.findall(text)}


def test_the_document_lists_every_code_with_its_status() -> None:
    known = {code: int(each.status) for code, each in problem_types().items()}

    assert listed() == known


def test_the_tree_of_errors_names_every_code_with_its_status() -> None:
    tree = f"{problems.__doc__} {errors.__doc__}"

    missing = [
        code
        for code, each in problem_types().items()
        if f"{int(each.status)} {code}" not in tree and code != "internal_error"
    ]

    assert missing == []


@pytest.mark.parametrize("code", sorted(problem_types()))
def test_a_code_says_what_happened_without_naming_anybody(code: str) -> None:
    detail = problem_types()[code].detail

    assert detail.endswith(".")
    assert not re.search(r"\d{4}", detail)
