"""Plivo's data of recordings is cleaned, whatever it holds."""

from __future__ import annotations

from typing import Any

import pytest

from masking.plivo.recording_answers import RecordedCall, recorded_calls, resource_from


def test_what_plivos_data_holds_is_read_whatever_is_missing_in_it() -> None:
    name, call = (
        "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c",
        "7d1f0f3e-2b1c-4d7b-8a51-2f6e5c4b3a29",
    )
    session = {
        "interaction": [
            None,
            "text",
            {},
            {"recording_resource_url": None},
            {"recording_resource_url": "https://api.plivo.com/v1/Recording/../../x"},
            {
                "recording_resource_url": f"https://api.plivo.com/v1/Recording/{name}/",
                "first_party_resource_url": f"https://api.plivo.com/v1/Call/{call}",
                "start_time": "2024-05-29 04:47:18.12 +0000 UTC",
                "end_time": "",
            },
        ]
    }

    [found] = recorded_calls(session)

    assert found == RecordedCall(name, call, "2024-05-29T04:47:18Z", None)
    assert list(recorded_calls({"interaction": None})) == []
    assert list(recorded_calls({"interaction": "{}"})) == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ("", "", None)),
        (
            {
                "recording_url": "https://media.plivo.com/a.mp3",
                "recording_format": ".MP3",
                "recording_duration_ms": "345100.00000",
            },
            ("https://media.plivo.com/a.mp3", "mp3", 345),
        ),
        ({"recording_url": "https://x/a.wav"}, ("https://x/a.wav", "wav", None)),
        (
            {"recording_url": "https://x/a.ogg", "recording_duration_ms": "nan"},
            ("https://x/a.ogg", "", None),
        ),
        (
            {"recording_url": "https://x/a.wav", "recording_format": "ogg"},
            ("https://x/a.wav", "wav", None),
        ),
        ({"recording_duration_ms": 345100}, ("", "", 345)),
        ({"recording_duration_ms": 345100.0}, ("", "", 345)),
    ],
)
def test_a_recording_resource_is_cleaned(
    body: dict[str, Any], expected: tuple[str, str, int | None]
) -> None:
    found = resource_from("r", body)

    assert (found.url, found.format, found.duration) == expected


@pytest.mark.parametrize(
    "odd",
    ["1e400", "-1", "1_000", "\u0661", "9" * 5001, 10**5000, -5, float("inf"), []],
    ids=[
        *("exponent", "negative", "underscore", "other digits", "long text"),
        *("huge", "negative number", "infinity", "list"),
    ],
)
def test_a_duration_that_is_no_number_of_milliseconds_is_unknown(odd: object) -> None:
    assert resource_from("r", {"recording_duration_ms": odd}).duration is None
