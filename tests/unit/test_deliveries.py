"""Attempts of a delivery are spread over time."""

from __future__ import annotations

from masking.domain import deliveries


def test_pauses_are_spread_by_chance() -> None:
    spread = [deliveries.pause_after(4, chance) for chance in (0, 0.5, 1)]

    assert spread == [480, 600, 720]
