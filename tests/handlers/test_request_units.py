"""What an operation costs beside the table of budgets, which tests/proofs measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.publish_changes import app as publisher
from masking.core.problems import QuotaExceededError
from masking.domain import due_work, transitions
from masking.domain.due_work import Schedule
from masking.lifecycle.create_session import CreateSession
from masking.storage.stores import Stores
from masking.tenants import authorize, tenant_settings
from masking.tenants.tenant_settings import TenantSettings
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.creating import create
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.sessions_there import planted
from tests.support.table_stream import TableStream

METERED = ("PutItem", "UpdateItem", "GetItem", "Query", "BatchGetItem", "DeleteItem")
WRITES = ("PutItem", "UpdateItem", "DeleteItem")


class Meter:
    """Count the request units of a client's requests."""

    def __init__(self, client: Any) -> None:
        self.write = self.read = 0.0
        for operation in METERED:
            client.meta.events.register(
                f"provide-client-params.dynamodb.{operation}", self._ask
            )
            client.meta.events.register(f"after-call.dynamodb.{operation}", self._count)

    def _ask(self, params: dict[str, Any], **_: object) -> dict[str, Any]:
        return {**params, "ReturnConsumedCapacity": "INDEXES"}

    def _count(self, parsed: dict[str, Any], model: Any, **_: object) -> None:
        used = parsed.get("ConsumedCapacity", [])
        units = sum(
            found["CapacityUnits"]
            for found in ([used] if isinstance(used, dict) else used)
        )
        if model.name in WRITES:
            self.write += units
        else:
            self.read += units

    def of(self, work: Callable[[], object]) -> tuple[float, float]:
        """Do *work* and give the write and read units that it took."""
        self.write = self.read = 0.0
        work()
        return self.write, self.read


@pytest.fixture
def metered(
    aws: EmbeddedAws, deployment: Deployment, services: Services
) -> tuple[Stores, Meter]:
    """Return the table and the meter at its client."""
    stores = services.stores
    assert stores.table.name == deployment.table_name
    assert aws.url
    return stores, Meter(stores.table.client)


LONG_URL = "https://app.example.com/" + "h" * 976


def test_a_sessions_links_cost_one_unit_each_and_its_listing_one_more(
    metered: tuple[Stores, Meter],
    clock: Clock,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    stores, _ = metered
    stream = TableStream(aws, deployment)
    planted(stores, clock)
    records = stream.new()
    from masking import wiring

    meter = Meter(wiring.services().stores.table.client)

    write, _ = meter.of(lambda: publisher.lambda_handler({"Records": records}, None))
    again, _ = meter.of(lambda: publisher.lambda_handler({"Records": records}, None))

    # Two parties, and Plivo's UUID with its entry in the tenant's listing.
    assert write == 4
    assert again == 0


@pytest.mark.parametrize(
    ("rules", "more"),
    [
        ({}, (0, 0)),
        ({"retention_days": 30, "subaccount": "SALOCALDEVELOPMENT00"}, (0, 0)),
        ({"live_sessions": 5}, (0, 0.5)),
        ({"creates_per_minute": 5}, (1, 0.5)),
    ],
    ids=["none", "rules", "live sessions", "creates"],
)
def test_a_create_costs_a_tenant_without_quotas_no_more_than_half_a_read(
    metered: tuple[Stores, Meter],
    flow: CreateSession,
    rules: dict[str, Any],
    more: tuple[float, float],
) -> None:
    stores, meter = metered
    if rules:
        tenant_settings.save(stores.tenants, "acme", TenantSettings(**rules))
    asking = replace(
        flow, settings_of=lambda t: tenant_settings.load(stores.tenants, t)
    )

    write, read = meter.of(lambda: create(asking))

    # Without settings 0.5 is what reading that there are none takes.
    assert (write, read) == (6 + more[0], 0.5 + more[1])


def test_a_flood_beyond_a_quota_costs_reads_alone(
    metered: tuple[Stores, Meter], flow: CreateSession, clock: Clock
) -> None:
    stores, meter = metered
    assert stores.tenants.count_create("acme", clock(), 1)
    limited = replace(flow, settings_of=lambda _: TenantSettings(creates_per_minute=1))

    def refused() -> None:
        with pytest.raises(QuotaExceededError):
            create(limited)

    # The counter, and whether the key has a session.
    assert meter.of(refused) == (0, 0.5 + 1)


def test_one_too_many_that_was_reserved_costs_what_it_wrote(
    metered: tuple[Stores, Meter], flow: CreateSession, clock: Clock
) -> None:
    stores, meter = metered
    late = Clock(clock() + timedelta(minutes=1))
    assert stores.tenants.count_create("acme", late(), 1)
    times = iter([clock(), clock()])
    # Looked at in one minute, counted in the next, in which another was first.
    limited = replace(
        flow,
        settings_of=lambda _: TenantSettings(creates_per_minute=1),
        now=lambda: next(times, late()),
    )

    def refused() -> None:
        with pytest.raises(QuotaExceededError):
            create(limited)

    # State, due work, request; then the state without its due work. The counter's
    # write, which its condition refused, is one more that no answer tells.
    assert meter.of(refused)[0] == 3 + 2


def test_authorizing_costs_a_read_and_a_write_every_ten_minutes(
    metered: tuple[Stores, Meter], clock: Clock
) -> None:
    stores, meter = metered
    authorize.issue(stores, key="key", tenant_id="acme", scopes=["admin"])

    def authorize_once() -> None:
        caller = authorize.caller_of(stores, "Bearer key", clock())
        assert caller
        if authorize.is_use_due(caller, clock()):
            authorize.note_use(stores, caller, clock())

    assert meter.of(authorize_once) == (1, 1)
    assert meter.of(authorize_once) == (0, 1)


def test_reading_a_session_takes_one_unit(
    metered: tuple[Stores, Meter], clock: Clock
) -> None:
    stores, meter = metered
    session = planted(stores, clock)

    assert meter.of(lambda: stores.sessions.load(session.session_uuid)) == (0, 1)


def test_a_state_stays_within_one_unit_with_everything_in_it(
    metered: tuple[Stores, Meter], clock: Clock
) -> None:
    stores, meter = metered
    session = planted(stores, clock)
    changes = {
        "session_expiry": 2_147_483_647,
        "call_time_limit": 2_147_483_647,
        "ring_timeout": 2_147_483_647,
        "record": True,
        "record_file_format": "wav",
    }
    begun = transitions.begin_update(session, changes, clock())

    write, _ = meter.of(lambda: stores.sessions.replace(session, begun))

    assert write == 1
    assert due_work.shard_of(session.session_uuid, Schedule.SWEEP)
