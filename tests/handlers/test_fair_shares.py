"""A tenant whose receivers are slow keeps nobody else waiting."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from masking.core import key_space
from masking.core.deadlines import Lookups
from masking.domain import deliveries
from masking.domain.deliveries import Status
from masking.webhooks import shares
from masking.wiring import Services
from proofs.http_listener import HttpListener
from proofs.runner import wait_for
from tests.support.clock import Clock
from tests.support.deliverer import Deliverer, event_for
from tests.support.slow_receivers import DEADLINE, hang, receiver
from tests.support.workers import Workers

# Seconds of an attempt; one that takes two fifths of it is slow.
SECONDS = 1.0

# Each of these has an endpoint of its own, so that none is paused for its failures.
# Without shares they would keep all workers for ten seconds.
HOSTS = 25
OF_EACH = 10
WITHOUT_SHARES = 10 * SECONDS

SOUND = 12


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock(datetime(2026, 3, 1, 12, tzinfo=UTC))


def of_tenant(detail: dict[str, Any], tenant_id: str) -> dict[str, Any]:
    """Return an event like this one, with an id of its own, of a tenant."""
    return {**detail, "id": str(uuid.uuid4()), "tenant_id": tenant_id}


def test_hundreds_of_events_to_receivers_that_hang_do_not_delay_another_tenant(
    services: Services, wire: HttpListener
) -> None:
    over = threading.Event()
    lookups = Lookups(lambda *_: ["127.0.0.1"])
    workers = Workers(services, {"seconds": SECONDS, "lookups": lookups})
    sound = event_for(services, wire.url)
    with receiver(hang) as port:
        for host in range(HOSTS):
            url = f"http://h{host}.hostile.example.com:{port}/hooks"
            hostile = event_for(services, url)
            for _ in range(OF_EACH):
                workers.send(of_tenant(hostile, "hostile"))
        threads = workers.start(over)
        try:
            delays = [_delay_of(sound, workers, wire) for _ in range(SOUND)]
        finally:
            over.set()
            for thread in threads:
                thread.join(30)

    assert workers.failures == []
    # The first wave of the hostile ones has all workers, once.
    assert delays[0] < WITHOUT_SHARES / 2
    assert max(delays[1:]) < 2 * SECONDS
    # None of them was dropped for it.
    assert len(workers.waiting) == HOSTS * OF_EACH


def _delay_of(sound: dict[str, Any], workers: Workers, wire: HttpListener) -> float:
    """Send an event; return how many seconds it took until it was received."""
    seen = len(wire.requests)
    sent = time.monotonic()
    workers.send(of_tenant(sound, "sound"))
    wait_for(
        "a sound event to be delivered",
        lambda: len(wire.requests) > seen,
        60,
        pause=0.01,
    )
    return time.monotonic() - sent


class Worker(Deliverer):
    """A worker with a memory of its own, whose attempts take what the test says."""

    def __init__(self, services: Services, clock: Clock, took: float = 0.0) -> None:
        ticks = iter([0.0, took] * 1_000)
        super().__init__(
            services, clock, send=lambda *_: 204, timer=lambda: next(ticks)
        )


def slow_tenant(services: Services, clock: Clock, tenant_id: str) -> dict[str, Any]:
    """Let a tenant have a slow delivery; return another event of it."""
    detail = of_tenant(event_for(services, "http://127.0.0.1:1/hooks"), tenant_id)
    Worker(services, clock, took=deliveries.SECONDS / 2).deliver(detail)
    return of_tenant(detail, tenant_id)


def test_of_a_slow_tenant_one_worker_at_a_time_delivers(
    services: Services, clock: Clock
) -> None:
    detail = slow_tenant(services, clock, "slow-1")
    second = Worker(services, clock)
    lane = shares.lane_of("slow-1", clock())
    endpoints = services.stores.endpoints
    assert endpoints.take_lane(lane, "other", clock(), clock() + shares.LEASE)

    again = second.deliver(detail)
    stands = second.stands(detail)
    endpoints.leave_lane(lane, "other", clock())
    clock.advance(seconds=second.queue.put_off[0])
    second.deliver(detail, received=2)

    assert again == ["m-0"]
    assert 2 <= second.queue.put_off[0] <= 6
    assert (stands.status, stands.attempts) == (Status.WAITING, 0)
    assert second.stands(detail).status is Status.DELIVERED


def test_a_lane_whose_worker_died_is_free_after_the_functions_time(
    services: Services, clock: Clock
) -> None:
    detail = slow_tenant(services, clock, "slow-2")
    lane = shares.lane_of("slow-2", clock())
    endpoints = services.stores.endpoints
    assert endpoints.take_lane(lane, "died", clock(), clock() + shares.LEASE)

    clock.advance(seconds=16)
    worker = Worker(services, clock)

    assert worker.deliver(detail) == []
    assert worker.stands(detail).status is Status.DELIVERED


def test_a_batch_leaves_its_lane_behind_free(services: Services, clock: Clock) -> None:
    detail = slow_tenant(services, clock, "slow-3")
    Worker(services, clock).deliver(detail)

    lane = shares.lane_of("slow-3", clock())
    assert services.stores.endpoints.take_lane(lane, "next", clock(), clock())


def test_a_receiver_that_has_just_answered_quickly_needs_no_lane(
    services: Services, clock: Clock
) -> None:
    worker = Worker(services, clock)
    detail = of_tenant(event_for(services, "http://127.0.0.1:2/hooks"), "slow-4")
    worker.deliver(detail)
    slow_tenant(services, clock, "slow-4")
    clock.advance(seconds=2)
    lane = shares.lane_of("slow-4", clock())
    endpoints = services.stores.endpoints
    assert endpoints.take_lane(lane, "other", clock(), clock() + shares.LEASE)

    assert worker.deliver(of_tenant(detail, "slow-4")) == []


def test_a_tenant_is_slow_for_minutes_and_not_for_good(
    services: Services, clock: Clock
) -> None:
    detail = slow_tenant(services, clock, "slow-5")
    clock.advance(minutes=6)
    lane = shares.lane_of("slow-5", clock())
    endpoints = services.stores.endpoints
    assert endpoints.take_lane(lane, "other", clock(), clock() + shares.LEASE)

    assert Worker(services, clock).deliver(detail) == []


def test_a_quick_tenant_is_noted_nowhere(services: Services, clock: Clock) -> None:
    detail = of_tenant(event_for(services, "http://127.0.0.1:3/hooks"), "quick")

    Worker(services, clock).deliver(detail)

    assert services.stores.endpoints.slow_until("quick") is None
    endpoint = key_space.endpoint_key("quick", "http://127.0.0.1:3")
    assert services.stores.endpoints.get(endpoint) is None


def test_a_tenant_that_breaks_a_worker_is_slow(
    services: Services, clock: Clock
) -> None:
    detail = of_tenant(event_for(services, "http://127.0.0.1:4/hooks"), "killer")

    Worker(services, clock).deliver(detail, received=2)

    assert services.stores.endpoints.slow_until("killer")


def test_a_receiver_that_really_hangs_makes_its_tenant_slow(
    services: Services, clock: Clock
) -> None:
    with receiver(hang) as port:
        detail = event_for(services, f"http://127.0.0.1:{port}/hooks")
        detail = of_tenant(detail, "hanging")
        Deliverer(services, clock, seconds=DEADLINE).deliver(detail)

    assert services.stores.endpoints.slow_until("hanging")


def test_slow_tenants_share_fewer_lanes_than_there_are_workers_and_none_for_long() -> (
    None
):
    at = datetime(2026, 3, 1, tzinfo=UTC)
    lanes = [
        {shares.lane_of(f"tenant-{n}", at + timedelta(hours=h)) for h in range(48)}
        for n in range(20)
    ]

    assert all(each == set(range(shares.LANES)) for each in lanes)
    assert shares.LANES < 5


@pytest.mark.parametrize(("received", "most"), [(1, 6), (10, 60), (5_000, 450)])
def test_a_slow_delivery_waits_longer_the_more_often_it_came(
    received: int, most: int
) -> None:
    waits = [deliveries.wait_for_lane(received, chance) for chance in (0, 1)]

    assert waits[1].total_seconds() == most
    assert waits[0] == waits[1] / 3
