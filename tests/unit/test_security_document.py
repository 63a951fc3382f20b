"""SECURITY.md: every threat names the tests that prove its answer, and they exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from proofs.defenses.defenses import DEFENSES, Defense
from proofs.mutants import named

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "SECURITY.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| Who ")
]
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_test_that_is_named_is_there(file: str, test: str) -> None:
    parsed = ast.parse((ROOT / file).read_text())

    names = [each.name for each in parsed.body if isinstance(each, ast.FunctionDef)]
    assert names.count(test) == 1


def test_every_proof_has_a_defense_without_which_it_is_to_fail() -> None:
    cited = {f"{file}::{test}" for file, test in NAMED}

    assert cited == {test for defense in DEFENSES for test in defense.tests}


@pytest.mark.parametrize(
    "defense", [*DEFENSES, *named.NAMED], ids=lambda each: each.name
)
def test_a_defense_that_can_be_taken_out_is_there(defense: Defense) -> None:
    whole = (ROOT / defense.file).read_text()

    assert defense.taken_out_of(whole) != whole


@pytest.mark.parametrize("mutant", named.NAMED, ids=lambda each: each.name)
def test_a_test_that_a_mutant_names_is_there(mutant: Defense) -> None:
    for file, _, test in (each.partition("::") for each in mutant.tests):
        assert f"def {test}(" in (ROOT / file).read_text()


def test_every_threat_has_an_answer_and_a_test() -> None:
    assert len(ROWS) > 10
    for who, wants, answer, proof in ROWS:
        assert all((who, wants, answer)), who
        assert re.fullmatch(r"(`tests/[\w/]+\.py::\w+`(, )?)+", proof), who


def test_what_is_not_covered_is_told_and_how_to_report() -> None:
    assert "## What is not covered" in TEXT
    assert "## Reporting" in TEXT
