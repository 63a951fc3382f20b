"""The rules of calls hold for histories that were spoilt in any way."""

from __future__ import annotations

import pytest

from proofs.calls import known, mutants, run
from tests.support.proof_size import size


def test_no_rule_of_calls_is_broken_by_what_carriers_do() -> None:
    assert run.broken(size(1_500, 100_000), seed=7) == {}


@pytest.mark.parametrize(("seed", "number"), [*known.all_known()])
def test_histories_that_broke_a_rule_once_do_so_no_more(seed: int, number: int) -> None:
    assert run.broken_in(seed, number) == []


def test_every_rule_can_be_taken_out() -> None:
    assert [each for each in mutants.MUTANTS if not each.source()] == []
