"""Choose which calls are made, in which sessions, and what becomes of their callbacks.

A session has a handful of calls, one right after the other, so that calls touch within
a second. Sessions run in waves; in the first wave not one callback arrives.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Sessions that run at a time, and the most calls of one.
WAVE = 10
CALLS_PER_SESSION = 5

# How often each of these befalls a callback, and its parameters; seconds are real.
RATE = 0.04
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "webhook_dropped": {},
    "webhook_duplicated": {"copies": 2, "seconds": 1},
    "webhook_reordered": {"seconds": 2},
    "webhook_delayed": {"seconds": 4},
    "webhook_renumbered": {"by": 1},
    "webhook_restamped": {"by": 2},
    "webhook_repriced": {"by": 0.01},
    "webhook_misstated": {"amount": 0.01, "seconds": 60},
    "webhook_undated": {},
    "webhook_unnumbered": {},
}

# What is held comes after the settlement; it strikes in the last wave alone.
HELD = "webhook_held"

FIRST, SECOND, STRANGER = "first", "second", "stranger"


@dataclass(frozen=True)
class Script:
    """One call: who calls, and how the simulator plays it.

    *beside* is a call that is placed while this one is talking: the other party calls
    and finds the line busy.
    """

    kind: str
    caller: str
    play: Mapping[str, Any]
    beside: Script | None = None

    @property
    def calls(self) -> int:
        """Return how many calls it makes."""
        return 1 + (self.beside.calls if self.beside else 0)


@dataclass(frozen=True)
class SessionPlan:
    """One session: its number in the run, its settings and its calls in turn."""

    number: int
    kind: str
    settings: Mapping[str, Any]
    scripts: tuple[Script, ...]


def _talk(seconds: float, hangup_by: str = "caller") -> Mapping[str, Any]:
    return {"ring_seconds": 0.2, "talk_seconds": seconds, "hangup_by": hangup_by}


def _unanswered(answer: str) -> Mapping[str, Any]:
    return {"ring_seconds": 0.3, "answer": answer}


_BUSY_BESIDE = Script("busy beside", SECOND, {})

# No session has this one. Who has none in a script enters the second party's.
WRONG_PIN = "0000000"

# What parties do; a stranger calls only where a PIN lets it in.
SCRIPTS = (
    Script("caller hangs up", FIRST, _talk(1.2)),
    Script("callee hangs up", SECOND, _talk(2.1, "callee")),
    Script("no answer", FIRST, _unanswered("no_answer")),
    Script("a call beside", FIRST, _talk(1.5), _BUSY_BESIDE),
    Script("busy", SECOND, _unanswered("busy")),
    Script("short talk", FIRST, _talk(0.2, "callee")),
    Script("rejected", FIRST, _unanswered("rejected")),
    Script("called back", SECOND, _talk(1.0)),
    Script("given up", FIRST, {"ring_seconds": 9, "gives_up_after": 0.6}),
    Script("unreachable", SECOND, _unanswered("failed")),
    Script("long talk", FIRST, _talk(3.4)),
)
AT_THE_DOOR = (
    Script("right PIN", STRANGER, _talk(1.0)),
    Script("wrong PIN", STRANGER, {"digits": [WRONG_PIN]}),
)
LIMITED = Script("time limit", FIRST, _talk(6))

TALK_LIMIT = 2


def plans(calls: int) -> Iterator[SessionPlan]:
    """Yield sessions with so many calls in all."""
    scripts = itertools.cycle(SCRIPTS)
    at_the_door = itertools.cycle(AT_THE_DOOR)
    left = calls
    for number in itertools.count():
        if left <= 0:
            return
        kind, settings = _KINDS[number % len(_KINDS)]
        chosen: list[Script] = []
        room = min(left, CALLS_PER_SESSION)
        while room > 0:
            script = next(scripts)
            if kind == "pin" and len(chosen) % 2:
                script = next(at_the_door)
            elif kind == "limited" and not chosen:
                script = LIMITED
            if script.calls > room:
                script = SCRIPTS[0]
            chosen.append(script)
            room -= script.calls
            left -= script.calls
        yield SessionPlan(number, kind, settings, tuple(chosen))


_KINDS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("plain", {}),
    ("recorded", {"record": True}),
    ("pin", {"is_pin_authentication_required": True, "pin_retry": 0}),
    ("plain", {}),
    ("limited", {"call_time_limit": TALK_LIMIT}),
)


def faults(*, held: bool = False) -> dict[str, Any]:
    """Return what to arm while calls are made: each kind equally often.

    *held* has some come after the settlement as well.
    """
    armed = {name: {"rate": RATE, **given} for name, given in FAULTS.items()}
    return {**armed, HELD: {"rate": RATE}} if held else armed
