"""What operations cost beside the table of budgets, which tests/proofs measures."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.get_session import app as get_session
from functions.on_recording_event import app as on_recording_event
from functions.on_session_event import app as on_session_event
from functions.publish_changes import app as publish_changes
from masking import wiring
from masking.core.problems import QuotaExceededError
from masking.domain import due_work, transitions
from masking.domain.due_work import Action, due_work_of
from masking.domain.sessions import Session
from masking.lifecycle.create_session import CreateSession
from masking.storage.stores import Stores
from masking.tenants import authorize, tenant_settings
from masking.tenants.tenant_settings import TenantSettings
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.creating import create
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.ended_sessions import ended, reconciler_of
from tests.support.raw_callbacks import (
    FIRST,
    active_session,
    api_event,
    path_of,
    signed_form,
)
from tests.support.recorded_calls import Drain, called, deliver
from tests.support.request_units import Meter
from tests.support.sessions_there import planted
from tests.support.simulated_calls import play, text_of
from tests.support.simulated_plivo import SimulatedPlivo
from tests.support.stores import stores_with_client
from tests.support.table_stream import TableStream


@pytest.fixture
def meter(deployment: Deployment) -> Meter:
    """Return the meter at the table of this process's services."""
    services = wiring.services()
    assert services.stores.table.name == deployment.table_name
    meter = Meter(services.stores.table.client)
    services.stores = stores_with_client(services.stores, meter)
    return meter


@pytest.fixture
def services(meter: Meter) -> Services:
    """Return the services of this process, which are metered."""
    assert meter.writes == []
    return wiring.services()


def test_a_sessions_links_cost_one_unit_each_and_its_listing_one_more(
    stores: Stores,
    meter: Meter,
    clock: Clock,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    stream = TableStream(aws, deployment)
    planted(stores, clock)
    records = stream.new()

    def publish() -> None:
        publish_changes.lambda_handler({"Records": records}, None)

    write, _ = meter.of(publish)
    again, _ = meter.of(publish)

    # Two parties, Plivo's UUID with its entry in the tenant's listing, and a virtual
    # number that no session has had before.
    assert write == 4 + 1
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
    stores: Stores,
    meter: Meter,
    flow: CreateSession,
    rules: dict[str, Any],
    more: tuple[float, float],
) -> None:
    if rules:
        tenant_settings.save(stores.tenants, "acme", TenantSettings(**rules))
    asking = replace(
        flow, settings_of=lambda t: tenant_settings.load(stores.tenants, t)
    )

    write, read = meter.of(lambda: create(asking))

    # Without settings 0.5 is what reading that there are none takes; 1 is what it
    # takes to know that neither party is a virtual number.
    assert (write, read) == (6 + more[0], 0.5 + 1 + more[1])


def test_a_flood_beyond_a_quota_costs_reads_alone(
    stores: Stores, meter: Meter, flow: CreateSession, clock: Clock
) -> None:
    assert stores.tenants.count_create("acme", clock(), 1)
    limited = replace(flow, settings_of=lambda _: TenantSettings(creates_per_minute=1))

    def refused() -> None:
        with pytest.raises(QuotaExceededError):
            create(limited)

    # The counter, and whether the key has a session.
    assert meter.of(refused) == (0, 0.5 + 1)


def test_one_too_many_that_was_reserved_costs_what_it_wrote(
    stores: Stores, meter: Meter, flow: CreateSession, clock: Clock
) -> None:
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

    # State, due work, request; the counter's write, which its condition refused; then
    # the state without its due work.
    assert meter.of(refused)[0] == 3 + 1 + 2


def test_authorizing_costs_a_read_and_a_write_every_ten_minutes(
    stores: Stores, meter: Meter, clock: Clock
) -> None:
    authorize.issue(stores, key="key", tenant_id="acme", scopes=["admin"])

    def authorize_once() -> None:
        caller = authorize.caller_of(stores, "Bearer key", clock())
        assert caller
        if authorize.is_use_due(caller, clock()):
            authorize.note_use(stores, caller, clock())

    assert meter.of(authorize_once) == (1, 1)
    assert meter.of(authorize_once) == (0, 1)


def test_reading_a_session_takes_one_unit(
    stores: Stores, meter: Meter, clock: Clock
) -> None:
    session = planted(stores, clock)

    assert meter.of(lambda: stores.sessions.load(session.session_uuid)) == (0, 1)


def test_a_state_stays_within_one_unit_with_everything_in_it(
    stores: Stores, meter: Meter, clock: Clock
) -> None:
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
    assert due_work.shard_of(session.session_uuid, Action.EXPIRE)


@pytest.mark.parametrize("length", [100, 1_000])
def test_a_callback_costs_two_writes_at_most_and_a_repeat_one(
    deployment: Deployment, services: Services, meter: Meter, length: int
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
        meter.reset()
        handler.lambda_handler(request, None)
        publish_changes.lambda_handler({"Records": deployment.stream(seen)}, None)
        seen += 1
        first = meter.written
        meter.reset()
        handler.lambda_handler(request, None)
        costs[callback.event] = (first, meter.written)

    print(costs)
    link = {"SessionRecordingCompleted": 1}
    for event, (first, repeat) in costs.items():
        assert first - link.get(event, 0) <= 2, event
        assert repeat <= 1, event


def test_a_new_callers_link_costs_one_write_more_and_only_once(
    deployment: Deployment, services: Services, meter: Meter
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
        meter.reset()
        on_session_event.lambda_handler(signed_form(path, form), None)
        publish_changes.lambda_handler({"Records": deployment.stream(seen)}, None)
        seen = len(deployment.stream())
        costs.append(meter.written)

    assert costs == [2, 1]


def test_a_wrong_pin_costs_one_write_more_and_a_right_one_none(
    deployment: Deployment, services: Services, meter: Meter
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
        meter.reset()
        on_session_event.lambda_handler(request, None)
        publish_changes.lambda_handler({"Records": deployment.stream(seen)}, None)
        costs[outcome] = meter.written

    assert costs == {"failed": 2, "success": 1}


def test_a_session_with_ten_events_is_read_for_two(
    services: Services, meter: Meter
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

    meter.reset()
    answer = get_session.lambda_handler(event, None)

    print(f"{meter.read} read")
    assert answer["statusCode"] == 200
    assert meter.read <= 2


@pytest.mark.parametrize("url_length", [100, 1000])
def test_a_recording_costs_two_writes_by_its_callback_and_three_after_it(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    stream: TableStream,
    deployment: Deployment,
    meter: Meter,
    url_length: int,
) -> None:
    called(plivo, recorded)
    file = plivo.recordings()[-1]
    url = file["url"] + "?" + "x" * max(0, url_length - len(file["url"]) - 1)
    attributes = {
        "EventName": "SessionRecordingCompleted",
        "EventTimestamp": "2026-03-01 12:00:27",
        "RecordingUUID": file["recording_id"],
        "RecordingURL": url,
        "RecordingFormat": ".wav",
        "RecordingDuration": "1",
        "RecordingStartTime": "2026-03-01 12:00:26",
        "RecordingEndTime": "2026-03-01 12:00:27",
        "SequenceNumber": "5",
    }
    stream.new()
    meter.reset()

    services.stores.callbacks.put(
        recorded.session_uuid,
        "0" * 64,
        kind="recordings",
        tenant_id="acme",
        attempt=1,
        attributes=attributes,
        received_at=clock(),
    )
    callback = meter.written
    records = stream.new()
    meter.reset()
    publish_changes.lambda_handler({"Records": records}, None)
    link, item = meter.writes
    [event] = [
        e for e in deployment.bus.events(1) if e["detail-type"] == "recording.announced"
    ]
    deliver(services, event)
    publish_changes.lambda_handler({"Records": stream.new()}, None)

    after = meter.written - link
    print(f"callback {callback + link}, after it {after} ({item} to announce)")
    if url_length == 100:
        assert callback + link == 2
        assert after == 3
    else:
        # Callback and item hold the URL until the file is stored, and rewriting an
        # item costs what it was before, too.
        assert callback + link == 3
        assert after == 6


@pytest.mark.parametrize("missing", [0, 1])
def test_settling_costs_four_writes_at_most_and_those_of_what_was_missing(
    services: Services,
    recorded: Session,
    plivo: SimulatedPlivo,
    clock: Clock,
    drain: Drain,
    meter: Meter,
    missing: int,
) -> None:
    for _ in range(missing):
        called(plivo, recorded)
    meter.reset()
    session = ended(services, recorded, clock)
    expire = meter.written
    due = due_work_of(session)
    assert due
    clock.at = due.at
    meter.reset()
    reconciler = reconciler_of(services, clock)

    outcomes = [reconciler.work_off(session.session_uuid)]
    settle = meter.written
    drain()
    clock.advance(minutes=10)
    meter.reset()
    outcomes.append(reconciler.work_off(session.session_uuid))
    settle += meter.written

    print(f"expire {expire}, settle {settle} with {missing} missing")
    assert outcomes == ["fetched", "settled"]
    assert expire <= 3
    assert settle <= 4 + 2 * missing
