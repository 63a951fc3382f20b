"""The emulator takes an alarm of an expression, and leaves every other as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from stack.aws import expression_alarms


def record(name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse expressions, as the emulator does."""
    if properties.get("Metrics"):
        raise ValueError(name)
    return {"AlarmName": name, **properties}


def test_an_alarm_of_an_expression_is_taken_and_waits_for_no_metric_of_ours() -> None:
    asked = {
        "Metrics": [{"Id": "total", "Expression": "SUM(METRICS())"}],
        "Threshold": 0,
    }
    with pytest.raises(ValueError, match="of-many"):
        record("of-many", asked)

    made = expression_alarms.deployable(record)("of-many", asked)

    assert made["AlarmName"] == "of-many"
    assert made["Threshold"] == 0
    assert made["Namespace"] == "Expression"


def test_an_alarm_of_one_metric_is_left_as_it_is() -> None:
    asked = {"Namespace": "Maskline", "MetricName": "ChangesLost"}

    made = expression_alarms.deployable(record)("of-one", asked)

    assert made == {"AlarmName": "of-one", **asked}
