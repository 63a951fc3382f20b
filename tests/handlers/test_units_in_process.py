"""What an operation costs beside the table of budgets, which tests/units measures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from functions.publish_changes import app as publisher
from masking import sessions
from masking.sessions import Rule
from masking.table import Table
from masking.wiring import Services
from tests.handlers.clock import Clock
from tests.handlers.embedded_aws import Deployment, EmbeddedAws
from tests.handlers.sessions_there import planted
from tests.handlers.table_stream import TableStream

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
) -> tuple[Table, Meter]:
    """Give the table and the meter at its client."""
    table = services.table
    assert table._name == deployment.table_name
    assert aws.url
    return table, Meter(table._client)


LONG_URL = "https://app.example.com/" + "h" * 976


def test_a_sessions_links_cost_one_unit_each_and_its_listing_one_more(
    metered: tuple[Table, Meter],
    clock: Clock,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    table, _ = metered
    stream = TableStream(aws, deployment)
    planted(table, clock)
    records = stream.new()
    from masking import wiring

    meter = Meter(wiring.services().table._client)

    write, _ = meter.of(lambda: publisher.lambda_handler({"Records": records}, None))
    again, _ = meter.of(lambda: publisher.lambda_handler({"Records": records}, None))

    # Two parties, and Plivo's UUID with its entry in the tenant's listing.
    assert write == 4
    assert again == 0


def test_reading_a_session_takes_one_unit(
    metered: tuple[Table, Meter], clock: Clock
) -> None:
    table, meter = metered
    session = planted(table, clock)

    assert meter.of(lambda: table.load(session.session_uuid)) == (0, 1)


def test_a_state_stays_within_one_unit_with_everything_in_it(
    metered: tuple[Table, Meter], clock: Clock
) -> None:
    table, meter = metered
    session = planted(table, clock)
    changes = {
        "session_expiry": 2_147_483_647,
        "call_time_limit": 2_147_483_647,
        "ring_timeout": 2_147_483_647,
        "record": True,
        "record_file_format": "wav",
    }
    begun = sessions.begin_update(session, changes, clock())

    write, _ = meter.of(lambda: table.replace(session, begun))

    assert write == 1
    assert sessions.shard_of(session.session_uuid, Rule.SWEEP)
