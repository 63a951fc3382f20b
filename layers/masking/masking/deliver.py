"""Deliver events to apps: each once by its id, until it is taken or a day is over.

A message of the queue is one event for one app. It is put off by its visibility, so
that what waits costs nothing; how it stands is kept in the delivery's item. Messages
of a batch are worked on side by side, few of one endpoint at once.
"""

from __future__ import annotations

import http.client
import json
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from masking import deliveries, items, post, targets, telemetry, webhook_signing
from masking.deliveries import Delivery, Status
from masking.delivery_items import delivery_from, delivery_item
from masking.errors import TargetRefusedError
from masking.targets import Target

if TYPE_CHECKING:
    from masking.endpoints import Endpoints
    from masking.queue import Queue
    from masking.table import Table
    from masking.wiring import Clock

AT_ONCE = 10

# A message that comes this much before its time is on time.
EARLY = timedelta(seconds=1)

USER_AGENT = "Maskline"

Send = Callable[[Target, str, Mapping[str, str], bytes | None], int]
Message = Mapping[str, Any]

DONE = "done"


@dataclass(frozen=True)
class Deliverer:
    """What delivering takes.

    *allowed* is where apps may be (see `targets`); *secrets_of* gives a tenant's
    secrets, the newest first; *chance* gives numbers from 0 to 1.
    """

    table: Table
    queue: Queue
    dead_letters: Queue
    endpoints: Endpoints
    secrets_of: Callable[[str], Sequence[str]]
    allowed: str
    now: Clock
    send: Send = post.send
    vet: Callable[[str, str], Target] = targets.vet
    chance: Callable[[], float] = random.random

    def deliver_batch(self, messages: Sequence[Message]) -> list[str]:
        """Work on messages side by side; give the ids of those that come again."""
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            outcomes = list(pool.map(self._deliver_or_fail, messages))
        for outcome in outcomes:
            telemetry.count(f"Webhook{outcome.title()}")
        return [
            message["messageId"]
            for message, outcome in zip(messages, outcomes, strict=True)
            if outcome in (Status.WAITING, "failed")
        ]

    def _deliver_or_fail(self, message: Message) -> str:
        try:
            return self._deliver(message)
        except Exception as error:
            telemetry.logger().error(
                "delivery failed on our side",
                extra={
                    "error": type(error).__name__,
                    "message_id": message["messageId"],
                },
            )
            return "failed"

    def _deliver(self, message: Message) -> str:
        """Try to deliver; put the message off if it is to come again."""
        detail = json.loads(message["body"])["detail"]
        delivery = self._stand_of(detail, message)
        now = self.now()
        if delivery.status is not Status.WAITING:
            return DONE
        if delivery.next_at and now < delivery.next_at - EARLY:
            return self._put_off(message, delivery.next_at)
        session = self.table.load(delivery.session_uuid)
        url = session.settings.get(delivery.url_name) if session else None
        if session is None or not url:
            return self._close(delivery, "no_url", message)
        method = session.settings.get(delivery.url_name.replace("_url", "_method"))
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        endpoint = items.endpoint_key(delivery.tenant_id, origin)
        with self.endpoints.turn(endpoint):
            resting = self.endpoints.resting_until(endpoint)
            if resting:
                if self.now() > delivery.deadline:
                    return self._close(delivery, "endpoint_paused", message)
                spread = timedelta(seconds=10 * self.chance())
                return self._put_off(message, resting + spread)
            return self._attempt(
                delivery, detail, url, method or "POST", endpoint, message
            )

    def _attempt(
        self,
        delivery: Delivery,
        detail: Mapping[str, Any],
        url: str,
        method: str,
        endpoint: str,
        message: Message,
    ) -> str:
        status, error = self._request(delivery, detail, url, method)
        tried = deliveries.attempted(
            delivery, status=status, error=error, now=self.now(), chance=self.chance()
        )
        self._keep(tried)
        if tried.status is Status.DELIVERED:
            self.endpoints.succeeded(endpoint)
        elif tried.status is not Status.STOPPED:
            self.endpoints.failed(endpoint)
        if tried.status is Status.DEAD:
            self.dead_letters.send({"detail": detail})
        if tried.next_at:
            self._put_off(message, tried.next_at)
        telemetry.logger().info(
            "delivery attempted",
            extra={
                "session_uuid": tried.session_uuid,
                "event_id": tried.event_id,
                "outcome": tried.status.value,
                "attempts": tried.attempts,
                "answer": status,
                "error": error,
            },
        )
        return tried.status

    def _request(
        self, delivery: Delivery, detail: Mapping[str, Any], url: str, method: str
    ) -> tuple[int | None, str | None]:
        """Send the event; give the status that was answered, or what went wrong."""
        headers = {"user-agent": USER_AGENT}
        body: bytes | None = None
        if method == "GET":
            parts = urlsplit(url)
            query = "&".join(filter(None, (parts.query, deliveries.query_of(detail))))
            url = parts._replace(query=query, fragment="").geturl()
            payload = query.encode()
        else:
            body = payload = deliveries.payload_of(detail)
            headers["content-type"] = "application/json"
        headers |= webhook_signing.headers_for(
            delivery.event_id, payload, self.secrets_of(delivery.tenant_id), self.now()
        )
        try:
            target = self.vet(url, self.allowed)
            return self.send(target, method, headers, body), None
        except TargetRefusedError:
            return None, "target_refused"
        except TimeoutError:
            return None, "timeout"
        except (OSError, http.client.HTTPException) as error:
            return None, type(error).__name__

    def _stand_of(self, detail: Mapping[str, Any], message: Message) -> Delivery:
        """Read how the delivery stands; one without an item begins when it was sent."""
        item = self.table.delivery(detail["session_uuid"], detail["id"])
        if item:
            return delivery_from(item)
        sent = int(message["attributes"]["SentTimestamp"]) / 1000
        return deliveries.begin(detail, datetime.fromtimestamp(sent, UTC))

    def _close(self, delivery: Delivery, reason: str, message: Message) -> str:
        """Give a delivery up that needs no attempt to know that it fails."""
        late = reason == "endpoint_paused"
        status = Status.DEAD if late else Status.STOPPED
        self._keep(deliveries.closed(delivery, status, reason, self.now()))
        if late:
            self.dead_letters.send({"detail": json.loads(message["body"])["detail"]})
        return status

    def _keep(self, delivery: Delivery) -> None:
        self.table.put_delivery(
            delivery.session_uuid,
            delivery.event_id,
            delivery_item(delivery),
            delivery.first_at,
        )

    def _put_off(self, message: Message, until: datetime) -> str:
        seconds = (until - self.now()).total_seconds()
        whole = max(0, min(round(seconds), deliveries.LONGEST_PAUSE))
        self.queue.postpone(message["receiptHandle"], whole)
        return Status.WAITING
