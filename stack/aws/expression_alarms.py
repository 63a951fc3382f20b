"""Let ministack deploy alarms of expressions over several metrics; it refuses them.

`stack.aws.patches` puts this into it. Such an alarm stands there under a metric that
has no data, so that the emulator does not evaluate it; no other alarm is fed either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

# Makes the emulator's record of an alarm from its name and its properties.
Record = Callable[[str, Mapping[str, Any]], dict[str, Any]]

NOTHING = {"Namespace": "Expression", "MetricName": "Expression"}


def deployable(record: Record) -> Record:
    """Return *record* for alarms of expressions as well."""

    def record_of(name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        if not properties.get("Metrics"):
            return record(name, properties)
        plain = {k: v for k, v in properties.items() if k != "Metrics"}
        return record(name, {**plain, **NOTHING})

    return record_of
