"""Histories break where a rule of calls is taken out."""

from __future__ import annotations

from proofs.calls import mutants

# Of the rules of gathering, division, evidence and settlement a few, whose loss is
# seen soon; `make calls-mutants` has all.
SOON_MISSED = (
    "a call has each fact once",
    "a recording proves talk",
    "what begins a call begins another where one has ended",
)


def test_histories_break_without_a_rule() -> None:
    chosen = [each for each in mutants.MUTANTS if each.rule in SOON_MISSED]

    assert len(chosen) == len(SOON_MISSED)
    assert mutants.survivors(chosen, 500, seed=1, tables=()) == []
