"""The rules of calls hold for histories that were spoilt in any way."""

from __future__ import annotations

import pytest

from proofs.calls import mutants, run
from tests.support.proof_size import size


def test_no_rule_of_calls_is_broken_by_what_carriers_do() -> None:
    assert run.broken(size(1_500, 100_000), seed=7) == {}


BROKE_ONCE = {
    1: (
        *(
            84,
            287,
            691,
            835,
            2537,
            5477,
            7394,
            12040,
            14653,
            21953,
            24681,
            28744,
            31560,
        ),
        *(35870, 43233, 53211, 54231, 59509, 64134, 70295, 78221, 84527, 86141),
    ),
    5: (15862,),
}


@pytest.mark.parametrize(
    ("seed", "number"), [(seed, n) for seed, found in BROKE_ONCE.items() for n in found]
)
def test_histories_that_broke_a_rule_once_do_so_no_more(seed: int, number: int) -> None:
    assert run.broken_in(seed, number) == []


def test_every_rule_can_be_taken_out() -> None:
    assert [each for each in mutants.MUTANTS if not each.source()] == []
