"""Let faults strike one request in five, all kinds of them equally often.

Some operations are asked for far more often than others, so fixed rates would not do:
from what has been fired so far and how often each operation is asked for at present,
the rates are set anew every second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SHARE = 0.2

# Never more than this part of an operation's requests.
MOST_OF_ONE = 0.5

# Longer than our client waits for an answer.
TIMEOUT_SECONDS = 12
LAG_SECONDS = 30

_WRITE_EFFECTS = (
    "5xx_before_commit",
    "5xx_after_commit",
    "timeout_before_commit",
    "timeout_after_commit",
    "reset_before_commit",
    "reset_after_commit",
    "slow",
    "429",
    "429_retry_after",
    "non_json",
)

KINDS: Mapping[str, tuple[str, ...]] = {
    "create": (
        *(f"create_{effect}" for effect in _WRITE_EFFECTS),
        "create_pool_exhausted",
    ),
    "update": tuple(f"update_{effect}" for effect in _WRITE_EFFECTS),
    "delete": tuple(f"delete_{effect}" for effect in _WRITE_EFFECTS),
    "list": ("list_lag", "list_5xx", "list_timeout"),
    "get": ("get_5xx", "get_timeout"),
}

ALL_KINDS = tuple(kind for kinds in KINDS.values() for kind in kinds)


@dataclass(frozen=True)
class Weather:
    """How often each kind has fired, and each operation was asked for: in all, lately.

    *lately* is what is expected until rates are set again and take effect.
    """

    fired: Counter[str]
    asked: Counter[str]
    lately: Counter[str]


def rates(weather: Weather) -> dict[str, float]:
    """Give each kind the rate at which it catches up with its share."""
    asked = sum(weather.asked.values()) + sum(weather.lately.values())
    target = SHARE * asked / len(ALL_KINDS)
    chosen: dict[str, float] = {}
    for operation, kinds in KINDS.items():
        ahead = max(weather.lately[operation], 3)
        missing = {k: max(0.0, target - weather.fired[k]) / ahead for k in kinds}
        total = sum(missing.values())
        scale = min(1.0, MOST_OF_ONE / total) if total else 0.0
        chosen |= {kind: share * scale for kind, share in missing.items()}
    return chosen


def arming(chosen: Mapping[str, float], *, hide_listing: bool) -> dict[str, Any]:
    """Give the body of `PUT /_sim/faults` for these rates.

    With *hide_listing* every listing is empty: the step that finds what a create of
    unknown outcome made is put out of action.
    """
    armed: dict[str, Any] = {
        kind: {"rate": round(rate, 4), **_parameters(kind)}
        for kind, rate in chosen.items()
        if rate > 0
    }
    if hide_listing:
        armed = {k: v for k, v in armed.items() if not k.startswith("list_")}
        armed["list_lag"] = {"rate": 1, "seconds": 10**7}
    return armed


def _parameters(kind: str) -> dict[str, float]:
    if "timeout" in kind:
        return {"seconds": TIMEOUT_SECONDS}
    if kind == "list_lag":
        return {"seconds": LAG_SECONDS}
    return {"seconds": 1} if kind.endswith(("_slow", "_429_retry_after")) else {}
