"""Which tests are run on a mutant, and that a run which tries nothing fails."""

from __future__ import annotations

import pytest

from proofs.mutants.run import covering, shown, statement_at

SOURCE = """\
def decide(a, b):
    if (
        a
        and b
    ):
        return dict(
            a=a,
            b=b,
        )
    return None
"""


@pytest.mark.parametrize(
    ("line", "lines"), [(1, [1]), (4, [2, 3, 4, 5]), (7, [6, 7, 8, 9]), (10, [10])]
)
def test_a_line_belongs_to_the_smallest_statement_around_it(
    line: int, lines: list[int]
) -> None:
    assert list(statement_at(SOURCE, line)) == lines


def test_the_tests_of_a_mutant_are_those_that_run_its_statement() -> None:
    cover = {("rules.py", 6): {"b", "a"}, ("rules.py", 10): {"c"}, ("x.py", 7): {"d"}}

    assert covering(cover, {"file": "rules.py", "line": 8}, SOURCE) == ["a", "b"]
    assert covering(cover, {"file": "rules.py", "line": 2}, SOURCE) == []


def test_a_mutant_is_shown_by_its_place_and_its_change() -> None:
    mutant = {
        "file": "layers/masking/masking/domain/sessions.py",
        "line": 7,
        "was": ["a < b"],
        "is": ["a <= b"],
    }

    assert shown(mutant) == "domain/sessions.py:7: a < b -> a <= b"
