"""A delivery ends at its deadline, and one that breaks its worker counts as failed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from masking.core import key_space
from masking.core.deadlines import Lookups
from masking.domain.deliveries import INTERRUPTED, Status
from masking.storage.deliveries import delivery_from
from masking.webhooks import ssrf_guard
from masking.wiring import Services
from proofs.http_listener import HttpListener, reply
from tests.support.clock import Clock
from tests.support.deliverer import Deliverer, event_for
from tests.support.slow_receivers import (
    DEADLINE,
    SOON,
    drip_handshake,
    hang,
    receiver,
)


class Killed(BaseException):
    """The end of a worker: nothing of ours runs after it."""


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock(datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.fixture(name="over")
def _over() -> Iterator[threading.Event]:
    over = threading.Event()
    yield over
    over.set()


def kill(*_: object) -> int:
    """Break the worker in the middle of an attempt."""
    raise Killed


def failures_of(services: Services, url: str) -> int:
    """Return how often an app's server has failed in a row."""
    origin = url.rpartition("/")[0]
    found = services.stores.endpoints.get(key_space.endpoint_key("acme", origin))
    return int(found["failures"]) if found else 0


def test_a_handshake_that_drips_is_a_failed_attempt_at_the_deadline(
    services: Services, clock: Clock
) -> None:
    with receiver(drip_handshake) as port:
        deliverer = Deliverer(services, clock, seconds=DEADLINE)
        detail = event_for(services, f"https://127.0.0.1:{port}/hooks")
        started = time.monotonic()

        again = deliverer.deliver(detail)

        assert time.monotonic() - started < SOON
    assert again == ["m-0"]
    assert deliverer.queue.put_off == [5]
    stands = deliverer.stands(detail)
    assert (stands.attempts, stands.last_error) == (1, "timeout")
    assert failures_of(services, f"https://127.0.0.1:{port}/hooks") == 1


def test_a_name_that_is_never_resolved_is_a_failed_attempt_at_the_deadline(
    services: Services, clock: Clock, over: threading.Event
) -> None:
    deliverer = Deliverer(
        services,
        clock,
        allowed=ssrf_guard.PUBLIC,
        lookups=Lookups(lambda *_: [str(over.wait(30))]),
        seconds=DEADLINE,
    )
    detail = event_for(services, "https://hooks.example.com/hooks")
    started = time.monotonic()

    again = deliverer.deliver(detail)

    assert time.monotonic() - started < SOON
    assert again == ["m-0"]
    stands = deliverer.stands(detail)
    assert (stands.attempts, stands.last_error) == (1, "timeout")
    assert failures_of(services, "https://hooks.example.com/hooks") == 1


def test_what_the_resolution_took_is_left_to_the_request_no_more(
    services: Services, clock: Clock
) -> None:
    left: list[float] = []

    def send(*arguments: Any) -> int:
        left.append(arguments[-1])
        return 204

    def resolve(*_: object) -> list[str]:
        time.sleep(DEADLINE / 2)
        return ["127.0.0.1"]

    deliverer = Deliverer(
        services, clock, send=send, lookups=Lookups(resolve), seconds=DEADLINE
    )

    deliverer.deliver(event_for(services, "http://hooks.example.com/hooks"))

    assert 0 < left[0] <= DEADLINE / 2


def test_an_attempt_that_breaks_the_worker_counts_when_it_comes_again(
    services: Services, clock: Clock
) -> None:
    url = "http://127.0.0.1:1/hooks"
    detail = event_for(services, url)

    for received in (1, 2):
        with pytest.raises(Killed):
            Deliverer(services, clock, send=kill).deliver(detail, received=received)
    deliverer = Deliverer(services, clock, send=kill)
    again = deliverer.deliver(detail, received=3)

    # Of the first nothing but the receipt was known, of the second that it began.
    assert again == ["m-0"]
    assert deliverer.queue.put_off == [5]
    stands = deliverer.stands(detail)
    assert (stands.attempts, stands.last_error) == (1, INTERRUPTED)
    assert stands.begun_at is None
    assert failures_of(services, url) == 2


def test_an_event_that_breaks_every_worker_is_backed_off_and_ends_after_a_day(
    services: Services, clock: Clock
) -> None:
    url = "http://127.0.0.1:1/hooks"
    endpoint = key_space.endpoint_key("acme", "http://127.0.0.1:1")
    detail = event_for(services, url)
    killed, received, begun = 0, 0, clock.at

    while True:
        received += 1
        deliverer = Deliverer(services, clock, send=kill)
        try:
            again = deliverer.deliver(detail, received=received)
        except Killed:
            killed += 1
            # The message is hidden for the queue's own time.
            clock.advance(seconds=90)
            continue
        if not again:
            break
        clock.advance(seconds=deliverer.queue.put_off[-1])
        # What the pause of a whole endpoint does is another test's.
        services.stores.endpoints.clear_failures(endpoint)

    assert deliverer.stands(detail).status is Status.DEAD
    assert [each["detail"]["id"] for each in deliverer.dead.sent] == [detail["id"]]
    assert killed < 15
    assert clock.at - begun > timedelta(hours=20)


def test_five_events_that_break_their_workers_pause_the_endpoint(
    services: Services, clock: Clock, wire: HttpListener
) -> None:
    details = [event_for(services, wire.url) for _ in range(6)]
    for detail in details[:5]:
        with pytest.raises(Killed):
            Deliverer(services, clock, send=kill).deliver(detail)
    clock.advance(seconds=90)
    wire.answers(reply(500))

    for detail in details[:5]:
        Deliverer(services, clock).deliver(detail, received=2)
    clock.advance(seconds=2)
    last = Deliverer(services, clock)
    last.deliver(details[5])

    assert len(wire.requests) < 5
    assert last.queue.put_off[0] >= 20


def test_a_first_receipt_costs_one_write_and_is_not_noted_before(
    services: Services, clock: Clock
) -> None:
    kept: list[Any] = []
    detail = event_for(services, "http://127.0.0.1:1/hooks")
    key = detail["session_uuid"], detail["id"]

    def send(*_: object) -> int:
        kept.append(services.stores.deliveries.get(*key))
        return 204

    Deliverer(services, clock, send=send).deliver(detail)

    assert kept == [None]
    item = services.stores.deliveries.get(*key)
    assert item
    assert delivery_from(item).status is Status.DELIVERED


def test_what_is_put_off_at_its_first_receipt_is_listed_and_no_failure(
    services: Services, clock: Clock, wire: HttpListener
) -> None:
    endpoint = key_space.endpoint_key("acme", wire.origin)
    services.stores.endpoints.count_failure(endpoint, clock())
    services.stores.endpoints.put_pause(endpoint, clock() + timedelta(seconds=30), 1)
    detail = event_for(services, wire.url)
    deliverer = Deliverer(services, clock)

    deliverer.deliver(detail)
    stands = deliverer.stands(detail)
    clock.advance(seconds=deliverer.queue.put_off[0] + 1)
    Deliverer(services, clock).deliver(detail, received=2)

    assert (stands.status, stands.attempts) == (Status.WAITING, 0)
    assert stands.next_at
    assert deliverer.stands(detail).status is Status.DELIVERED
    assert failures_of(services, wire.url) == 0


def test_a_worker_that_hangs_holds_its_batch_no_longer_than_the_deadline(
    services: Services, clock: Clock
) -> None:
    with receiver(hang) as port:
        deliverer = Deliverer(services, clock, seconds=DEADLINE)
        detail = event_for(services, f"http://127.0.0.1:{port}/hooks")
        started = time.monotonic()

        again = deliverer.deliver(detail, times=10)

        assert time.monotonic() - started < SOON
    assert len(again) == 10
