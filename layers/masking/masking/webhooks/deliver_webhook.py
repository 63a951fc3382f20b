"""Deliver events to apps: each once by its id, until it is taken or a day is over.

A message of the queue is one event for one app. It is postponed by its visibility, so
that waiting costs nothing; its state is kept in the delivery's item. Messages
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

from masking.core import key_space, telemetry
from masking.core.errors import TargetRefusedError
from masking.domain import deliveries, webhook_signing
from masking.domain.deliveries import Delivery, Status
from masking.storage import session_items
from masking.storage.deliveries import delivery_from, delivery_item
from masking.webhooks import http_post, ssrf_guard
from masking.webhooks.ssrf_guard import Target

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.storage.queues import Queue
    from masking.storage.stores import Stores
    from masking.webhooks.endpoints import Endpoints


AT_ONCE = 10

# A message that comes this early is on time.
EARLY = timedelta(seconds=1)

# How long attempts of a batch may begin: the last must end before the function.
BEGIN_WITHIN = timedelta(seconds=6)

USER_AGENT = "Maskline"

Send = Callable[[Target, str, Mapping[str, str], bytes | None], int]
Message = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a message: a word to count, and until when it is postponed."""

    word: str
    until: datetime | None = None


DONE = Outcome("done")
FAILED = Outcome("failed")


@dataclass(frozen=True)
class DeliverWebhook:
    """Delivers events.

    *allowed* is where apps may be (see `ssrf_guard`); *secrets_of* returns a tenant's
    secrets, newest first; *chance* returns numbers from 0 to 1.
    """

    stores: Stores
    queue: Queue
    dead_letters: Queue
    endpoints: Endpoints
    secrets_of: Callable[[str], Sequence[str]]
    allowed: str
    now: Clock
    send: Send = http_post.send
    vet: Callable[[str, str], Target] = ssrf_guard.vet
    chance: Callable[[], float] = random.random

    def deliver_batch(self, messages: Sequence[Message]) -> list[str]:
        """Work on messages side by side; return the ids of those that come again."""
        details = [json.loads(message["body"])["detail"] for message in messages]
        known = self.stores.table.get_all(_keys_of(details))
        stop = self.now() + BEGIN_WITHIN

        def work(message: Message, detail: Mapping[str, Any]) -> Outcome:
            try:
                return self._deliver(message, detail, known, stop)
            except Exception as error:
                telemetry.logger().error(
                    "delivery failed on our side",
                    extra={
                        "error": type(error).__name__,
                        "message_id": message["messageId"],
                    },
                )
                return FAILED

        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            outcomes = list(pool.map(work, messages, details))
        again = []
        put_off = {}
        for message, outcome in zip(messages, outcomes, strict=True):
            telemetry.count(f"Webhook{outcome.word.title().replace('_', '')}")
            if outcome.until:
                put_off[message["receiptHandle"]] = self._seconds_to(outcome.until)
            if outcome.until or outcome is FAILED:
                again.append(message["messageId"])
        self.queue.postpone_all(put_off)
        return again

    def _deliver(
        self,
        message: Message,
        detail: Mapping[str, Any],
        known: Mapping[tuple[str, str], key_space.Item],
        stop: datetime,
    ) -> Outcome:
        delivery = _state_of(message, detail, known)
        if delivery.status is not Status.WAITING:
            return DONE
        if delivery.next_at and self.now() < delivery.next_at - EARLY:
            return Outcome("put_off", delivery.next_at)
        if _is_erased(delivery, known):
            return DONE
        settings = _settings_of(delivery, known)
        url = settings.get(delivery.url_name)
        if not url:
            return self._close(delivery, Status.STOPPED, "no_url", detail)
        method = settings.get(delivery.url_name.replace("_url", "_method")) or "POST"
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        endpoint = key_space.endpoint_key(delivery.tenant_id, origin)
        rest = self._rest_of(endpoint)
        if rest is None:
            with self.endpoints.turn(endpoint):
                rest = self._rest_of(endpoint)
                if rest is None and self.now() < stop:
                    return self._attempt(delivery, detail, url, method, endpoint)
        if rest and self.now() > delivery.deadline:
            return self._close(delivery, Status.DEAD, "endpoint_paused", detail)
        return Outcome("put_off", rest or self.now() + EARLY)

    def _rest_of(self, endpoint: str) -> datetime | None:
        """Return until when a message to a paused endpoint is postponed."""
        until = self.endpoints.resting_until(endpoint)
        return until + timedelta(seconds=10 * self.chance()) if until else None

    def _attempt(
        self,
        delivery: Delivery,
        detail: Mapping[str, Any],
        url: str,
        method: str,
        endpoint: str,
    ) -> Outcome:
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
            self._bury(detail)
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
        return Outcome(tried.status.value, tried.next_at)

    def _request(
        self, delivery: Delivery, detail: Mapping[str, Any], url: str, method: str
    ) -> tuple[int | None, str | None]:
        """Send the event; return the status that was answered, or what went wrong."""
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

    def _close(
        self,
        delivery: Delivery,
        status: Status,
        reason: str,
        detail: Mapping[str, Any],
    ) -> Outcome:
        """Close a delivery that can't succeed, without an attempt."""
        self._keep(deliveries.closed(delivery, status, reason, self.now()))
        if status is Status.DEAD:
            self._bury(detail)
        return Outcome(status.value)

    def _bury(self, detail: Mapping[str, Any]) -> None:
        """Send an event to the dead-letter queue; a redrive begins another day."""
        self.dead_letters.send({"detail": detail, "redriven": True})

    def _keep(self, delivery: Delivery) -> None:
        self.stores.deliveries.put(
            delivery.session_uuid,
            delivery.event_id,
            delivery_item(delivery),
            delivery.first_at,
        )

    def _seconds_to(self, until: datetime) -> int:
        seconds = (until - self.now()).total_seconds()
        return max(0, min(round(seconds), deliveries.LONGEST_PAUSE))


def _keys_of(details: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """List the keys to be read for a batch: deliveries, and their owners once each."""
    keys: dict[tuple[str, str], None] = {}
    for detail in details:
        owner = deliveries.owner_of(detail)
        pk = key_space.session_key(owner)
        keys[pk, key_space.part_key(key_space.DELIVERY, detail["id"])] = None
        if "session_uuid" in detail:
            keys[pk, key_space.STATE] = None
            keys[pk, key_space.REQUEST] = None
        else:
            keys[key_space.erasure_key(owner), key_space.ERASURE] = None
    return list(keys)


def _state_of(
    message: Message,
    detail: Mapping[str, Any],
    known: Mapping[tuple[str, str], key_space.Item],
) -> Delivery:
    """Return a delivery's state; one without an item began when it was sent."""
    pk = key_space.session_key(deliveries.owner_of(detail))
    item = known.get((pk, key_space.part_key(key_space.DELIVERY, detail["id"])))
    sent = int(message["attributes"]["SentTimestamp"]) / 1000
    sent_at = datetime.fromtimestamp(sent, UTC)
    if item is None:
        state = known.get((pk, key_space.STATE), {})
        return deliveries.begin(detail, sent_at, purge_at=state.get("purge_at"))
    delivery = delivery_from(item)
    redriven = json.loads(message["body"]).get("redriven", False)
    if redriven and delivery.status is Status.DEAD:
        return deliveries.renew(delivery, sent_at)
    return delivery


def _is_erased(
    delivery: Delivery, known: Mapping[tuple[str, str], key_space.Item]
) -> bool:
    """Return whether the session is erased: then no event of it is delivered."""
    state = known.get((key_space.session_key(delivery.session_uuid), key_space.STATE))
    return state is not None and "erased_at" in state


def _settings_of(
    delivery: Delivery, known: Mapping[tuple[str, str], key_space.Item]
) -> Mapping[str, Any]:
    """Return the owner's attributes as they are now; none if it is gone."""
    if delivery.is_of_erasure:
        owner = key_space.erasure_key(delivery.session_uuid), key_space.ERASURE
        return known.get(owner, {})
    pk = key_space.session_key(delivery.session_uuid)
    state = known.get((pk, key_space.STATE))
    if state is None:
        return {}
    return session_items.session_from(
        state, known.get((pk, key_space.REQUEST))
    ).settings
