"""Two stages side by side in one account and region, as `make two-stages` has them."""

from __future__ import annotations

import pytest

from proofs.report import Report
from proofs.two_stages import run
from proofs.two_stages.stages import two_stages


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Use both once, without the demo: that waits for the rule of every minute."""
    with two_stages(tmp_path_factory.mktemp("stages")) as stages:
        return run.compare(stages, print, demo=False)


@pytest.mark.parametrize(
    ("check", "at_least"),
    [
        (run.SESSIONS, 4),
        (run.EVENTS, 2),
        (run.METRICS, 1),
        (run.ALARMS, 20),
        (run.RINGS, 1),
        (run.RESOURCES, 10),
    ],
)
def test_two_stages_do_not_mix(report: Report, check: str, at_least: int) -> None:
    assert report.checks[check].failures == []
    assert report.checks[check].passed >= at_least


def test_what_both_have_is_found() -> None:
    own, shared = {"q-1"}, '["Maskline", "WebhookUnsigned", {"service": "maskline"}]'
    found = Report("mixed")
    run.compare_resources(found, {"queue": own}, {"queue": own}, {"BusName"})
    run.compare_alarms(found, {"one": shared}, {"other": shared}, {shared})

    assert found.failures.keys() == {run.RESOURCES, run.ALARMS, run.RINGS}
