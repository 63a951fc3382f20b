"""What callbacks and deliveries cost in DynamoDB's request units, indexes included."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.get_session import app as get_session
from functions.on_recording_event import app as on_recording_event
from functions.on_session_event import app as on_session_event
from functions.publish_changes import app as publish_changes
from masking.wiring import Services
from tests.support.embedded_aws import Deployment
from tests.support.raw_callbacks import (
    FIRST,
    active_session,
    api_event,
    path_of,
    signed_form,
)
from tests.support.simulated_calls import play, text_of
from tests.support.stores import stores_with_client

REFUSED = "ConditionalCheckFailedException"
WRITES = ("put_item", "update_item", "delete_item")
READS = ("get_item", "query", "batch_get_item")


class Metered:
    """A client of DynamoDB's that adds up what its requests cost."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.written = 0.0
        self.read = 0.0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def metered(**request: Any) -> Any:
            request["ReturnConsumedCapacity"] = "INDEXES"
            try:
                answer = method(**request)
            except ClientError as error:
                # A refused put costs what it would have cost.
                if error.response["Error"]["Code"] == REFUSED:
                    self.written += math.ceil(_size_of(request["Item"]) / 1024)
                raise
            used = answer["ConsumedCapacity"]
            units = [used] if isinstance(used, dict) else used
            total = sum(each["CapacityUnits"] for each in units)
            if name in WRITES:
                self.written += total
            else:
                self.read += total
            return answer

        return metered


def _size_of(item: dict[str, Any]) -> int:
    """Return the bytes of an item as DynamoDB counts them: names and values."""
    size = 0
    for name, value in item.items():
        [(kind, content)] = value.items()
        inner = _size_of(content) + 3 if kind == "M" else len(str(content).encode())
        size += len(name.encode()) + inner
    return size


@pytest.fixture(name="meter")
def _meter(services: Services, monkeypatch: pytest.MonkeyPatch) -> Metered:
    meter = Metered(services.stores.table.client)
    stores = stores_with_client(services.stores, meter)
    monkeypatch.setitem(services.__dict__, "stores", stores)
    return meter


@contextmanager
def _counted(meter: Metered) -> Iterator[Metered]:
    meter.written = meter.read = 0.0
    yield meter


@pytest.mark.parametrize("length", [100, 1_000])
def test_a_callback_costs_two_writes_at_most_and_a_repeat_one(
    deployment: Deployment, services: Services, meter: Metered, length: int
) -> None:
    url = "https://app.example.com/".ljust(length, "x")
    session = active_session(services, callback_url=url)
    told = play([{"from": FIRST, "gap": 0}], switches={}, settings={"record": True})
    seen = len(deployment.stream())
    costs: dict[str, tuple[float, float]] = {}

    for callback in told.callbacks:
        recording = callback.channel == "recording"
        path = path_of(services, session, "recordings" if recording else "events")
        handler = on_recording_event if recording else on_session_event
        request = signed_form(path, list(text_of(callback.attributes).items()))
        with _counted(meter):
            handler.lambda_handler(request, None)
            publish_changes.lambda_handler({"Records": deployment.stream(seen)}, None)
        seen += 1
        first = meter.written
        with _counted(meter):
            handler.lambda_handler(request, None)
        costs[callback.event] = (first, meter.written)

    print(costs)
    link = {"SessionRecordingCompleted": 1}
    for event, (first, repeat) in costs.items():
        assert first - link.get(event, 0) <= 2, event
        assert repeat <= 1, event


def test_a_new_callers_link_costs_one_write_more_and_only_once(
    deployment: Deployment, services: Services, meter: Metered
) -> None:
    session = active_session(services)
    path = path_of(services, session)
    costs = []
    seen = len(deployment.stream())

    for number in range(2):
        form = [
            ("EventName", "SessionFirstPartyHangup"),
            ("From", "12025550142"),
            ("SequenceNumber", str(number)),
        ]
        with _counted(meter):
            on_session_event.lambda_handler(signed_form(path, form), None)
            publish_changes.lambda_handler({"Records": deployment.stream(seen)}, None)
        seen = len(deployment.stream())
        costs.append(meter.written)

    assert costs == [2, 1]


def test_a_wrong_pin_costs_one_write_more_and_a_right_one_none(
    deployment: Deployment, services: Services, meter: Metered
) -> None:
    session = active_session(services)
    costs = {}

    for outcome in ("failed", "success"):
        seen = len(deployment.stream())
        form = [
            ("EventName", "SessionPinAuthenticationStatus"),
            ("PinAuthenticationStatus", outcome),
            ("From", FIRST),
        ]
        request = signed_form(path_of(services, session), form)
        with _counted(meter):
            on_session_event.lambda_handler(request, None)
            publish_changes.lambda_handler({"Records": deployment.stream(seen)}, None)
        costs[outcome] = meter.written

    assert costs == {"failed": 2, "success": 1}


def test_a_session_with_ten_events_is_read_for_two(
    services: Services, meter: Metered
) -> None:
    session = active_session(services)
    told = play(
        [{"from": FIRST, "gap": 0}, {"from": FIRST, "gap": 9}], switches={}, settings={}
    )
    for callback in told.callbacks[:10]:
        form = list(text_of(callback.attributes).items())
        request = signed_form(path_of(services, session), form)
        on_session_event.lambda_handler(request, None)
    event = api_event(f"/v1/sessions/{session.session_uuid}", method="GET")
    event["pathParameters"] = {"session_uuid": session.session_uuid}
    context = {"tenant_id": "acme", "scopes": "sessions:read"}
    event["requestContext"]["authorizer"] = {"lambda": context}

    with _counted(meter):
        answer = get_session.lambda_handler(event, None)

    print(f"{meter.read} read")
    assert answer["statusCode"] == 200
    assert meter.read <= 2
