"""Live sessions are counted from the stream, for tenants that have the quota."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.publish_changes import app
from masking import items, live, tenant_settings, transitions
from masking.publish import Publisher
from masking.sessions import Session
from masking.table import Table
from masking.tenant_settings import TenantSettings
from masking.wiring import Services
from tests.handlers.clock import Clock
from tests.handlers.embedded_aws import Deployment as Made
from tests.handlers.embedded_aws import EmbeddedAws
from tests.handlers.faulty_table import faulty_table
from tests.handlers.sessions_there import planted
from tests.handlers.table_stream import TableStream


@pytest.fixture
def stream(aws: EmbeddedAws, deployment: Made) -> TableStream:
    """Give the table's stream."""
    return TableStream(aws, deployment)


def limit(table: Table, *tenants: str) -> None:
    """Give tenants the quota."""
    for tenant in tenants:
        tenant_settings.save(table.tenants, tenant, TenantSettings(live_sessions=9))


def publish(records: Sequence[dict[str, Any]]) -> Any:
    """Let the function work off records of the stream."""
    return app.lambda_handler({"Records": list(records)}, None)


def ended(table: Table, session: Session, clock: Clock) -> None:
    """End a session as the sweep does."""
    table.replace(session, transitions.expire(session, clock()))


def test_what_begins_and_ends_is_counted_for_each_tenant(
    table: Table, stream: TableStream, clock: Clock
) -> None:
    limit(table, "acme", "other")
    first = planted(table, clock)
    planted(table, clock)
    planted(table, clock, tenant="other")
    publish(stream.new())
    begun = table.tenants.live("acme"), table.tenants.live("other")

    ended(table, first, clock)
    publish(stream.new())

    assert begun == (2, 1)
    assert (table.tenants.live("acme"), table.tenants.live("other")) == (1, 1)


def test_a_tenant_without_the_quota_costs_no_write(
    table: Table, stream: TableStream, clock: Clock
) -> None:
    planted(table, clock)
    publish(stream.new())

    assert table.load_items([("TENANT#acme", items.LIVE)]) == {}


def test_a_session_that_ends_in_the_batch_that_it_began_in_costs_no_write(
    table: Table, stream: TableStream, clock: Clock
) -> None:
    limit(table, "acme")
    ended(table, planted(table, clock), clock)

    publish(stream.new())

    assert table.load_items([("TENANT#acme", items.LIVE)]) == {}


def test_what_comes_again_is_counted_once(
    table: Table,
    stream: TableStream,
    clock: Clock,
    aws: EmbeddedAws,
    deployment: Made,
) -> None:
    limit(table, "acme")
    for _ in range(3):
        planted(table, clock)
    records = stream.new()
    for record in records:
        # As Lambda gives it a number, as boto3 a time.
        del record["dynamodb"]["ApproximateCreationDateTime"]
    broken = _publisher(faulty_table(aws, table._name, "Query", on=2))

    again = broken(records)
    counted = table.tenants.live("acme")
    start = [r["dynamodb"]["SequenceNumber"] for r in records].index(again)
    publish(records[start:])

    assert counted < 3
    assert table.tenants.live("acme") == 3
    assert deployment.table_name == table._name


def _publisher(table: Table) -> Callable[[Sequence[dict[str, Any]]], str | None]:
    """Give what publishes with a table of the test's."""
    from masking import wiring
    from masking.relay import Relay

    services = wiring.services()
    publisher = Publisher(
        table,
        services.bus,
        services.check_queue,
        services.erasure_queue,
        services.number_key,
        services.now,
        settings_of=services.tenant_settings_of,
    )

    def parked() -> Any:
        raise AssertionError("nothing is to be parked")

    return Relay(publisher, parked, services.now).relay


def test_that_counting_fails_holds_nothing_up(
    table: Table,
    stream: TableStream,
    clock: Clock,
    aws: EmbeddedAws,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from masking import telemetry

    limit(table, "acme")
    planted(table, clock)

    stopped_at = _publisher(faulty_table(aws, table._name, "UpdateItem"))(stream.new())
    telemetry.flush()

    assert stopped_at is None
    assert "LiveSessionsNotCounted" in capsys.readouterr().out


def test_a_record_without_what_a_session_has_is_not_counted(table: Table) -> None:
    limit(table, "acme")
    image = {"sk": {"S": items.STATE}, "status": {"S": "active"}}

    live.count(
        table,
        lambda tenant: tenant_settings.load(table.tenants, tenant),
        [{"dynamodb": {"NewImage": image}}, {"dynamodb": {}}],
    )

    assert table.load_items([("TENANT#acme", items.LIVE)]) == {}


def test_a_live_session_that_is_removed_is_not_live_any_more(table: Table) -> None:
    limit(table, "acme")
    table.tenants.put_live("acme", 4)
    image = {
        "sk": {"S": items.STATE},
        "status": {"S": "ending"},
        "tenant_id": {"S": "acme"},
    }

    live.count(
        table,
        lambda tenant: tenant_settings.load(table.tenants, tenant),
        [{"dynamodb": {"OldImage": image}}],
    )

    assert table.tenants.live("acme") == 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(
    ends=st.lists(st.booleans(), max_size=12),
    cuts=st.lists(st.integers(0, 60), max_size=5),
)
def test_every_cut_of_the_stream_into_batches_counts_the_same(
    table: Table,
    stream: TableStream,
    clock: Clock,
    ends: list[bool],
    cuts: list[int],
) -> None:
    """*ends* are sessions and whether each ends; *cuts* is where batches end."""
    limit(table, "acme")
    table.tenants.put_live("acme", 0)
    stream.new()
    for over in ends:
        session = planted(table, clock)
        if over:
            ended(table, session, clock)
    records = stream.new()
    marks = sorted({min(cut, len(records)) for cut in [0, *cuts, len(records)]})

    for begin, end in pairwise(marks):
        live.count(
            table,
            lambda tenant: tenant_settings.load(table.tenants, tenant),
            records[begin:end],
        )

    assert table.tenants.live("acme") == ends.count(False)


# Recounting


def test_a_recount_puts_the_counter_right(
    table: Table, stream: TableStream, clock: Clock
) -> None:
    limit(table, "acme")
    for number in range(7):
        clock.advance(seconds=1)
        session = planted(table, clock)
        if number % 3 == 0:
            ended(table, session, clock)
    planted(table, clock, tenant="other")
    publish(stream.new())
    table.tenants.put_live("acme", 99)

    found = live.recount(table, "acme")

    assert found == table.tenants.live("acme") == 4


def test_a_recount_goes_through_all_pages(
    table: Table, stream: TableStream, clock: Clock, services: Services
) -> None:
    assert services.table is table
    for _ in range(live.PAGE + 5):
        planted(table, clock)
    publish(stream.new())

    assert live.recount(table, "acme") == live.PAGE + 5


def test_a_tenant_without_sessions_has_none_live(table: Table) -> None:
    assert live.recount(table, "acme") == 0


def test_a_session_counts_until_it_is_known_to_have_ended(
    table: Table, stream: TableStream, clock: Clock
) -> None:
    limit(table, "acme")
    session = planted(table, clock, expiry_time=clock() + timedelta(seconds=1))
    clock.advance(hours=1)
    table.replace(
        session, replace(transitions.begin_ending(session, clock()), repaired=None)
    )
    publish(stream.new())

    assert table.tenants.live("acme") == 1
