"""The probe tells kinds of values, and never a value."""

from __future__ import annotations

import pytest

from operate import probe


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("", "blank"),
        ("2026-03-01T12:00:00Z", "time, another format"),
        ("12025550180", "number without +"),
        ("+12025550180", "number with +"),
        ("0.0085", "decimal"),
        (".mp3", "text of 4 characters"),
        ("Normal Hangup", "text of 13 characters"),
    ],
)
def test_a_value_is_told_by_its_kind(value: str, kind: str) -> None:
    assert probe.kind_of(value) == kind
