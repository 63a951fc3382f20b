"""What the operations cost in DynamoDB, indexes included, as DynamoDB meters it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from functions.publish_changes import app as publisher
from masking import contract, items, sessions
from masking.create import CreateFlow
from masking.end import EndFlow
from masking.expire import Sweep
from masking.receive import Inbox
from masking.sessions import Rule
from masking.table import Table
from masking.update import UpdateFlow
from masking.web import _request
from masking.wiring import Services
from tests.handlers.clock import Clock
from tests.handlers.embedded_aws import Deployment, EmbeddedAws
from tests.handlers.payloads import PAIR
from tests.handlers.sessions_there import BASE, created, planted
from tests.handlers.signed_callbacks import callback
from tests.handlers.simulated_plivo import SimulatedPlivo
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


@pytest.mark.parametrize("url", ["https://app.example.com/hook", LONG_URL])
def test_a_create_writes_six_units_in_the_request_path(
    services: Services,
    metered: tuple[Table, Meter],
    plivo: SimulatedPlivo,
    clock: Clock,
    url: str,
) -> None:
    table, meter = metered
    flow = CreateFlow(table, services.carrier, services.callback_key, clock)
    request = contract.parse_create({**PAIR, "callback_url": url})

    def create() -> None:
        flow.create(request, tenant_id="acme", idempotency_key="k", base_url=BASE)

    assert plivo.sessions() == []
    write, read = meter.of(create)
    replayed = meter.of(create)

    # What was asked for is one item; with a URL of a thousand characters it is 2 KB.
    assert write <= (6 if len(url) < 100 else 8)
    assert read == 0
    # The failed condition of the reservation, and reading what is there.
    assert replayed[0] <= 1
    assert replayed[1] <= 2


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


@pytest.mark.usefixtures("plivo")
def test_an_update_writes_two_units_and_four_if_the_expiry_moves(
    services: Services, metered: tuple[Table, Meter], clock: Clock
) -> None:
    table, meter = metered
    flow = UpdateFlow(table, services.carrier, clock)
    session = created(services, clock)

    def update(**changes: object) -> tuple[float, float]:
        request = contract.parse_update(changes)
        return meter.of(
            lambda: flow.update(session.session_uuid, request, tenant_id="acme")
        )

    assert update(record=True) == (2, 1)
    assert update(session_expiry=7200) == (4, 1)


@pytest.mark.usefixtures("plivo")
def test_an_ending_writes_three_units(
    services: Services, metered: tuple[Table, Meter], clock: Clock
) -> None:
    table, meter = metered
    session = created(services, clock)
    flow = EndFlow(table, services.carrier, clock)

    write, _ = meter.of(lambda: flow.end(session.session_uuid, tenant_id="acme"))

    assert write <= 3


def test_a_callback_writes_one_unit_and_so_does_its_repeat(
    services: Services, metered: tuple[Table, Meter], clock: Clock
) -> None:
    table, meter = metered
    session = planted(table, clock)
    inbox = Inbox(table, services.callback_key, services.auth_tokens, clock)
    request = _request(callback(session, services.callback_key))

    write, read = meter.of(lambda: inbox.receive(request, "events"))
    repeat, _ = meter.of(lambda: inbox.receive(request, "events"))

    assert (write, read) == (1, 1)
    assert repeat <= 1


def test_the_end_of_a_session_writes_two_units_whatever_else_is_alive(
    metered: tuple[Table, Meter], clock: Clock
) -> None:
    table, meter = metered
    over = planted(table, clock, expiry_time=clock())
    sweep = Sweep(table, clock, lambda: True)

    few = meter.of(sweep.run)
    for _ in range(30):
        planted(table, clock)
    planted(table, clock, expiry_time=clock())
    many = meter.of(sweep.run)

    assert table.load(over.session_uuid)
    assert few[0] <= 3
    assert many == few


def test_an_idle_sweep_reads_eight_units_whatever_is_alive(
    metered: tuple[Table, Meter], clock: Clock
) -> None:
    table, meter = metered
    sweep = Sweep(table, clock, lambda: True)

    idle = meter.of(sweep.run)
    for _ in range(30):
        planted(table, clock)

    assert idle == meter.of(sweep.run) == (0, 8)


def test_reading_a_session_takes_one_unit(
    metered: tuple[Table, Meter], clock: Clock
) -> None:
    table, meter = metered
    session = planted(table, clock)

    assert meter.of(lambda: table.load(session.session_uuid)) == (0, 1)


@pytest.mark.parametrize("others", [0, 60])
def test_a_page_of_fifty_sessions_takes_26_units_however_many_there_are(
    metered: tuple[Table, Meter],
    clock: Clock,
    services: Services,
    others: int,
) -> None:
    from masking import listing, search

    table, meter = metered
    for number in range(50 + others):
        at = clock() - timedelta(seconds=number)
        session = planted(table, clock, created_time=at)
        table.link(
            items.carrier_key(str(session.carrier_session_uuid)),
            items.LINK,
            session_uuid=session.session_uuid,
            **items.listing_keys(session),
        )

    def page() -> None:
        found = listing.find(
            search.parse_search({"limit": 50}),
            tenant_id="acme",
            table=table,
            number_key=services.number_key,
            now=clock(),
        )
        assert len(found.sessions) == 50

    write, read = meter.of(page)

    assert write == 0
    assert read <= 26 + 0.5


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
