"""No input from outside raises what nobody expects; `make fuzz` tries it for long.

A run takes the corpus whole, and makes up as many inputs for each parser as `FUZZ`
says. What it finds is mended, and its input added to the corpus.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.support import fuzz_inputs
from tests.support.fuzz_targets import TARGETS, Target
from tests.support.proof_size import size

RUNS = size(12, int(os.environ.get("FUZZ", "2000")))

CORPUS = [target for target in TARGETS if target.corpus]


def name_of(target: Target) -> str:
    """Return what a target is called in a report."""
    return target.name


@pytest.mark.parametrize("target", CORPUS, ids=name_of)
def test_what_has_broken_a_parser_breaks_none(target: Target) -> None:
    for given_input in fuzz_inputs.by_corpus(str(target.corpus)):
        with suppress(*target.may_raise):
            target.call(given_input)


@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_a_parser_raises_what_it_may_and_nothing_else(target: Target) -> None:
    @settings(max_examples=RUNS, deadline=None, suppress_health_check=list(HealthCheck))
    @given(given_input=target.inputs)
    def run(given_input: Any) -> None:
        with suppress(*target.may_raise):
            target.call(given_input)

    run()
