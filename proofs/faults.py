"""The fault plan: which faults strike which requests, and which processes are killed.

In the proof of creates, faults strike one request to Plivo in five, all kinds equally
often. Some operations are asked for far more often than others, so the rates are set
anew every second, from how often each fault has struck and how often each operation is
asked for at present. In the proof of recordings each fault is aimed at one session.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from proofs.harness import get_json
from stack.running import RunningStack

PROC = Path("/proc")

SHARE = 0.2

# Never more than this part of an operation's requests.
MOST_OF_ONE = 0.5

# Longer than our client waits for an answer.
TIMEOUT_SECONDS = 12
LAG_SECONDS = 30

_WRITE_EFFECTS = (
    *("5xx_before_commit", "5xx_after_commit", "timeout_before_commit"),
    *("timeout_after_commit", "reset_before_commit", "reset_after_commit"),
    *("slow", "429", "429_retry_after", "non_json"),
)

Kinds = Mapping[str, tuple[str, ...]]

# Faults of Plivo's API by operation.
KINDS: Kinds = {
    "create": (
        *(f"create_{effect}" for effect in _WRITE_EFFECTS),
        "create_pool_exhausted",
    ),
    "update": tuple(f"update_{effect}" for effect in _WRITE_EFFECTS),
    "delete": tuple(f"delete_{effect}" for effect in _WRITE_EFFECTS),
    "list": ("list_lag", "list_5xx", "list_timeout"),
    "get": ("get_5xx", "get_timeout"),
}

# Faults of a recording's file, with their parameters; seconds are short and real.
FILE_FAULTS: Mapping[str, Mapping[str, Any]] = {
    "recording_late": {"seconds": 6},
    "recording_never": {},
    "recording_truncated": {"requests": 2},
    "recording_empty": {},
    "recording_wrong_length": {"requests": 2},
    "recording_reset": {},
    "recording_changing": {},
    "recording_html": {"requests": 2},
    "recording_5xx": {"requests": 3},
    "recording_chunked": {},
    "recording_basic_auth": {},
    "recording_redirect": {"hops": 3},
    "recording_slow": {"seconds": 4},
}

# Faults of the webhook that announces a recording.
WEBHOOK_FAULTS: Mapping[str, Mapping[str, Any]] = {
    "webhook_duplicated": {"copies": 2},
    "webhook_reordered": {"seconds": 2},
    "webhook_delayed": {"seconds": 3},
    "webhook_dropped": {},
}

NOT_RECORDED = "recording_fails_to_start"
LARGE = "recording_large"

# What a request to create a session for a pair that has one is answered, in turn.
DUPLICATE_PAIR_MODES = ("new", "same", "error")


def arm(simulator: httpx.Client, faults: Mapping[str, Any]) -> None:
    """Have these faults strike from now on, and no others."""
    simulator.put("/_sim/faults", json=dict(faults)).raise_for_status()


@dataclass(frozen=True)
class History:
    """How often each fault has struck, and each operation was asked for: ever, lately.

    *lately* is what is expected until rates are set again and take effect.
    """

    struck: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    lately: Counter[str] = field(default_factory=Counter)


def rates(history: History, kinds_of: Kinds = KINDS) -> dict[str, float]:
    """Return for each kind the rate at which it catches up with its share."""
    asked = history.asked.total() + history.lately.total()
    target = SHARE * asked / sum(len(kinds) for kinds in kinds_of.values())
    chosen: dict[str, float] = {}
    for operation, kinds in kinds_of.items():
        ahead = max(history.lately[operation], 3)
        missing = {k: max(0.0, target - history.struck[k]) / ahead for k in kinds}
        total = sum(missing.values())
        scale = min(1.0, MOST_OF_ONE / total) if total else 0.0
        chosen |= {kind: share * scale for kind, share in missing.items()}
    return chosen


def armed(chosen: Mapping[str, float], *, hide_listing: bool) -> dict[str, Any]:
    """Return what to arm for these rates.

    With *hide_listing* every listing is empty: the step that finds what a create of
    unknown outcome made is put out of action.
    """
    faults: dict[str, Any] = {
        kind: {"rate": round(rate, 4), **_parameters(kind)}
        for kind, rate in chosen.items()
        if rate > 0
    }
    if hide_listing:
        faults = {k: v for k, v in faults.items() if not k.startswith("list_")}
        faults["list_lag"] = {"rate": 1, "seconds": 10**7}
    return faults


def _parameters(kind: str) -> dict[str, float]:
    if "timeout" in kind:
        return {"seconds": TIMEOUT_SECONDS}
    if kind == "list_lag":
        return {"seconds": LAG_SECONDS}
    return {"seconds": 1} if kind.endswith(("_slow", "_429_retry_after")) else {}


def aimed(kinds: Mapping[str, str], *, without_webhooks: bool) -> dict[str, Any]:
    """Return what to arm: *kinds* has the fault of each of Plivo's session UUIDs."""
    faults: dict[str, Any] = {}
    for session_uuid, kind in kinds.items():
        match = {"session_uuid": session_uuid}
        if kind in FILE_FAULTS:
            faults[kind] = {**FILE_FAULTS[kind], "match": match}
        elif kind in WEBHOOK_FAULTS:
            match["channel"] = "recording"
            faults[kind] = {**WEBHOOK_FAULTS[kind], "match": match}
        elif kind == NOT_RECORDED:
            faults[kind] = {"match": match}
    if without_webhooks:
        faults["webhook_dropped"] = {"rate": 1}
    return faults


class FaultInjector:
    """Set rates and the mode for duplicate pairs anew, as the run goes on."""

    def __init__(
        self, simulator: httpx.Client, kinds_of: Kinds, *, hide_listing: bool
    ) -> None:
        self._simulator = simulator
        self._kinds_of = kinds_of
        self._hide_listing = hide_listing
        self._entries_seen = 0
        self._mode = ""
        # Before anything is asked, a first wave of creates is expected.
        self.history = History(lately=Counter(create=10))
        arm(simulator, armed(rates(self.history, kinds_of), hide_listing=hide_listing))

    def adjust(self, progress: float) -> None:
        """Set both for what was asked so far; *progress* is from 0 to 1."""
        mode = DUPLICATE_PAIR_MODES[min(2, int(progress * 3))]
        if mode != self._mode:
            self._mode = mode
            switches = {"duplicate_pair": mode}
            self._simulator.put("/_sim/switches", json=switches).raise_for_status()
        path = f"/_sim/ledger?after={self._entries_seen}"
        entries = get_json(self._simulator, path)["requests"]
        self._entries_seen += len(entries)
        lately = Counter(entry["operation"] for entry in entries)
        struck = Counter(entry["fault"] for entry in entries if entry["fault"])
        before = self.history
        self.history = History(before.struck + struck, before.asked + lately, lately)
        chosen = rates(self.history, self._kinds_of)
        arm(self._simulator, armed(chosen, hide_listing=self._hide_listing))

    def calm_down(self) -> None:
        """Let no fault strike any more; a hidden listing stays hidden."""
        arm(self._simulator, armed({}, hide_listing=self._hide_listing))


def function_processes(stack: RunningStack, folders: Iterable[str] = ()) -> list[int]:
    """Return the processes that run functions of a stack: those of *folders*, or all.

    The embedded AWS runs each from a folder of the stack's own that is named after it.
    """
    names = stack.function_names()
    wanted = [names[folder] for folder in folders] or [""]
    folder = stack.run_dir / "tmp"
    paths = [str(folder / f"ministack-lambda-{name}") for name in wanted]
    found = []
    for process in PROC.iterdir():
        # It may have ended meanwhile, or be no process.
        with contextlib.suppress(OSError, ValueError):
            place = str((process / "cwd").readlink())
            if any(place.startswith(path) for path in paths):
                found.append(int(process.name))
    return found


def kill_one(
    stack: RunningStack, dice: random.Random, folders: Iterable[str] = ()
) -> bool:
    """Kill one of the processes without warning; return whether there was one."""
    running = function_processes(stack, folders)
    if not running:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(dice.choice(running), signal.SIGKILL)
        return True
    return False
