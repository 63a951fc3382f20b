"""What was left in doubt is settled with Plivo, or stays due until it can be."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from functions.reconcile_sessions import app
from masking.core import times
from masking.domain import due_work, sessions, transitions
from masking.domain.sessions import Session, Status
from masking.lifecycle.reconcile import Reconciler
from masking.storage.due_work import Due, DueWorkStore
from masking.storage.sessions import SessionStore
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.doubtful_sessions import in_doubt, lost
from tests.support.payloads import Context, sample
from tests.support.reconciling import go_round
from tests.support.sessions_there import (
    BASE,
    created,
    planted,
    stored,
)
from tests.support.simulated_plivo import SimulatedPlivo
from tests.support.stores import own_stores, stores_over


@pytest.fixture
def reconciler(services: Services, plivo: SimulatedPlivo, clock: Clock) -> Reconciler:
    """Return the reconciler, with a clock of the test's."""
    assert plivo.sessions() == []
    return at(services, clock).reconciler


# Creates


def test_a_session_that_plivo_made_is_matched(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    left = lost(services, plivo, clock, "create_5xx_after_commit")
    clock.advance(seconds=60)

    assert go_round(reconciler) == {"adopted": 1}

    [there] = plivo.live()
    here = stored(services.stores, left)
    assert here.status is Status.ACTIVE
    assert here.carrier_session_uuid == there["session_uuid"]


def test_a_callback_leads_to_a_session_that_no_listing_shows(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    left = lost(services, plivo, clock, "create_5xx_after_commit")
    [there] = plivo.live()
    services.stores.callbacks.put(
        left.session_uuid,
        "0" * 64,
        kind="events",
        tenant_id="acme",
        attempt=1,
        attributes={
            "EventName": "SessionFirstPartyAnswer",
            "SessionUUID": there["session_uuid"],
        },
        received_at=clock(),
    )
    plivo.arm(list_lag={"seconds": 3600})
    clock.advance(seconds=60)

    assert reconciler.check(left.session_uuid) == "adopted"

    here = stored(services.stores, left)
    assert here.status is Status.ACTIVE
    assert here.carrier_session_uuid == there["session_uuid"]


def test_a_callback_that_names_a_session_of_others_matches_nothing(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    other = created(services, clock)
    left = lost(services, plivo, clock, "create_5xx_before_commit", ring_timeout=50)
    for digest, name in (("0" * 64, other.carrier_session_uuid), ("1" * 64, "../x")):
        services.stores.callbacks.put(
            left.session_uuid,
            digest,
            kind="events",
            tenant_id="acme",
            attempt=1,
            attributes={"EventName": "SessionTimeout", "SessionUUID": str(name)},
            received_at=clock(),
        )
    clock.advance(seconds=60)

    assert reconciler.check(left.session_uuid) == "closed"
    assert stored(services.stores, other).status is Status.ACTIVE
    assert len(plivo.live()) == 1


def test_before_its_lease_is_over_nothing_is_touched(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    lost(services, plivo, clock, "create_5xx_after_commit")
    clock.advance(seconds=59)

    assert go_round(reconciler) == {}


def test_a_session_that_plivo_did_not_make_frees_its_key(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    left = lost(services, plivo, clock, "create_5xx_before_commit")
    clock.advance(seconds=60)

    assert go_round(reconciler) == {"closed": 1}
    assert stored(services.stores, left).status is Status.FAILED
    assert len(plivo.requests("create")) == 1


def test_a_create_that_rings_and_left_no_trace_is_abandoned(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    left = lost(
        services,
        plivo,
        clock,
        "create_5xx_before_commit",
        initiate_call_to_first_party=True,
    )
    clock.advance(seconds=60)

    assert go_round(reconciler) == {"closed": 1}
    assert stored(services.stores, left).status is Status.ABANDONED


def test_of_two_sessions_at_plivo_the_later_attempt_is_kept_and_the_other_removed(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    first = lost(services, plivo, clock, "create_5xx_after_commit")
    second = transitions.retake(first, clock())
    services.stores.sessions.replace(first, second)
    from masking.plivo import callback_urls

    answer = services.carrier.create(
        {k: v for k, v in second.asked.items() if k not in transitions.OURS},
        callback_urls.registration(
            services.callback_key, BASE, second.session_uuid, second.attempt
        ),
    )
    assert len(plivo.live()) == 2
    clock.advance(seconds=60)

    assert go_round(reconciler) == {"adopted": 1}

    [there] = plivo.live()
    assert there["session_uuid"] == answer.session_uuid
    assert stored(services.stores, second).carrier_session_uuid == answer.session_uuid


def test_another_pairs_and_anothers_sessions_are_left_alone(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    other = created(services, clock, key="other")
    foreign = created(services, clock, tenant="else")
    lost(services, plivo, clock, "create_5xx_before_commit")
    clock.advance(seconds=60)

    go_round(reconciler)

    live = {session["session_uuid"] for session in plivo.live()}
    assert live == {other.carrier_session_uuid, foreign.carrier_session_uuid}


def test_a_session_that_ended_unseen_is_matched_as_ended(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    left = lost(services, plivo, clock, "create_5xx_after_commit")
    plivo.end(plivo.sessions()[0]["session_uuid"])
    clock.advance(seconds=60)

    assert go_round(reconciler) == {"adopted": 1}
    assert stored(services.stores, left).status is Status.EXPIRED


@pytest.mark.parametrize("fault", ["list_5xx", "list_429", "list_non_json", "list_401"])
def test_while_plivo_cannot_say_the_work_stays_due(
    reconciler: Reconciler,
    services: Services,
    plivo: SimulatedPlivo,
    clock: Clock,
    fault: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lost(services, plivo, clock, "create_5xx_after_commit")
    clock.advance(seconds=60)
    plivo.arm(**{fault: {}})

    assert go_round(reconciler) == {"failed": 1}
    assert "due work left for the next run" in capsys.readouterr().out

    plivo.arm()

    assert go_round(reconciler) == {"adopted": 1}


def test_a_listing_that_is_not_whole_proves_nothing(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    left = lost(services, plivo, clock, "create_5xx_before_commit")
    clock.advance(seconds=60)

    class Endless:
        def listing(self, **_: object) -> object:
            from masking.plivo.client import Listing

            return Listing((), complete=False)

    endless: Any = Endless()
    unsure = replace(reconciler, carrier=endless)

    assert go_round(unsure) == {"left": 1}
    assert stored(services.stores, left).status is Status.RESERVED


# Updates and endings


@pytest.mark.parametrize(
    ("fault", "record"),
    [("update_5xx_after_commit", True), ("update_5xx_before_commit", False)],
)
def test_of_an_update_in_doubt_plivos_values_win(
    reconciler: Reconciler,
    services: Services,
    plivo: SimulatedPlivo,
    clock: Clock,
    fault: str,
    record: bool,
) -> None:
    left = in_doubt(services, plivo, clock, fault)
    clock.advance(seconds=60)

    assert go_round(reconciler) == {"checked": 1}

    here = stored(services.stores, left)
    assert here.settings["record"] is record
    assert here.pending is None
    assert not here.doubted


def test_an_update_of_a_session_that_plivo_has_forgotten_ends_it(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    left = in_doubt(services, plivo, clock, "update_5xx_after_commit")
    clock.advance(seconds=60)
    plivo.reset()

    assert go_round(reconciler) == {"checked": 1}
    assert stored(services.stores, left).status is Status.EXPIRED


def test_an_update_of_a_session_that_has_ended_at_plivo_ends_it_here(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    left = in_doubt(services, plivo, clock, "update_5xx_after_commit")
    clock.advance(seconds=60)
    plivo.end(str(left.carrier_session_uuid))

    assert go_round(reconciler) == {"checked": 1}
    assert stored(services.stores, left).status is Status.EXPIRED


def test_an_ending_in_doubt_is_finished(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    session = created(services, clock)
    ending = transitions.begin_ending(session, clock())
    services.stores.sessions.replace(session, ending)
    services.stores.sessions.replace(ending, transitions.doubt(ending))
    clock.advance(seconds=60)

    assert go_round(reconciler) == {"ended": 1}
    assert plivo.live() == []
    assert stored(services.stores, session).status is Status.EXPIRED


def test_while_plivo_does_not_end_it_an_ending_stays_due(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    session = created(services, clock)
    ending = transitions.begin_ending(session, clock())
    services.stores.sessions.replace(session, ending)
    services.stores.sessions.replace(ending, transitions.doubt(ending))
    clock.advance(seconds=60)
    plivo.arm(delete_5xx_before_commit={})

    assert go_round(reconciler) == {"failed": 1}
    assert stored(services.stores, session).status is Status.ENDING


# Passes


def test_two_runs_over_the_same_due_work_at_once_do_no_harm(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    faults = ("create_5xx_after_commit", "create_5xx_before_commit") * 3
    left = [lost(services, plivo, clock, fault).session_uuid for fault in faults]
    clock.advance(seconds=60)

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(reconciler.work_off, left + left))

    assert outcomes.count("adopted") == 3
    assert outcomes.count("closed") == 3
    assert len(plivo.live()) == 3
    assert go_round(reconciler) == {}


def test_a_session_that_is_gone_or_settled_meanwhile_is_passed_over(
    reconciler: Reconciler, stores: Stores, clock: Clock
) -> None:
    settled = planted(stores, clock)
    begun = times.stamp(clock())

    class Stale(DueWorkStore):
        """An index that shows what is no longer so."""

        def list_due(
            self, shard: str, _now: datetime, _after: Due | None = None
        ) -> Iterator[Due]:
            gone = sessions.session_uuid_for("acme", "gone")
            first = shard == due_work.shards(due_work.Schedule.RECONCILE)[0]
            yield from (
                [Due(gone, begun), Due(settled.session_uuid, begun)] if first else []
            )

    seen = stores_over(stores.table.client, stores.table.name)
    seen.due_work = Stale(seen.table)
    stale = replace(reconciler, stores=seen)
    assert go_round(stale) == {"left": 2}
    clock.advance(hours=2)
    assert go_round(stale) == {"left": 2}
    assert stored(stores, settled) == settled


def test_what_another_settled_first_is_left_to_him(
    reconciler: Reconciler, services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    left = lost(services, plivo, clock, "create_5xx_after_commit")
    clock.advance(seconds=60)

    class Overtaken(SessionStore):
        """A store in which somebody else is faster."""

        def replace(self, before: Session, after: Session) -> None:
            super().replace(before, transitions.retake(before, clock()))
            super().replace(before, after)

    stores = own_stores(services)
    stores.sessions = Overtaken(stores.table)
    slow = replace(reconciler, stores=stores)

    assert go_round(slow) == {"left": 1}
    assert stored(services.stores, left).attempt == 2


# The handler


def test_the_function_logs_and_counts_what_became_of_the_due_work(
    services: Services,
    plivo: SimulatedPlivo,
    clock: Clock,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock.advance(minutes=-5)
    lost(services, plivo, clock, "create_5xx_after_commit")

    answer = app.lambda_handler(sample("reconcile_sessions"), Context(600_000))

    emitted = capsys.readouterr().out
    assert answer == {"adopted": 1}
    assert '"ReconciledAdopted":[1.0]' in emitted
    assert "2025550100" not in emitted
    assert app.lambda_handler(sample("reconcile_sessions"), Context(600_000)) == {}


def test_a_function_without_time_left_begins_nothing(
    services: Services, plivo: SimulatedPlivo, clock: Clock
) -> None:
    clock.advance(minutes=-5)
    lost(services, plivo, clock, "create_5xx_after_commit")

    assert app.lambda_handler(sample("reconcile_sessions"), Context(29_000)) == {}
