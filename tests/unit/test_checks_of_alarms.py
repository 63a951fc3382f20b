"""The proof of alarms breaks the system for each of them, and can fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from proofs.alarms.breakages import BREAKAGES, Act, Breakage, of_functions, once
from proofs.alarms.deployed import Names, alarms_of
from proofs.alarms.evaluation import Alarm, Missing
from proofs.alarms.history import History, Metric, key_of
from proofs.alarms.run import BACK, COMMANDS, LINES, RINGS, SILENT, TABLE, Proof
from proofs.alarms.runbook import NOT_HERE, Entry, entries
from proofs.runner import ProofError
from tests.unit.test_alarms import ALARMS, RESOURCES, ROOT
from tests.unit.test_template import FUNCTIONS

RUNBOOK = {
    "FirstAlarm": Entry("FirstAlarm", ("it failed",), (), ("redrive checks", "audit"))
}

# Virtual ones.
QUICK_MINUTES = 75


class FakeTime:
    """A time that passes at once; *values* are what the next minutes measure."""

    def __init__(self) -> None:
        self.now = 6000.0
        self.values: dict[str, float] = {}

    def pass_minute(self, history: History | None = None) -> None:
        """Measure what *values* has."""
        if history:
            for name, value in self.values.items():
                key = key_of("Maskline", name, {})
                history.values[key].append((self.now, value))
        self.now += 60


class FakeWorld:
    """A stack with two alarms, of which nothing is deployed."""

    def __init__(self) -> None:
        self.time = FakeTime()
        self.done: list[str] = []
        self.wrong: str | None = None
        self.logged: Counter[str] = Counter()
        self.left: list[str] = []

    def restore(self) -> None:
        """Note that it is as before."""
        self.done.append("restored")

    def empty(self) -> None:
        """Note that queues are empty."""
        self.done.append("emptied")

    def written(self, _: Entry) -> Counter[str]:
        """Return what is in the logs."""
        return Counter(self.logged)

    def run(self, command: str) -> str | None:
        """Note a command; return what is wrong with how it ended."""
        self.done.append(command)
        return self.wrong

    def parked(self, commands: list[str]) -> list[str]:
        """Return what is parked still after these commands."""
        return self.left if commands else []

    def finish(self) -> None:
        """Have nothing to do."""


def alarm(name: str) -> Alarm:
    """Return an alarm that rings for any value of the metric of its name."""
    return Alarm(
        name=f"{name}Alarm",
        metrics={name: Metric(key_of("Maskline", name, {}), "Sum", 60)},
        expression=None,
        periods=1,
        datapoints=1,
        threshold=0,
        comparison="GreaterThanThreshold",
        missing=Missing.NOT_BREACHING,
    )


@pytest.fixture(name="proof")
def _proof() -> Proof:
    world: Any = FakeWorld()
    alarms = [alarm("First"), alarm("Second")]
    return Proof(world, alarms, lambda _: None, entries=RUNBOOK)


def broken(
    proof: Proof,
    *failing: str,
    may: str = "",
    for_ever: bool = False,
    logged: tuple[str, ...] = ("it failed",),
    is_lost: bool = False,
) -> None:
    """Break it so that these fail; the first alarm has to ring."""
    world: Any = proof.world

    @contextmanager
    def breakage(_: object) -> Iterator[Act]:
        yield lambda: world.time.values.update(dict.fromkeys(failing, 1))
        world.logged.update(logged)
        if not for_ever:
            world.time.values.clear()

    rings = frozenset({"FirstAlarm"})
    also = frozenset({f"{may}Alarm"})
    proof.break_it(Breakage("so", breakage, rings, 3, also, is_lost=is_lost))


def test_the_alarm_that_has_to_ring_rings_and_is_a_row_of_the_table(
    proof: Proof,
) -> None:
    broken(proof, "First")

    assert proof.report.failures == {}
    assert proof.report.tables[TABLE] == {
        "so": {
            "alarm": "FirstAlarm",
            "after minutes": "1",
            "silent again after": "3",
            "others": "none",
            "then": "redrive checks, audit",
        }
    }


def test_what_the_runbook_says_is_done_once_it_is_mended(proof: Proof) -> None:
    world: Any = proof.world
    broken(proof, "First", logged=("it failed",))

    assert proof.report.failures == {}
    assert world.done == ["restored", "redrive checks", "audit", "emptied"]


def test_a_line_that_the_runbook_looks_for_and_nobody_wrote_is_a_failure(
    proof: Proof,
) -> None:
    world: Any = proof.world
    world.logged["it failed"] = 1
    broken(proof, "First", logged=())

    assert list(proof.report.failures) == [LINES]


def test_a_command_of_the_runbook_that_fails_is_a_failure(proof: Proof) -> None:
    world: Any = proof.world
    world.wrong = "no such command"
    broken(proof, "First")

    assert list(proof.report.failures) == [COMMANDS]


@pytest.mark.parametrize("is_lost", [True, False])
def test_what_is_parked_after_its_replay_is_a_failure_unless_it_is_lost(
    proof: Proof, is_lost: bool
) -> None:
    world: Any = proof.world
    world.left = ["one is left"]
    broken(proof, "First", is_lost=is_lost)

    assert list(proof.report.failures) == ([] if is_lost else [COMMANDS])


def test_the_runbook_has_an_entry_for_each_alarm() -> None:
    assert entries().keys() == ALARMS.keys()
    assert entries().keys() >= NOT_HERE.keys()


def test_the_runbook_looks_for_lines_that_the_code_writes() -> None:
    code = "".join(path.read_text() for path in (ROOT / "layers").rglob("*.py"))
    code += "".join(path.read_text() for path in (ROOT / "functions").rglob("*.py"))
    lines = [line for each in entries().values() for line in each.lines]

    assert len(lines) >= 12
    assert [line for line in lines if f'"{line}' not in code] == []


def test_what_an_entry_names_is_read_from_the_runbook() -> None:
    assert entries()["DutiesLateAlarm"] == Entry(
        "DutiesLateAlarm",
        ("sessions reconciled",),
        ("ReconcileSessionsFunction",),
        ("audit",),
    )


def test_an_alarm_that_does_not_ring_is_a_failure(proof: Proof) -> None:
    broken(proof)

    assert list(proof.report.failures) == [RINGS]
    assert proof.report.tables[TABLE]["so"]["after minutes"] == "never"


def test_another_alarm_that_rings_is_a_failure_unless_it_may(proof: Proof) -> None:
    broken(proof, "First", "Second", may="Second")
    assert proof.report.failures == {}
    assert proof.report.tables[TABLE]["so"]["others"] == "SecondAlarm"

    broken(proof, "First", "Second")
    assert list(proof.report.failures) == [SILENT]


def test_an_alarm_that_rings_on_when_it_is_mended_is_a_failure(proof: Proof) -> None:
    broken(proof, "First", for_ever=True)

    assert proof.report.failures == {BACK: ["so: FirstAlarm rings on"]}


def test_an_alarm_that_was_never_heard_is_a_failure(proof: Proof) -> None:
    broken(proof, "First")

    proof.check_all_heard()

    [case] = [each for cases in proof.report.failures.values() for each in cases]
    assert case == "SecondAlarm was never heard"


class NamesOnly:
    """A world of which the breakages of functions need names alone."""

    names = Names(dict.fromkeys(FUNCTIONS, "x"), {}, "one")


def test_every_alarm_of_the_template_is_broken_for() -> None:
    world: Any = NamesOnly()
    every = [*BREAKAGES, *of_functions(world)]

    assert {name for each in every for name in each.rings} == ALARMS.keys()
    assert {name for each in every for name in each.may} <= ALARMS.keys()
    assert len({each.how for each in every}) == len(every)


def test_the_alarms_of_two_stacks_read_no_metric_in_common() -> None:
    read = [
        {
            metric.key
            for each in alarms_of(
                Names(
                    {name: f"{stack}-{name}" for name in RESOURCES},
                    {"RepairsAlarmThreshold": "20"},
                    stack,
                )
            )
            for metric in each.metrics.values()
        }
        for stack in ("one", "two")
    ]

    assert len(read[0]) == len(read[1]) > 80
    assert not read[0] & read[1]


def test_every_function_is_broken_in_two_ways() -> None:
    world: Any = NamesOnly()
    hows = [each.how for each in of_functions(world)]

    for function in FUNCTIONS:
        name = function.removesuffix("Function")
        assert hows.count(f"{name} fails") == hows.count(f"{name} is throttled") == 1


def test_a_function_that_is_new_or_gone_is_told() -> None:
    world: Any = NamesOnly()
    world.names = Names({**NamesOnly.names.resources, "NewFunction": "x"}, {}, "one")

    with pytest.raises(ProofError, match="no group"):
        of_functions(world)


def test_a_small_run_tries_every_kind_and_is_short() -> None:
    quick = [each for each in BREAKAGES if each.quick]

    assert len(quick) >= 8
    assert sum(each.minutes for each in quick) <= QUICK_MINUTES


def test_what_is_done_once_is_done_in_the_first_minute_alone() -> None:
    done: list[int] = []
    act = once(lambda: done.append(1))

    act()
    act()

    assert done == [1]
