"""Break it in each way on one stack, and hear which alarms ring and which do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proofs.alarms.breakages import BREAKAGES, PARAMETERS, Breakage, of_functions
from proofs.alarms.deployed import alarms_of
from proofs.alarms.evaluation import Alarm, State, state_of
from proofs.alarms.history import History
from proofs.alarms.virtual_time import VirtualTime
from proofs.alarms.world import World
from proofs.report import Report
from proofs.runner import Progress
from stack.running import RunningStack

__all__ = ["PARAMETERS", "prove"]

# Longer than the longest alarm for silence looks back: six quarters of an hour.
HEALTHY_MINUTES = 95

# In these minutes the stack is used meanwhile, once in so many.
USED_EVERY = 30

# What a breakage has set off may go on for a moment when it is mended.
CALM_MINUTES = 2

# Longer than any alarm looks back: two hours, and two periods for what comes late.
BACK_MINUTES = 200

TABLE = "broken how"
HEARD = "every alarm was heard"
RINGS = "what was broken rings its alarms"
SILENT = "no other alarm rings"
BACK = "an alarm is silent again once it is mended"
HEALTHY = "no alarm rings while nothing is broken"


def prove(
    stack: RunningStack,
    progress: Progress,
    *,
    quick: bool = False,
    only: str | None = None,
) -> Report:
    """Break it in each way and report what rang.

    *quick* tries some of the ways, *only* those whose description holds that. Raise
    ProofError if the run itself goes wrong.
    """
    world = World(stack, VirtualTime.of(stack))
    try:
        proof = Proof(world, alarms_of(world.names), progress, waits=not quick)
        proof.be_healthy()
        for breakage in [*BREAKAGES, *of_functions(world)]:
            if (breakage.quick or not quick) and (only or "") in breakage.how:
                proof.break_it(breakage)
        if not quick and not only:
            proof.check_all_heard()
        return proof.report
    finally:
        world.close()


class Proof:
    """The alarms of a stack, what they heard, and how it is when it is healthy.

    With *waits* what rang must be silent again once it is mended.
    """

    def __init__(
        self,
        world: World,
        alarms: Sequence[Alarm],
        progress: Progress,
        *,
        waits: bool = True,
    ) -> None:
        self._waits = waits
        self.world = world
        self.alarms = alarms
        self.report = Report("alarms")
        self._progress = progress
        self._healthy = History()
        self._healthy_until = 0.0
        self._heard: set[str] = set()

    def be_healthy(self) -> None:
        """Use the stack while nothing is broken; no alarm may ring."""
        for minute in range(HEALTHY_MINUTES):
            if minute % USED_EVERY == 0:
                self._use()
            self.world.time.pass_minute(self._healthy)
        self._healthy_until = self.world.time.now
        for alarm in self.alarms:
            state = state_of(alarm, self._healthy, self._healthy_until)
            case = f"{alarm.name} is {state}"
            self.report.check(state is State.OK, HEALTHY, case)
        self._progress(f"{HEALTHY_MINUTES} minutes in which nothing was broken")

    def break_it(self, breakage: Breakage) -> None:
        """Break it in one way, hear what rings, and mend it."""
        now = self.world.time.now
        history = self._healthy.moved((now - self._healthy_until) // 60 * 60)
        rang: dict[str, int] = {}
        with breakage.broken(self.world) as act:
            for minute in range(1, breakage.minutes + 1):
                act()
                self.world.time.pass_minute(history)
                for alarm in self._ringing(history, rang):
                    rang[alarm.name] = minute
        self.world.mend()
        for _ in range(CALM_MINUTES):
            self.world.time.pass_minute(history)
        self.world.mend()
        back = self._come_back(breakage, history, rang) if self._waits else None
        self._judge(breakage, rang, back)
        self.world.finish()
        self.world.time.pass_minute()

    def check_all_heard(self) -> None:
        """Check that each alarm rang for what was broken."""
        for alarm in self.alarms:
            heard = alarm.name in self._heard
            self.report.check(heard, HEARD, f"{alarm.name} was never heard")

    def _use(self) -> None:
        session = self.world.create()
        self.world.call(session)
        self.world.api.get(f"/v1/sessions/{session['session_uuid']}")
        self.world.end(session)

    def _ringing(self, history: History, rang: dict[str, int]) -> list[Alarm]:
        return [
            alarm
            for alarm in self.alarms
            if alarm.name not in rang
            and state_of(alarm, history, self.world.time.now) is State.ALARM
        ]

    def _come_back(
        self, breakage: Breakage, history: History, rang: Mapping[str, int]
    ) -> int:
        """Wait until no alarm rings any more; return after how many minutes."""
        left = [alarm for alarm in self.alarms if alarm.name in rang]
        minutes = CALM_MINUTES
        while True:
            now = self.world.time.now
            left = [a for a in left if state_of(a, history, now) is State.ALARM]
            if not left or minutes > BACK_MINUTES:
                break
            self.world.time.pass_minute(history)
            minutes += 1
        names = ", ".join(alarm.name for alarm in left)
        self.report.check(not left, BACK, f"{breakage.how}: {names} rings on")
        return minutes

    def _judge(
        self, breakage: Breakage, rang: dict[str, int], back: int | None
    ) -> None:
        for name in sorted(breakage.rings):
            case = f"{breakage.how}: {name} did not ring in {breakage.minutes} min"
            self.report.check(name in rang, RINGS, case)
        wrong = rang.keys() - breakage.rings - breakage.may
        case = f"{breakage.how}: {', '.join(sorted(wrong))} rang as well"
        self.report.check(not wrong, SILENT, case)
        self._heard |= rang.keys() & breakage.rings
        first = sorted(breakage.rings, key=lambda name: rang.get(name, 10_000))
        others = sorted(rang.keys() - breakage.rings)
        row = self.report.row(TABLE, breakage.how)
        row["alarm"] = ", ".join(first)
        row["after minutes"] = ", ".join(str(rang.get(n, "never")) for n in first)
        row["silent again after"] = "not tried" if back is None else str(back)
        row["others"] = ", ".join(others) or "none"
        self._progress(f"{breakage.how}: {rang or 'nothing rang'}")
