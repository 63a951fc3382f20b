"""A measure that is over its bound fails the bench of recordings."""

from __future__ import annotations

from proofs.benches.recordings.run import MEBIBYTE, Measure, compare

PIPE = Measure("pipe", 25, 0, 1.0, 1)


def test_what_is_within_its_bounds_passes() -> None:
    assert compare([PIPE, Measure("ours", 25, 8 * MEBIBYTE, 2.8, 1)]).holds


def test_what_is_over_a_bound_fails() -> None:
    over = Measure("ours", 25, 9 * MEBIBYTE, 2.9, 2)
    in_parts = Measure("ours, in parts", 25, 21 * MEBIBYTE, 9.0, 6)

    assert len(compare([PIPE, over]).failures) == 3
    assert len(compare([PIPE, in_parts]).failures) == 1
