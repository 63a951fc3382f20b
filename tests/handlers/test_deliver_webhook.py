"""How an event is sent to an app, when again, and when no more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from masking.core import key_space
from masking.domain import deliveries, webhook_signing
from masking.domain.deliveries import Status
from masking.storage.deliveries import delivery_item
from masking.storage.table import MARK
from masking.tenants import webhook_secrets
from masking.webhooks import ssrf_guard
from masking.wiring import Services
from proofs.http_listener import HttpListener, reply
from stack.addresses import free_port
from stack.environments import ROOT
from tests.support.clock import Clock
from tests.support.deliverer import EVENT_ID, SECRET, Deliverer, detail_of, event_for
from tests.support.raw_callbacks import active_session


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock(datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.fixture(name="deliverer")
def _deliverer(services: Services, clock: Clock) -> Deliverer:
    return Deliverer(services, clock)


def test_a_webhook_is_verified_by_the_standard_library_of_the_specification(
    services: Services, deliverer: Deliverer, wire: HttpListener, clock: Clock
) -> None:
    clock.at = datetime.now(UTC)
    detail = event_for(services, wire.url)

    assert deliverer.deliver(detail) == []

    [taken] = wire.requests
    Webhook(SECRET).verify(taken.body, taken.headers)
    assert taken.headers["webhook-id"] == detail["id"] == taken.document["id"]
    assert taken.document["carrier_event"] == detail["carrier_event"]
    assert not {"tenant_id", "webhook"} & taken.document.keys()
    assert deliverer.stands(detail).status is Status.DELIVERED


def test_a_get_is_signed_over_its_raw_query(
    services: Services, deliverer: Deliverer, wire: HttpListener, clock: Clock
) -> None:
    clock.at = datetime.now(UTC)
    url = f"{wire.url}?shop=7"
    detail = event_for(services, url, callback_method="GET")

    deliverer.deliver(detail)

    [taken] = wire.requests
    query = taken.path.partition("?")[2]
    assert (taken.method, taken.body) == ("GET", b"")
    assert query.startswith("shop=7&")
    assert f"id={detail['id']}" in query
    # The library parses what it has verified, and a query is no JSON.
    with pytest.raises(json.JSONDecodeError):
        Webhook(SECRET).verify(query.encode(), taken.headers)


def test_two_secrets_sign_while_one_replaces_the_other(
    services: Services, clock: Clock, wire: HttpListener
) -> None:
    stores, key = services.stores, services.webhook_key
    [old] = services.webhook_secrets_of("acme")
    webhook_secrets.change_generations(stores, "acme", webhook_signing.rotated)
    clock.at = datetime.now(UTC)
    deliverer = Deliverer(
        services,
        clock,
        secrets_of=lambda t: webhook_secrets.webhook_secrets(stores, key, t),
    )

    deliverer.deliver(event_for(services, wire.url))
    webhook_secrets.change_generations(stores, "acme", webhook_signing.retired)

    [taken] = wire.requests
    [new] = webhook_secrets.webhook_secrets(stores, key, "acme")
    assert new != old
    for secret in (old, new):
        Webhook(secret).verify(taken.body, taken.headers)


def test_an_event_that_was_taken_is_not_sent_again(
    services: Services, deliverer: Deliverer, wire: HttpListener
) -> None:
    detail = event_for(services, wire.url)

    deliverer.deliver(detail)
    again = deliverer.deliver(detail)

    assert again == []
    assert len(wire.requests) == 1


@pytest.mark.parametrize("status", [301, 400, 404, 429, 500, 503])
def test_anything_but_2xx_comes_again_after_a_pause(
    services: Services, deliverer: Deliverer, wire: HttpListener, status: int
) -> None:
    wire.answers(reply(status, headers={"location": f"{wire.origin}/inside"}))
    detail = event_for(services, wire.url)

    again = deliverer.deliver(detail)

    assert again == ["m-0"]
    assert deliverer.queue.put_off == [5]
    stands = deliverer.stands(detail)
    assert (stands.status, stands.attempts) == (Status.WAITING, 1)
    assert stands.last_status == status
    # No redirect is followed.
    assert len(wire.requests) == 1


def test_gone_stops(
    services: Services, deliverer: Deliverer, wire: HttpListener
) -> None:
    wire.answers(reply(410))
    detail = event_for(services, wire.url)

    assert deliverer.deliver(detail) == []
    assert deliverer.stands(detail).status is Status.STOPPED
    assert deliverer.dead.sent == []


def test_an_event_is_tried_for_a_day_and_then_dead(
    services: Services, deliverer: Deliverer, wire: HttpListener, clock: Clock
) -> None:
    wire.answers(reply(500))
    detail = event_for(services, wire.url)
    pauses = []
    endpoint = key_space.endpoint_key("acme", wire.origin)

    while deliverer.deliver(detail):
        stands = deliverer.stands(detail)
        assert stands.next_at
        pauses.append((stands.next_at - clock.at).total_seconds())
        clock.at = stands.next_at
        # What the pause of a whole endpoint does is another test's.
        services.stores.endpoints.clear_failures(endpoint)

    assert pauses == sorted(pauses)
    assert max(pauses) <= 8 * 3600
    assert 20 * 3600 < sum(pauses) <= 24 * 3600
    assert deliverer.stands(detail).status is Status.DEAD
    assert [each["detail"]["id"] for each in deliverer.dead.sent] == [detail["id"]]
    assert deliverer.dead.sent[0]["redriven"]
    assert len(wire.requests) == len(pauses) + 1


def test_a_dead_letter_that_is_sent_back_begins_another_day(
    services: Services, deliverer: Deliverer, wire: HttpListener, clock: Clock
) -> None:
    wire.answers(reply(500), reply(204))
    detail = event_for(services, wire.url)
    deliverer.deliver(detail)
    stands = deliverer.stands(detail)
    dead = deliveries.closed(stands, Status.DEAD, "timeout", clock.at)
    key = (dead.session_uuid, dead.event_id)
    services.stores.deliveries.put(*key, delivery_item(dead), clock.at)
    clock.at += timedelta(days=3)

    assert deliverer.deliver(detail) == []
    assert len(wire.requests) == 1
    assert deliverer.deliver(detail, redriven=True) == []

    assert len(wire.requests) == 2
    assert deliverer.stands(detail).status is Status.DELIVERED


def test_an_endpoint_that_fails_five_times_in_a_row_is_left_alone(
    services: Services, deliverer: Deliverer, wire: HttpListener, clock: Clock
) -> None:
    wire.answers(reply(500))
    detail = event_for(services, wire.url)

    deliverer.deliver(detail, times=12)
    tried = len(wire.requests)
    clock.at += timedelta(seconds=8)
    deliverer.deliver(detail, times=12)

    assert tried <= 10
    assert len(wire.requests) == tried
    # Both the pause of the endpoint, and no message after it at once.
    assert all(pause >= 20 for pause in deliverer.queue.put_off[12:])


def test_four_failures_and_a_success_leave_an_endpoint_as_it_was(
    services: Services, deliverer: Deliverer, wire: HttpListener, clock: Clock
) -> None:
    wire.answers(*[reply(500)] * 4, reply(204), reply(500))
    details = [
        detail_of(event_for(services, wire.url)["session_uuid"]) for _ in range(9)
    ]

    for detail in details:
        deliverer.deliver(detail)
        clock.at += timedelta(seconds=2)

    assert len(wire.requests) == 9
    endpoint = key_space.endpoint_key("acme", wire.origin)
    found = services.stores.endpoints.get(endpoint)
    assert found
    del found[MARK]
    assert found == {
        "pk": endpoint,
        "sk": "PAUSE",
        "failures": 4,
        "purge_at": pytest.approx(clock.at.timestamp() + 7 * 86_400, abs=30),
    }


def test_no_more_than_five_requests_go_to_one_endpoint_at_once(
    services: Services, clock: Clock
) -> None:
    busy: list[int] = []
    most: list[int] = []

    def slow(*_: Any) -> int:
        busy.append(1)
        most.append(len(busy))
        time.sleep(0.02)
        busy.pop()
        return 204

    deliverer = Deliverer(services, clock, send=slow)

    deliverer.deliver(event_for(services, "http://127.0.0.1:1/hooks"), times=10)

    assert len(most) == 10
    assert max(most) <= 5


def test_a_session_without_a_url_by_now_stops_its_webhooks(
    services: Services, deliverer: Deliverer
) -> None:
    session = active_session(services)

    assert deliverer.deliver(detail_of(session.session_uuid)) == []
    assert deliverer.stands(detail_of(session.session_uuid)).last_error == "no_url"


def test_an_event_is_not_sent_inside_and_says_why(
    services: Services, clock: Clock, wire: HttpListener
) -> None:
    deliverer = Deliverer(services, clock, allowed=ssrf_guard.PUBLIC)
    detail = event_for(services, wire.url)

    deliverer.deliver(detail)

    assert wire.requests == []
    assert deliverer.stands(detail).last_error == "target_refused"


def test_the_example_in_the_docs_takes_what_is_signed_and_nothing_else(
    services: Services, clock: Clock
) -> None:
    port = free_port()
    example = subprocess.Popen(
        [sys.executable, str(ROOT / "examples" / "receive_webhook.py")],
        env={**os.environ, "WEBHOOK_SECRET": SECRET, "PORT": str(port)},
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_port(port)
        clock.at = datetime.now(UTC)
        detail = event_for(services, f"http://127.0.0.1:{port}/hooks")
        deliverer = Deliverer(services, clock)
        stranger = Deliverer(services, clock, secrets_of=lambda _: ["whsec_eHh4"])

        stranger.deliver({**detail, "id": EVENT_ID.replace("1", "2")})
        deliverer.deliver(detail)

        assert deliverer.stands(detail).last_status == 204
        refused = deliverer.stands({**detail, "id": EVENT_ID.replace("1", "2")})
        assert refused.last_status == 401
    finally:
        example.terminate()
        example.wait(5)


def _await_port(port: int) -> None:
    deadline = time.monotonic() + 15
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
