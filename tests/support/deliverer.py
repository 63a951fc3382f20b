"""The use case that delivers webhooks, with queues that remember."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from masking.domain import deliveries
from masking.storage.deliveries import delivery_from
from masking.webhooks import ssrf_guard
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.raw_callbacks import active_session

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
EVENT_ID = "11111111-2222-5333-8444-555555555555"
LOOPBACK = ssrf_guard.PUBLIC_AND_LOOPBACK


class Puts:
    """A queue that only remembers what was put off or sent."""

    def __init__(self) -> None:
        self.put_off: list[int] = []
        self.sent: list[Any] = []

    def postpone_all(self, seconds: dict[str, int]) -> None:
        """Note for how long messages are put off."""
        self.put_off += seconds.values()

    def send(self, message: Any) -> None:
        """Note a message."""
        self.sent.append(message)


class Deliverer:
    """Deliver messages as the function does; *parts* replace parts of the use case."""

    def __init__(self, services: Services, clock: Clock, **parts: Any) -> None:
        self.stores, self.clock = services.stores, clock
        self.queue, self.dead = Puts(), Puts()
        self.deliver_webhook = replace(
            at(services, clock).deliver_webhook,
            queue=self.queue,  # type: ignore[arg-type]
            dead_letters=self.dead,  # type: ignore[arg-type]
            chance=lambda: 0.5,
            **{"secrets_of": lambda _: [SECRET], "allowed": LOOPBACK, **parts},
        )

    def deliver(
        self,
        detail: dict[str, Any],
        times: int = 1,
        *,
        redriven: bool = False,
        received: int = 1,
    ) -> list[str]:
        """Hand over one batch of *times* messages of an event.

        Each is received for the *received*-th time.
        """
        more = {"redriven": True} if redriven else {}
        messages = [
            {
                "messageId": f"m-{n}",
                "receiptHandle": f"r-{n}",
                "body": json.dumps({"detail": {**detail, **_numbered(n)}, **more}),
                "attributes": {
                    "SentTimestamp": str(int(self.clock().timestamp() * 1000)),
                    "ApproximateReceiveCount": str(received),
                },
            }
            for n in range(times)
        ]
        return self.deliver_webhook.deliver_batch(messages)

    def stands(self, detail: dict[str, Any]) -> deliveries.Delivery:
        """Return the state of an event's delivery."""
        item = self.stores.deliveries.get(deliveries.owner_of(detail), detail["id"])
        assert item
        return delivery_from(item)


def _numbered(n: int) -> dict[str, str]:
    return {"id": f"{n:08x}-2222-5333-8444-555555555555"} if n else {}


def detail_of(session_uuid: str, **more: Any) -> dict[str, Any]:
    """Return the detail of an event of a session."""
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


def event_for(services: Services, url: str, **asked: Any) -> dict[str, Any]:
    """Return an event of a new session, whose webhooks go to *url*."""
    session = active_session(services, callback_url=url, **asked)
    return detail_of(session.session_uuid)
