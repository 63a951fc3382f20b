"""Storing holds little in memory and takes one request, measured in processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from proofs.bench_recordings.__main__ import (
    MEBIBYTE,
    MOST_MEMORY,
    Measure,
    judge,
    measure,
    running_ends,
)


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


def test_what_is_over_a_bound_is_told() -> None:
    pipe = Measure("pipe", 25, 0, 1.0, 1)

    assert judge([pipe, Measure("ours", 25, 8 * MEBIBYTE, 2.8, 1)]) == []
    assert len(judge([pipe, Measure("ours", 25, 9 * MEBIBYTE, 2.9, 2)])) == 3
    assert judge([pipe, Measure("ours, in parts", 25, 21 * MEBIBYTE, 9.0, 6)])
