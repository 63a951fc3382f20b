"""``make demo``: the main job on a running stack, for a person or as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import httpx
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from stack.demo import scenario
from stack.demo.step import Step, UnexpectedError
from stack.demo.timeline import Timeline
from stack.running import RunningStack

TITLE = "Maskline: two people talk, and neither learns the other's number"


def demonstrate(
    stack: RunningStack, *, as_json: bool, picture: Path | None = None
) -> int:
    """Play the demo on *stack*; return 0 if every step was as expected, else 1.

    The first step that is not ends it. The timeline is kept as an SVG in *picture*.
    """
    if as_json:
        steps: list[Step] = []
        failure = _watch(scenario.play(stack, lambda _: None), steps.append)
        document = {
            "as_expected": failure is None,
            "failure": failure,
            "steps": [step.document() for step in steps],
        }
        print(json.dumps(document, indent=2, default=sorted))
        return 1 if failure else 0
    console = Console(highlight=False, record=picture is not None)
    timeline = Timeline(console, TITLE)
    checks = 0

    def show(step: Step) -> None:
        nonlocal checks
        checks += len(step.checks)
        timeline.show(step)

    failure = _watch(scenario.play(stack, timeline.wait), show)
    timeline.end(failure, checks)
    if picture:
        svg = console.export_svg(title="make demo")
        # A picture in the README fetches nothing: the viewer's own font will do.
        picture.write_text(re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL))
    return 1 if failure else 0


def _watch(steps: Iterable[Step], show: Callable[[Step], None]) -> str | None:
    """Show each step; return what was not as expected, or None."""
    try:
        for step in steps:
            show(step)
            if not step.holds:
                wrong = [check.what for check in step.checks if not check.holds]
                return f"{step.title}: {', '.join(wrong)}."
    except (UnexpectedError, httpx.HTTPError, BotoCoreError, ClientError) as error:
        return str(error)
    return None
