"""Histories break where a rule of calls is taken out."""

from __future__ import annotations

from proofs.calls import mutants

# Of the rules of gathering, order, division and settlement one or two, whose loss the
# histories that broke once show, or the first hundred; `make calls-mutants` has all.
SOON_MISSED = (
    "a call has each fact once",
    "a recording is of one call",
    "an end that is told again is a double",
    "numbers that begin anew tell no time",
    "strict division needs each number",
    "a callback is of the record that it fits best",
    "a code outweighs a general word",
)


def test_histories_break_without_a_rule() -> None:
    chosen = [each for each in mutants.MUTANTS if each.rule in SOON_MISSED]

    assert len(chosen) == len(SOON_MISSED)
    assert mutants.survivors(chosen, 100, seed=1, tables=()) == []
