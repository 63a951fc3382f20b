"""The benches hold: a signature is fast, a recording takes little memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from proofs.benches import signature
from proofs.benches.recordings.run import MOST_MEMORY, measure, running_ends


@pytest.mark.parametrize(
    ("way", "requests"), [("ours", 1), ("ours, in parts", 5)], ids=["length", "parts"]
)
def test_a_file_is_stored_within_its_memory(
    way: str, requests: int, tmp_path: Path
) -> None:
    with running_ends(tmp_path) as ends:
        taken = measure(way, 24, ends, runs=1)

    assert taken.memory <= MOST_MEMORY[way]
    assert taken.requests == requests


def test_a_signature_takes_less_than_six_tenths_of_the_sdks_time() -> None:
    assert signature.GOAL == 0.6
    assert signature.run().failures == {}
