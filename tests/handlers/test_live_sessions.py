"""Live sessions are counted from the stream, for tenants that have the quota."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.publish_changes import app
from masking.core import key_space
from masking.core.settings import Settings
from masking.domain import transitions
from masking.domain.sessions import Session
from masking.storage.stores import Stores
from masking.tenants import live_sessions, tenant_settings
from masking.tenants.tenant_settings import TenantSettings
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment as Made
from tests.support.embedded_aws import EmbeddedAws
from tests.support.faulty_stores import faulty_stores
from tests.support.sessions_there import planted
from tests.support.table_stream import TableStream


@pytest.fixture
def stream(aws: EmbeddedAws, deployment: Made) -> TableStream:
    """Return the table's stream."""
    return TableStream(aws, deployment)


def limit(stores: Stores, *tenants: str) -> None:
    """Set the quota for tenants."""
    for tenant in tenants:
        tenant_settings.save(stores.tenants, tenant, TenantSettings(live_sessions=9))


def publish(records: Sequence[dict[str, Any]]) -> Any:
    """Let the function work off records of the stream."""
    return app.lambda_handler({"Records": list(records)}, None)


def ended(stores: Stores, session: Session, clock: Clock) -> None:
    """End a session as the sweep does."""
    stores.sessions.replace(session, transitions.expire(session, clock()))


def test_what_begins_and_ends_is_counted_for_each_tenant(
    stores: Stores, stream: TableStream, clock: Clock
) -> None:
    limit(stores, "acme", "other")
    first = planted(stores, clock)
    planted(stores, clock)
    planted(stores, clock, tenant="other")
    publish(stream.new())
    begun = stores.tenants.live("acme"), stores.tenants.live("other")

    ended(stores, first, clock)
    publish(stream.new())

    assert begun == (2, 1)
    assert (stores.tenants.live("acme"), stores.tenants.live("other")) == (1, 1)


def test_a_tenant_without_the_quota_costs_no_write(
    stores: Stores, stream: TableStream, clock: Clock
) -> None:
    planted(stores, clock)
    publish(stream.new())

    assert stores.table.get_all([("TENANT#acme", key_space.LIVE)]) == {}


def test_a_session_that_ends_in_the_batch_that_it_began_in_costs_no_write(
    stores: Stores, stream: TableStream, clock: Clock
) -> None:
    limit(stores, "acme")
    ended(stores, planted(stores, clock), clock)

    publish(stream.new())

    assert stores.table.get_all([("TENANT#acme", key_space.LIVE)]) == {}


def test_what_comes_again_is_counted_once(
    stores: Stores,
    stream: TableStream,
    clock: Clock,
    aws: EmbeddedAws,
    deployment: Made,
) -> None:
    limit(stores, "acme")
    for _ in range(3):
        planted(stores, clock)
    records = stream.new()
    for record in records:
        # As Lambda gives it a number, as boto3 a time.
        del record["dynamodb"]["ApproximateCreationDateTime"]
    broken = _publisher(faulty_stores(aws, stores.table.name, "Query", on=2))

    again = broken(records)
    counted = stores.tenants.live("acme")
    start = [r["dynamodb"]["SequenceNumber"] for r in records].index(again)
    publish(records[start:])

    assert counted < 3
    assert stores.tenants.live("acme") == 3
    assert deployment.table_name == stores.table.name


def _publisher(stores: Stores) -> Callable[[Sequence[dict[str, Any]]], str | None]:
    """Return what publishes with stores of the test's."""
    services = Services(Settings(os.environ))
    services.stores = stores

    def parked() -> Any:
        raise AssertionError("nothing is to be parked")

    return replace(services.publish_changes, parked=parked).relay


def test_that_counting_fails_holds_nothing_up(
    stores: Stores,
    stream: TableStream,
    clock: Clock,
    aws: EmbeddedAws,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from masking.core import telemetry

    limit(stores, "acme")
    planted(stores, clock)

    stopped_at = _publisher(faulty_stores(aws, stores.table.name, "UpdateItem"))(
        stream.new()
    )
    telemetry.flush()

    assert stopped_at is None
    assert "LiveSessionsNotCounted" in capsys.readouterr().out


def test_a_record_without_what_a_session_has_is_not_counted(stores: Stores) -> None:
    limit(stores, "acme")
    image = {"sk": {"S": key_space.STATE}, "status": {"S": "active"}}

    live_sessions.count(
        stores,
        lambda tenant: tenant_settings.load(stores.tenants, tenant),
        [{"dynamodb": {"NewImage": image}}, {"dynamodb": {}}],
    )

    assert stores.table.get_all([("TENANT#acme", key_space.LIVE)]) == {}


def test_a_live_session_that_is_removed_is_not_live_any_more(stores: Stores) -> None:
    limit(stores, "acme")
    stores.tenants.put_live("acme", 4)
    image = {
        "sk": {"S": key_space.STATE},
        "status": {"S": "ending"},
        "tenant_id": {"S": "acme"},
    }

    live_sessions.count(
        stores,
        lambda tenant: tenant_settings.load(stores.tenants, tenant),
        [{"dynamodb": {"OldImage": image}}],
    )

    assert stores.tenants.live("acme") == 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(
    ends=st.lists(st.booleans(), max_size=12),
    cuts=st.lists(st.integers(0, 60), max_size=5),
)
def test_every_cut_of_the_stream_into_batches_counts_the_same(
    stores: Stores,
    stream: TableStream,
    clock: Clock,
    ends: list[bool],
    cuts: list[int],
) -> None:
    """*ends* are sessions and whether each ends; *cuts* is where batches end."""
    limit(stores, "acme")
    stores.tenants.put_live("acme", 0)
    stream.new()
    for over in ends:
        session = planted(stores, clock)
        if over:
            ended(stores, session, clock)
    records = stream.new()
    marks = sorted({min(cut, len(records)) for cut in [0, *cuts, len(records)]})

    for begin, end in pairwise(marks):
        live_sessions.count(
            stores,
            lambda tenant: tenant_settings.load(stores.tenants, tenant),
            records[begin:end],
        )

    assert stores.tenants.live("acme") == ends.count(False)


# Recounting


def test_a_recount_puts_the_counter_right(
    stores: Stores, stream: TableStream, clock: Clock
) -> None:
    limit(stores, "acme")
    for number in range(7):
        clock.advance(seconds=1)
        session = planted(stores, clock)
        if number % 3 == 0:
            ended(stores, session, clock)
    planted(stores, clock, tenant="other")
    publish(stream.new())
    stores.tenants.put_live("acme", 99)

    found = live_sessions.recount(stores, "acme")

    assert found == stores.tenants.live("acme") == 4


def test_a_recount_goes_through_all_pages(
    stores: Stores, stream: TableStream, clock: Clock, services: Services
) -> None:
    assert services.stores is stores
    for _ in range(live_sessions.PAGE + 5):
        planted(stores, clock)
    publish(stream.new())

    assert live_sessions.recount(stores, "acme") == live_sessions.PAGE + 5


def test_a_tenant_without_sessions_has_none_live(stores: Stores) -> None:
    assert live_sessions.recount(stores, "acme") == 0


def test_a_session_counts_until_it_is_known_to_have_ended(
    stores: Stores, stream: TableStream, clock: Clock
) -> None:
    limit(stores, "acme")
    session = planted(stores, clock, expiry_time=clock() + timedelta(seconds=1))
    clock.advance(hours=1)
    stores.sessions.replace(
        session, replace(transitions.begin_ending(session, clock()), repaired=None)
    )
    publish(stream.new())

    assert stores.tenants.live("acme") == 1
