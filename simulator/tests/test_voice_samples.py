"""Test that the samples run as their descriptions say."""

from __future__ import annotations

import pytest

from plivo_simulator.voice_samples import __main__ as printed
from plivo_simulator.voice_samples.samples import (
    AGENT,
    CALLER,
    COLLEAGUE,
    NUMBER,
    SAMPLES,
    Sample,
)

pytestmark = pytest.mark.anyio

NAMED = {sample.name: sample for sample in SAMPLES}


async def lines_of(sample: Sample) -> list[str]:
    """Run a sample; return what is printed of it, without times."""
    simulator, call = await printed.run_sample(sample)
    assert call.ended_at is not None
    return [line[11:].strip() for line in printed.told(simulator, call)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("forward", f"callee {AGENT} hears ringing: {NUMBER[1:]} (4.0 s)"),
        ("several at once", f"callee {AGENT} ends: 1000 Cancelled, by Plivo"),
        ("in turn", f"callee {COLLEAGUE} hears ringing: {NUMBER[1:]} (3.0 s)"),
        (
            "whisper with key",
            f"callee {AGENT} hears whisper: A customer is calling. Press one. (2.4 s)",
        ),
        ("PIN", f"caller {CALLER} hears speech: Thank you. (0.8 s)"),
        ("record", "app: RecordStop"),
        ("voicemail", f"caller {CALLER} hears beep (0.5 s)"),
        ("text", f"phone {AGENT} gets: You missed a call."),
    ],
)
async def test_a_sample_goes_as_it_says(name: str, expected: str) -> None:
    assert expected in await lines_of(NAMED[name])


async def test_a_wrong_pin_connects_nobody() -> None:
    pin = NAMED["PIN"]
    wrong = Sample(pin.name, pin.about, pin.pages, {"digits": ["1357#"]})

    lines = await lines_of(wrong)

    assert not any(line.startswith("callee") for line in lines)
    assert f"caller {CALLER} ends: 4000 Normal Hangup, by Answer XML" in lines


async def test_who_was_connected_leaves_no_message() -> None:
    voicemail = NAMED["voicemail"]
    script = {"hangup_by": "callee"}
    answered = Sample(voicemail.name, voicemail.about, voicemail.pages, script)

    lines = await lines_of(answered)

    assert "app: DialAction" in lines
    assert not any("message" in line for line in lines)


def test_every_sample_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    printed.main()

    shown = capsys.readouterr().out
    for sample in SAMPLES:
        assert f"{sample.name}: {sample.about}\n    0.0 s" in shown
