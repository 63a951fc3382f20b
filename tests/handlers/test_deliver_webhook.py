"""How an event is sent to an app, when again, and when no more."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from masking.core import key_space
from masking.core.errors import TargetRefusedError
from masking.core.problems import DeliveryNotFoundError
from masking.domain import deliveries, webhook_signing
from masking.domain.deliveries import Status
from masking.storage.deliveries import delivery_from, delivery_item
from masking.storage.stores import Stores
from masking.tenants import webhook_secrets
from masking.webhooks import deliver_webhook, http_post, ssrf_guard
from masking.webhooks.endpoints import Endpoints
from masking.wiring import Services
from proofs.http_listener import HttpListener, reply
from stack.environments import ROOT
from tests.support.clock import at
from tests.support.embedded_aws import Deployment
from tests.support.raw_callbacks import active_session

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
EVENT_ID = "11111111-2222-5333-8444-555555555555"
LOOPBACK = ssrf_guard.PUBLIC_AND_LOOPBACK


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


class Puts:
    """A queue that only remembers what was put off or sent."""

    def __init__(self) -> None:
        self.put_off: list[int] = []
        self.sent: list[Any] = []

    def postpone_all(self, seconds: dict[str, int]) -> None:
        self.put_off += seconds.values()

    def send(self, message: Any) -> None:
        self.sent.append(message)


@pytest.fixture(name="sink")
def _sink() -> Iterator[HttpListener]:
    with HttpListener() as sink:
        yield sink


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


class Desk:
    """A deliverer, and all that it touches."""

    def __init__(self, stores: Stores, clock: Clock, **more: Any) -> None:
        self.stores, self.clock = stores, clock
        self.queue, self.dead = Puts(), Puts()
        self.deliverer = deliver_webhook.DeliverWebhook(
            stores,
            self.queue,  # type: ignore[arg-type]
            self.dead,  # type: ignore[arg-type]
            Endpoints(stores, clock),
            more.pop("secrets_of", lambda _: [SECRET]),
            more.pop("allowed", LOOPBACK),
            clock,
            chance=lambda: 0.5,
            **more,
        )

    def deliver(
        self, detail: dict[str, Any], times: int = 1, *, redriven: bool = False
    ) -> list[str]:
        """Hand over one batch of *times* messages of an event."""
        more = {"redriven": True} if redriven else {}
        messages = [
            {
                "messageId": f"m-{n}",
                "receiptHandle": f"r-{n}",
                "body": json.dumps({"detail": {**detail, **_numbered(n)}, **more}),
                "attributes": {
                    "SentTimestamp": str(int(self.clock().timestamp() * 1000))
                },
            }
            for n in range(times)
        ]
        return self.deliverer.deliver_batch(messages)

    def stands(self, detail: dict[str, Any]) -> deliveries.Delivery:
        """Read how the delivery stands."""
        item = self.stores.deliveries.get(detail["session_uuid"], detail["id"])
        assert item
        return delivery_from(item)


def _numbered(n: int) -> dict[str, str]:
    return {"id": f"{n:08x}-2222-5333-8444-555555555555"} if n else {}


@pytest.fixture(name="desk")
def _desk(services: Services, clock: Clock) -> Desk:
    return Desk(services.stores, clock)


def _detail(session_uuid: str, **more: Any) -> dict[str, Any]:
    return {
        "id": EVENT_ID,
        "type": "call.started",
        "occurred_at": "2026-03-01T12:00:00Z",
        "session_uuid": session_uuid,
        "tenant_id": "acme",
        "version": 2,
        "labels": {"order_id": "A-77"},
        "carrier_event": {"EventName": "SessionFirstPartyAnswer"},
        "webhook": "callback_url",
        **more,
    }


def _event_for(services: Services, url: str, **asked: Any) -> dict[str, Any]:
    session = active_session(services, callback_url=url, **asked)
    return _detail(session.session_uuid)


def test_a_webhook_is_verified_by_the_standard_library_of_the_specification(
    services: Services, desk: Desk, sink: HttpListener, clock: Clock
) -> None:
    clock.at = datetime.now(UTC)
    detail = _event_for(services, sink.url)

    assert desk.deliver(detail) == []

    [taken] = sink.requests
    Webhook(SECRET).verify(taken.body, taken.headers)
    assert taken.headers["webhook-id"] == detail["id"] == taken.document["id"]
    assert taken.document["carrier_event"] == detail["carrier_event"]
    assert not {"tenant_id", "webhook"} & taken.document.keys()
    assert desk.stands(detail).status is Status.DELIVERED


def test_a_get_is_signed_over_its_raw_query(
    services: Services, desk: Desk, sink: HttpListener, clock: Clock
) -> None:
    clock.at = datetime.now(UTC)
    url = f"{sink.url}?shop=7"
    detail = _event_for(services, url, callback_method="GET")

    desk.deliver(detail)

    [taken] = sink.requests
    query = taken.path.partition("?")[2]
    assert (taken.method, taken.body) == ("GET", b"")
    assert query.startswith("shop=7&")
    assert f"id={detail['id']}" in query
    # The library parses what it has verified, and a query is no JSON.
    with pytest.raises(json.JSONDecodeError):
        Webhook(SECRET).verify(query.encode(), taken.headers)


def test_two_secrets_sign_while_one_replaces_the_other(
    services: Services, clock: Clock, sink: HttpListener
) -> None:
    stores, key = services.stores, services.webhook_key
    [old] = services.webhook_secrets_of("acme")
    webhook_secrets.change_generations(stores, "acme", webhook_signing.rotated)
    clock.at = datetime.now(UTC)
    desk = Desk(
        stores,
        clock,
        secrets_of=lambda t: webhook_secrets.webhook_secrets(stores, key, t),
    )

    desk.deliver(_event_for(services, sink.url))
    webhook_secrets.change_generations(stores, "acme", webhook_signing.retired)

    [taken] = sink.requests
    [new] = webhook_secrets.webhook_secrets(stores, key, "acme")
    assert new != old
    for secret in (old, new):
        Webhook(secret).verify(taken.body, taken.headers)


def test_an_event_that_was_taken_is_not_sent_again(
    services: Services, desk: Desk, sink: HttpListener
) -> None:
    detail = _event_for(services, sink.url)

    desk.deliver(detail)
    again = desk.deliver(detail)

    assert again == []
    assert len(sink.requests) == 1


@pytest.mark.parametrize("status", [301, 400, 404, 429, 500, 503])
def test_anything_but_2xx_comes_again_after_a_pause(
    services: Services, desk: Desk, sink: HttpListener, status: int
) -> None:
    sink.answers(reply(status, headers={"location": f"{sink.origin}/inside"}))
    detail = _event_for(services, sink.url)

    again = desk.deliver(detail)

    assert again == ["m-0"]
    assert desk.queue.put_off == [5]
    stands = desk.stands(detail)
    assert (stands.status, stands.attempts) == (Status.WAITING, 1)
    assert stands.last_status == status
    # No redirect is followed.
    assert len(sink.requests) == 1


def test_gone_stops(services: Services, desk: Desk, sink: HttpListener) -> None:
    sink.answers(reply(410))
    detail = _event_for(services, sink.url)

    assert desk.deliver(detail) == []
    assert desk.stands(detail).status is Status.STOPPED
    assert desk.dead.sent == []


def test_an_event_is_tried_for_a_day_and_then_dead(
    services: Services, desk: Desk, sink: HttpListener, clock: Clock
) -> None:
    sink.answers(reply(500))
    detail = _event_for(services, sink.url)
    pauses = []
    endpoint = key_space.endpoint_key("acme", sink.origin)

    while desk.deliver(detail):
        stands = desk.stands(detail)
        assert stands.next_at
        pauses.append((stands.next_at - clock.at).total_seconds())
        clock.at = stands.next_at
        # What the pause of a whole endpoint does is another test's.
        services.stores.endpoints.clear_failures(endpoint)

    assert pauses == sorted(pauses)
    assert max(pauses) <= 8 * 3600
    assert 20 * 3600 < sum(pauses) <= 24 * 3600
    assert desk.stands(detail).status is Status.DEAD
    assert [each["detail"]["id"] for each in desk.dead.sent] == [detail["id"]]
    assert desk.dead.sent[0]["redriven"]
    assert len(sink.requests) == len(pauses) + 1


def test_a_dead_letter_that_is_sent_back_begins_another_day(
    services: Services, desk: Desk, sink: HttpListener, clock: Clock
) -> None:
    sink.answers(reply(500), reply(204))
    detail = _event_for(services, sink.url)
    desk.deliver(detail)
    stands = desk.stands(detail)
    dead = deliveries.closed(stands, Status.DEAD, "timeout", clock.at)
    key = (dead.session_uuid, dead.event_id)
    services.stores.deliveries.put(*key, delivery_item(dead), clock.at)
    clock.at += timedelta(days=3)

    assert desk.deliver(detail) == []
    assert len(sink.requests) == 1
    assert desk.deliver(detail, redriven=True) == []

    assert len(sink.requests) == 2
    assert desk.stands(detail).status is Status.DELIVERED


def test_pauses_are_spread_by_chance() -> None:
    spread = [deliveries.pause_after(4, chance) for chance in (0, 0.5, 1)]

    assert spread == [480, 600, 720]


def test_an_endpoint_that_fails_five_times_in_a_row_is_left_alone(
    services: Services, desk: Desk, sink: HttpListener, clock: Clock
) -> None:
    sink.answers(reply(500))
    detail = _event_for(services, sink.url)

    desk.deliver(detail, times=12)
    tried = len(sink.requests)
    clock.at += timedelta(seconds=8)
    desk.deliver(detail, times=12)

    assert tried <= 10
    assert len(sink.requests) == tried
    # Both the pause of the endpoint, and no message after it at once.
    assert all(pause >= 20 for pause in desk.queue.put_off[12:])


def test_four_failures_and_a_success_leave_an_endpoint_as_it_was(
    services: Services, desk: Desk, sink: HttpListener, clock: Clock
) -> None:
    sink.answers(*[reply(500)] * 4, reply(204), reply(500))
    details = [
        _detail(_event_for(services, sink.url)["session_uuid"]) for _ in range(9)
    ]

    for detail in details:
        desk.deliver(detail)
        clock.at += timedelta(seconds=2)

    assert len(sink.requests) == 9
    endpoint = key_space.endpoint_key("acme", sink.origin)
    assert services.stores.endpoints.get(endpoint) == {
        "pk": endpoint,
        "sk": "PAUSE",
        "failures": 4,
        "purge_at": pytest.approx(clock.at.timestamp() + 7 * 86_400, abs=30),
    }


def test_no_more_than_five_requests_go_to_one_endpoint_at_once(
    services: Services, desk: Desk
) -> None:
    busy: list[int] = []
    most: list[int] = []

    def slow(*_: Any) -> int:
        busy.append(1)
        most.append(len(busy))
        time.sleep(0.02)
        busy.pop()
        return 204

    object.__setattr__(desk.deliverer, "send", slow)

    desk.deliver(_event_for(services, "http://127.0.0.1:1/hooks"), times=10)

    assert len(most) == 10
    assert max(most) <= 5


def test_a_session_without_a_url_by_now_stops_its_webhooks(
    services: Services, desk: Desk
) -> None:
    session = active_session(services)

    assert desk.deliver(_detail(session.session_uuid)) == []
    assert desk.stands(_detail(session.session_uuid)).last_error == "no_url"


def test_a_server_that_drips_is_cut_off_after_the_time_out() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                for _ in range(200):
                    try:
                        connection.sendall(b"H")
                    except OSError:
                        return
                    time.sleep(0.05)

        import threading

        dripping = threading.Thread(target=drip)
        dripping.start()
        target = ssrf_guard.vet(f"http://127.0.0.1:{port}/", LOOPBACK)
        started = time.monotonic()

        with pytest.raises((TimeoutError, OSError)):
            http_post.send(target, "POST", {}, b"{}", seconds=0.5)

        assert time.monotonic() - started < 5
        dripping.join(15)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "0.0.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1"),
        *("::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:db8::1"),
    ],
)
def test_no_url_reaches_inside(address: str) -> None:
    for addresses in ([address], ["8.8.8.8", address]):
        with pytest.raises(TargetRefusedError):
            ssrf_guard.vet(
                "https://app.example.com/x",
                resolve=lambda *_, found=addresses: found,
            )


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111"])
def test_public_addresses_are_pinned(address: str) -> None:
    target = ssrf_guard.vet(
        "https://app.example.com/x?a=1", resolve=lambda *_: [address]
    )

    assert (target.address, target.host, target.port) == (
        address,
        "app.example.com",
        443,
    )


@pytest.mark.parametrize(
    "url",
    [
        "ftp://app.example.com/",
        "https:///x",
        "https://user@app.example.com/",
        "https://app.example.com:99999/",
        "http://[::1/",
    ],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(TargetRefusedError):
        ssrf_guard.vet(url, resolve=lambda *_: ["8.8.8.8"])


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "localhost", "[::1]"]
)
def test_loopback_in_any_spelling_is_allowed_by_the_setting_alone(host: str) -> None:
    url = f"http://{host}:8080/"
    try:
        assert ssrf_guard.vet(url, LOOPBACK).host
    except OSError:
        pytest.skip(f"this machine does not resolve {host}")
    with pytest.raises(TargetRefusedError):
        ssrf_guard.vet(url)


def test_an_event_is_not_sent_inside_and_says_why(
    services: Services, clock: Clock, sink: HttpListener
) -> None:
    desk = Desk(services.stores, clock, allowed=ssrf_guard.PUBLIC)
    detail = _event_for(services, sink.url)

    desk.deliver(detail)

    assert sink.requests == []
    assert desk.stands(detail).last_error == "target_refused"


def test_a_replay_sends_the_event_again_under_its_id(
    services: Services,
    desk: Desk,
    sink: HttpListener,
    deployment: Deployment,
    clock: Clock,
) -> None:
    detail = _event_for(services, sink.url)
    desk.deliver(detail)
    name = desk.stands(detail).delivery_id
    replaying = at(services, clock).replay_delivery

    replaying.replay(name, tenant_id="acme")

    [message] = deployment.taken(deployment.environment["WEBHOOK_QUEUE_URL"])
    again = message["detail"]
    assert {**again, "carrier_event": detail["carrier_event"]} == detail
    desk.deliver(again)
    assert [each.headers["webhook-id"] for each in sink.requests] == [detail["id"]] * 2
    for other in ("nonsense", name[:-1], name, ""):
        with pytest.raises(DeliveryNotFoundError):
            replaying.replay(other, tenant_id="another")


def test_the_example_in_the_docs_takes_what_is_signed_and_nothing_else(
    services: Services, clock: Clock
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    example = subprocess.Popen(
        [sys.executable, str(ROOT / "examples" / "receive_webhook.py")],
        env={**os.environ, "WEBHOOK_SECRET": SECRET, "PORT": str(port)},
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_port(port)
        clock.at = datetime.now(UTC)
        detail = _event_for(services, f"http://127.0.0.1:{port}/hooks")
        desk = Desk(services.stores, clock)
        stranger = Desk(services.stores, clock, secrets_of=lambda _: ["whsec_eHh4"])

        stranger.deliver({**detail, "id": EVENT_ID.replace("1", "2")})
        desk.deliver(detail)

        assert desk.stands(detail).last_status == 204
        refused = desk.stands({**detail, "id": EVENT_ID.replace("1", "2")})
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
