"""Break it in each way on one stack, and hear which alarms ring and which do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proofs.alarms import runbook
from proofs.alarms.breakages import BREAKAGES, PARAMETERS, Breakage, of_functions
from proofs.alarms.deployed import alarms_of
from proofs.alarms.evaluation import Alarm, State, state_of
from proofs.alarms.history import History
from proofs.alarms.runbook import Entry
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

# What is redriven waits for as long as its queue delays it.
REPLAY_MINUTES = 20

# Longer than any alarm looks back: two hours, and two periods for what comes late.
BACK_MINUTES = 200

TABLE = "broken how"
HEARD = "every alarm was heard"
RINGS = "what was broken rings its alarms"
SILENT = "no other alarm rings"
BACK = "an alarm is silent again once it is mended"
HEALTHY = "no alarm rings while nothing is broken"
LINES = "the log has the lines that the runbook looks for"
COMMANDS = "the runbook's commands do what they are run for"


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

    With *waits* what rang must be silent again once it is mended. *entries* are what
    the runbook says of each alarm.
    """

    def __init__(
        self,
        world: World,
        alarms: Sequence[Alarm],
        progress: Progress,
        *,
        waits: bool = True,
        entries: Mapping[str, Entry] | None = None,
    ) -> None:
        self._entries = runbook.entries() if entries is None else entries
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
        rows = [self._entries[name] for name in sorted(breakage.rings)]
        before = [self.world.written(row) for row in rows]
        with breakage.broken(self.world) as act:
            for minute in range(1, breakage.minutes + 1):
                act()
                self.world.time.pass_minute(history)
                for alarm in self._ringing(history, rang):
                    rang[alarm.name] = minute
        self.world.restore()
        for row, had in zip(rows, before, strict=True):
            self._look(breakage, row, had)
        replayed = self._do(breakage, rows)
        back = self._come_back(breakage, history, rang, replayed)
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

    def _look(self, breakage: Breakage, row: Entry, had: Mapping[str, int]) -> None:
        """Look into the logs for the lines that the runbook names."""
        found = self.world.written(row)
        for line in row.lines:
            case = f"{breakage.how}: {row.alarm} looks for {line!r}, which is not there"
            self.report.check(found[line] > had[line], LINES, case)

    def _do(self, breakage: Breakage, rows: Sequence[Entry]) -> list[str]:
        """Run the commands that the runbook names; return those that replay."""
        commands = list(dict.fromkeys(each for row in rows for each in row.commands))
        for command in commands:
            wrong = self.world.run(command)
            self.report.check(not wrong, COMMANDS, f"{breakage.how}: {wrong}")
        return [each for each in commands if each.startswith("redrive ")]

    def _come_back(
        self,
        breakage: Breakage,
        history: History,
        rang: Mapping[str, int],
        replayed: list[str],
    ) -> int | None:
        """Return after how many minutes nothing rings any more; None if not waited for.

        *replayed* are commands that sent back what was parked.
        """
        alarms = [alarm for alarm in self.alarms if alarm.name in rang]
        least = REPLAY_MINUTES if replayed else CALM_MINUTES
        back = None
        for minute in range(1, BACK_MINUTES + 1):
            self.world.time.pass_minute(history)
            if minute == least:
                self._clear_up(breakage, replayed)
            now = self.world.time.now
            left = [a for a in alarms if state_of(a, history, now) is State.ALARM]
            back = None if left else back or minute
            if minute >= least and (back or not self._waits):
                break
        if not self._waits:
            return None
        names = ", ".join(alarm.name for alarm in left)
        self.report.check(not left, BACK, f"{breakage.how}: {names} rings on")
        return back or BACK_MINUTES

    def _clear_up(self, breakage: Breakage, replayed: list[str]) -> None:
        """Check that replays have taken what was parked, and empty all queues."""
        if not breakage.is_lost:
            left = self.world.parked(replayed)
            case = f"{breakage.how}: {', '.join(left)}"
            self.report.check(not left, COMMANDS, case)
        self.world.empty()

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
        commands = [c for n in first for c in self._entries[n].commands]
        row["then"] = ", ".join(dict.fromkeys(commands)) or "undone"
        self._progress(f"{breakage.how}: {rang or 'nothing rang'}")
