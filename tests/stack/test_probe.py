"""The probe of a live Plivo account, run against the simulator."""

from __future__ import annotations

import pytest

from operate import probe
from stack.running import RunningStack
from tests.support.stack_api import api_client, simulator_client


def _run(stack: RunningStack, sequence: str) -> list[dict[str, object]]:
    with api_client(stack) as api, simulator_client(stack) as plivo:
        plivo.put("/_sim/switches", json={"sequence": sequence}).raise_for_status()

        def call(told: str) -> None:
            number = told.split("call +")[1].split(",")[0]
            plivo.post(
                "/_sim/calls",
                json={"from": "+12025550100", "to": f"+{number}", "talk_seconds": 1},
            ).raise_for_status()

        return probe.Probe(api, call, patience=30.0).run("+12025550100", "+12025550101")


@pytest.mark.parametrize(
    ("sequence", "scope"),
    [
        ("per_session", "goes on through the session"),
        ("per_call", "begins anew with each call"),
    ],
)
def test_the_probe_tells_shapes_and_settles_questions_without_a_value(
    stack: RunningStack, sequence: str, scope: str
) -> None:
    history = _run(stack, sequence)

    answers = {each.number: each.answer for each in probe.answers_in(history)}
    text = "\n".join(probe.report(history))
    assert answers[8] == scope
    assert answers[2] == "v3 form"
    assert str(answers[1]).startswith("form; events: Session")
    assert "    From: masked number" in text
    assert "    EventTimestamp: time 'YYYY-MM-DD HH:MM:SS'" in text
    assert "202555" not in text
