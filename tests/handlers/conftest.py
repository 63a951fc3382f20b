"""Fixtures of the handlers' tests: creating, making sessions, publishing changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.publish_changes import app as publisher
from masking.domain import sessions, transitions
from masking.domain.sessions import CarrierSession, Session
from masking.lifecycle.create_session import CreateSession
from masking.plivo.client import Carrier
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.payloads import PAIR
from tests.support.recorded_calls import Drain, deliver
from tests.support.searching import Make
from tests.support.sessions_there import created
from tests.support.simulated_plivo import SimulatedPlivo
from tests.support.table_stream import TableStream


@pytest.fixture
def flow(services: Services, plivo: SimulatedPlivo, clock: Clock) -> CreateSession:
    """Return what creates sessions, with a clock of the test's."""
    assert plivo.sessions() == []
    return at(services, clock).create_session


@pytest.fixture
def impatient(plivo: SimulatedPlivo, flow: CreateSession) -> CreateSession:
    """Return what creates sessions, with a carrier that waits 1.5 seconds only."""
    carrier = Carrier(
        auth_id=plivo.auth_id,
        auth_token=plivo.auth_token,
        base_url=plivo.origin,
        timeout=(1.5, 1.5),
    )
    return replace(flow, carrier=carrier)


@pytest.fixture
def make(stores: Stores, clock: Clock) -> Make:
    """Return what makes an active session that begins a second after the last one."""
    made: list[Session] = []

    def run(*, tenant: str = "acme", number: int = 0, **body: Any) -> Session:
        at = clock() - timedelta(hours=1) + timedelta(seconds=len(made))
        pair = {**PAIR, "second_party": f"+120255501{number:02d}"} if number else PAIR
        labels = body.pop("labels", {})
        more = {k: body.pop(k) for k in ("subaccount",) if k in body}
        new = transitions.reserve(
            session_uuid=sessions.session_uuid_for(tenant, None),
            tenant_id=tenant,
            asked={**pair, **more, "session_expiry": 7200},
            labels=labels,
            base_url="https://masks.example.com",
            now=at,
        )
        answer = CarrierSession(
            session_uuid=sessions.session_uuid_for("plivo", None),
            virtual_number=body.pop("virtual_number", "+12025550180"),
            status="active",
            created_time=at,
            modified_time=at,
            expiry_time=body.pop("expiry_time", at + timedelta(hours=2)),
            duration=7200,
            callback_url="",
            settings=pair,
            totals={"duration": 7200},
        )
        stores.sessions.reserve(new)
        session = transitions.confirm(new, answer, 1)
        stores.sessions.replace(new, session)
        made.append(session)
        return session

    return run


@pytest.fixture
def publish(aws: EmbeddedAws, deployment: Deployment) -> Callable[[], None]:
    """Return what publishes all that is new, as the stream's function does."""
    stream = TableStream(aws, deployment)

    def run() -> None:
        answer = publisher.lambda_handler({"Records": stream.new()}, None)
        assert answer == {"batchItemFailures": []}

    return run


@pytest.fixture
def stream(aws: EmbeddedAws, deployment: Deployment) -> TableStream:
    """Return the table's stream."""
    return TableStream(aws, deployment)


@pytest.fixture
def recorded(services: Services, plivo: SimulatedPlivo, clock: Clock) -> Session:
    """Return a session whose calls are recorded."""
    assert plivo.sessions() == []
    return created(services, clock, record=True, record_file_format="wav")


@pytest.fixture
def drain(services: Services, stream: TableStream, deployment: Deployment) -> Drain:
    """Return what carries on everything that was written, and gives the events of it.

    As EventBridge and Lambda do: stream, bus, queue, until nothing comes any more.
    """

    def carry_on() -> list[dict[str, Any]]:
        seen: list[dict[str, Any]] = []
        while records := stream.new():
            assert publisher.lambda_handler({"Records": records}, None) == {
                "batchItemFailures": []
            }
            events = deployment.bus.events()
            seen += events
            for event in events:
                if event["detail-type"] in (
                    "recording.announced",
                    "recording.deleting",
                ):
                    deliver(services, event)
        return seen

    return carry_on
