"""The demo's timeline: steps as they are shown, and the first failure ends it."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.console import Console

from stack import demo
from stack.demo.step import Step, UnexpectedError
from stack.demo.timeline import Timeline


def _step(*, as_expected: bool = True) -> Step:
    step = Step("count", "Things are counted", at=1.25)
    step.facts = {"things": 3}
    step.lines = [("things", "three of them")]
    step.expect("things", 3, 3 if as_expected else 4)
    return step


def _shown(*steps: Step) -> str:
    written = io.StringIO()
    timeline = Timeline(Console(file=written, width=80), "The demo")
    for step in steps:
        timeline.wait("something")
        timeline.show(step)
    return written.getvalue()


def test_a_step_is_shown_with_its_time_and_its_lines() -> None:
    shown = _shown(_step())

    assert "1.2 s  ● Things are counted" in shown
    assert "│ things  three of them" in shown
    assert "expected" not in shown


def test_what_is_not_as_expected_is_shown_beside_what_was() -> None:
    shown = _shown(_step(as_expected=False))

    assert "✗ Things are counted" in shown
    assert "expected 3, but it is 4" in shown


def test_the_first_step_that_is_not_as_expected_ends_the_demo() -> None:
    seen: list[Step] = []
    steps = [_step(), _step(as_expected=False), _step()]

    failure = demo._watch(steps, seen.append)

    assert failure == "Things are counted: things."
    assert seen == steps[:2]


def test_what_does_not_come_in_time_ends_the_demo() -> None:
    def steps() -> Iterator[Step]:
        yield _step()
        raise UnexpectedError("Waited 30 s in vain for the recording.")

    failure = demo._watch(steps(), lambda _: None)

    assert failure == "Waited 30 s in vain for the recording."
