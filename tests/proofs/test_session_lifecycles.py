"""Sessions live and end truly, whatever comes together: a model, tried at random.

Creates, updates, ends, callbacks, Plivo's failures and silences, killed functions, lost
answers of DynamoDB, sweeps, checks and reconciliation runs, in any order. What holds
after each step is in `tests/support/session_world.py`. `make lifecycles` runs 10,000
sequences, `make test` a few.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.support.model_plivo import TROUBLES
from tests.support.proof_size import size
from tests.support.session_world import Known, World

SEQUENCES = int(os.environ.get("N", size(40, 10_000)))
STEPS = 14

EXPIRIES = st.sampled_from([60, 61, 90, 120, 240])
CHANGES = st.one_of(
    st.builds(
        lambda seconds: {"session_expiry": seconds},
        st.sampled_from([60, 61, 120, 400, 900]),
    ),
    st.just({"record": True}),
    st.just({"record": True, "session_expiry": 300}),
)
# Most requests meet no trouble.
TROUBLE = st.one_of(st.just("fine"), st.sampled_from(TROUBLES))
MEANWHILE = st.sampled_from(
    ["nothing", "nothing", "end", "update", "number", "timeout", "sweep", "time"]
)
WHICH = st.integers(min_value=0, max_value=5)


class Lifecycles(RuleBasedStateMachine):
    """Let anything happen to a few sessions."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize(expiry=EXPIRIES)
    def begin(self, expiry: int) -> None:
        """Begin with one sound session."""
        self.world.create(expiry, "fine")
        self._settle()

    @precondition(lambda self: len(self.world.known) < 3)
    @rule(expiry=EXPIRIES, trouble=TROUBLE)
    def create(self, expiry: int, trouble: str) -> None:
        """Create a session."""
        self.world.create(expiry, trouble)
        self._settle()

    @rule(which=WHICH, changes=CHANGES, trouble=TROUBLE, meanwhile=MEANWHILE)
    def update(
        self, which: int, changes: dict[str, object], trouble: str, meanwhile: str
    ) -> None:
        """Update a session."""
        known = self._one(which)
        self.world.update(known, changes, trouble, self._doing(known, meanwhile))
        self._settle()

    @rule(which=WHICH, trouble=TROUBLE, meanwhile=MEANWHILE)
    def end(self, which: int, trouble: str, meanwhile: str) -> None:
        """End a session."""
        known = self._one(which)
        self.world.end(known, trouble, self._doing(known, meanwhile))
        self._settle()

    @rule(which=WHICH)
    def replace_number(self, which: int) -> None:
        """Let Plivo replace a virtual number."""
        self.world.replace_number(self._one(which))
        self._settle()

    @rule(which=WHICH)
    def tell_timeout(self, which: int) -> None:
        """Let Plivo tell of an end."""
        self.world.tell_timeout(self._one(which))
        self._settle()

    @rule(seconds=st.sampled_from([1, 7, 30, 59, 60, 61, 75, 130, 600]))
    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.world.advance(seconds)

    @rule(down=st.booleans())
    def cut_off(self, down: bool) -> None:
        """Let Plivo be down or up again."""
        self.world.plivo.down = down

    @rule(count=st.integers(min_value=1, max_value=3))
    def lose_answers(self, count: int) -> None:
        """Let the next answers of DynamoDB be lost."""
        self.world.dynamodb.lost = count

    @rule()
    def sweep(self) -> None:
        """Sweep once more than the schedule does."""
        self.world.sweep()
        self._settle()

    @rule()
    def reconcile(self) -> None:
        """Reconcile once more than the schedule does."""
        self.world.reconcile()
        self._settle()

    def teardown(self) -> None:
        """Assert that all comes to rest."""
        self.world.come_to_rest()

    def _one(self, which: int) -> Known:
        return self.world.known[which % len(self.world.known)]

    def _doing(self, known: Known, what: str) -> Callable[[], None] | None:
        return None if what == "nothing" else lambda: self._happen(known, what)

    def _happen(self, known: Known, what: str) -> None:
        """Let something happen while Plivo works on a write."""
        world = self.world
        match what:
            case "end":
                world.end(known, "fine", None)
            case "update":
                world.update(known, {"session_expiry": 500}, "fine", None)
            case "number":
                world.replace_number(known)
            case "timeout":
                world.tell_timeout(known)
            case "sweep":
                world.sweep()
            case "time":
                world.clock.advance(seconds=8)
                world.check()

    def _settle(self) -> None:
        self.world.publish()
        self.world.run_checks()
        self.world.check()


def test_whatever_happens_to_sessions_what_is_told_of_them_is_true() -> None:
    run_state_machine_as_test(
        Lifecycles,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
