"""Deliver events to apps: each once by its id, until it is taken or a day is over.

A message of the queue is one event for one app. It is postponed by its visibility, so
that waiting costs nothing; its state is kept in the delivery's item. Messages of a
batch are worked on side by side, few of one endpoint at once, slow ones in their lanes
(`shares`).

A worker that dies in an attempt counts against the endpoint. The attempt is noted
before it is begun where that may happen: on a message that was received before, on an
endpoint that fails, in a lane. Of the others, the second receipt of a message of which
nothing is kept tells that the first came to no end; so one that is put off at its first
receipt is noted, too.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from masking.core import key_space, telemetry
from masking.core.deadlines import Lookups
from masking.domain import deliveries
from masking.domain.deliveries import Delivery, Status
from masking.storage.deliveries import delivery_item
from masking.webhooks import event_request, http_post, owners
from masking.webhooks.event_request import Send
from masking.webhooks.owners import Known, Message

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.storage.queues import Queue
    from masking.storage.stores import Stores
    from masking.webhooks.endpoints import Endpoints
    from masking.webhooks.shares import Lanes, Shares


AT_ONCE = 10

# A message that comes this early is on time.
EARLY = timedelta(seconds=1)

# How long attempts of a batch may begin: the last must end before the function, and a
# worker that waits for a slow endpoint is no use to anybody.
BEGIN_WITHIN = timedelta(seconds=2)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a message: a word to count, and until when it is postponed."""

    word: str
    until: datetime | None = None


DONE = Outcome("done")
FAILED = Outcome("failed")


@dataclass(frozen=True)
class Task:
    """A message at work: its event, how often it was received, its endpoint's key.

    *is_noted* says that something is kept of the delivery.
    """

    delivery: Delivery
    detail: Mapping[str, Any]
    received: int
    is_noted: bool
    endpoint: str = ""


@dataclass(frozen=True)
class DeliverWebhook:
    """Delivers events.

    *allowed* is where apps may be (see `ssrf_guard`); *secrets_of* returns a tenant's
    secrets, newest first; *chance* returns numbers from 0 to 1. An attempt ends after
    *seconds*, from the resolution of the app's name on; *timer* tells how long it took.
    """

    stores: Stores
    queue: Queue
    dead_letters: Queue
    endpoints: Endpoints
    shares: Shares
    secrets_of: Callable[[str], Sequence[str]]
    allowed: str
    now: Clock
    send: Send = http_post.send
    lookups: Lookups = field(default_factory=Lookups)
    seconds: float = deliveries.SECONDS
    timer: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random

    def deliver_batch(self, messages: Sequence[Message]) -> list[str]:
        """Work on messages side by side; return the ids of those that come again."""
        details = [json.loads(message["body"])["detail"] for message in messages]
        known = self.stores.table.get_all(owners.keys_of(details))
        stop = self.now() + BEGIN_WITHIN
        with self.shares.lanes() as lanes:

            def work(message: Message, detail: Mapping[str, Any]) -> Outcome:
                try:
                    return self._deliver(message, detail, known, stop, lanes)
                except Exception as error:
                    telemetry.logger().error(
                        "delivery failed on our side",
                        extra={
                            "error": type(error).__name__,
                            "message_id": message["messageId"],
                        },
                    )
                    return FAILED

            pool = ThreadPoolExecutor(max_workers=AT_ONCE)
            try:
                outcomes = list(pool.map(work, messages, details))
            finally:
                # One that hangs is left behind, so that the function ends in time.
                pool.shutdown(wait=False, cancel_futures=True)
        again = []
        put_off = {}
        telemetry.note(outcomes=[each.word for each in outcomes])
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
        known: Known,
        stop: datetime,
        lanes: Lanes,
    ) -> Outcome:
        delivery = owners.state_of(message, detail, known)
        if delivery.status is not Status.WAITING:
            return DONE
        if delivery.next_at and self.now() < delivery.next_at - EARLY:
            return Outcome("put_off", delivery.next_at)
        task = Task(
            delivery,
            detail,
            owners.received(message),
            is_noted=owners.is_noted(detail, known),
        )
        if owners.is_erased(delivery, known):
            return DONE
        settings = owners.settings_of(delivery, known)
        url = settings.get(delivery.url_name)
        if not url:
            return self._close(delivery, Status.STOPPED, "no_url", detail)
        method = settings.get(delivery.url_name.replace("_url", "_method")) or "POST"
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        task = replace(
            task, endpoint=key_space.endpoint_key(delivery.tenant_id, origin)
        )
        if delivery.begun_at:
            return self._note_end(task, None, deliveries.INTERRUPTED, long=True)
        if task.received > 1 and not task.is_noted:
            # Its first worker died, perhaps by another message: no attempt is counted.
            self.endpoints.failed(task.endpoint)
            self.shares.took(delivery.tenant_id, task.endpoint, long=True)
        return self._attempt_in_turn(task, url, method, stop, lanes)

    def _attempt_in_turn(
        self, task: Task, url: str, method: str, stop: datetime, lanes: Lanes
    ) -> Outcome:
        """Attempt a delivery when it is its endpoint's and its tenant's turn."""
        tenant_id = task.delivery.tenant_id
        rest = self._rest_of(task.endpoint)
        if rest is None:
            with self.endpoints.turn(task.endpoint):
                rest = self._rest_of(task.endpoint)
                if rest is None and self.now() < stop:
                    is_slow = self.shares.is_slow(tenant_id, task.endpoint)
                    if not is_slow or lanes.may_use(tenant_id):
                        return self._attempt(task, url, method, is_slow=is_slow)
                    wait = deliveries.wait_for_lane(task.received, self.chance())
                    return self._put_off(task, self.now() + wait, "tenant_slow")
        if rest:
            return self._put_off(task, rest, "endpoint_paused")
        return self._put_off(task, self.now() + EARLY, "not_tried")

    def _put_off(self, task: Task, until: datetime, reason: str) -> Outcome:
        """Postpone a delivery that can't be tried now; after its day it is dead."""
        if self.now() > task.delivery.deadline:
            return self._close(task.delivery, Status.DEAD, reason, task.detail)
        if not task.is_noted:
            self._keep(deliveries.postponed(task.delivery, until))
        return Outcome("put_off", until)

    def _rest_of(self, endpoint: str) -> datetime | None:
        """Return until when a message to a paused endpoint is postponed."""
        until = self.endpoints.resting_until(endpoint)
        return until + timedelta(seconds=10 * self.chance()) if until else None

    def _attempt(self, task: Task, url: str, method: str, *, is_slow: bool) -> Outcome:
        delivery = task.delivery
        if is_slow or task.received > 1 or self.endpoints.fails(task.endpoint):
            self._keep(deliveries.begun(delivery, self.now()))
        begun = self.timer()
        status, error = event_request.send_event(
            delivery,
            task.detail,
            url,
            method,
            keys=self.secrets_of(delivery.tenant_id),
            now=self.now(),
            allowed=self.allowed,
            lookups=self.lookups,
            send=self.send,
            seconds=self.seconds,
        )
        long = self.timer() - begun > self.seconds * deliveries.SLOW_SHARE
        return self._note_end(task, status, error, long=long)

    def _note_end(
        self, task: Task, status: int | None, error: str | None, *, long: bool
    ) -> Outcome:
        """Keep how an attempt ended, for the delivery, its endpoint and its tenant."""
        tried = deliveries.attempted(
            task.delivery,
            status=status,
            error=error,
            now=self.now(),
            chance=self.chance(),
        )
        self._keep(tried)
        self.shares.took(tried.tenant_id, task.endpoint, long=long)
        if tried.status is Status.DELIVERED:
            self.endpoints.succeeded(task.endpoint)
        elif tried.status is not Status.STOPPED:
            self.endpoints.failed(task.endpoint)
        if tried.status is Status.DEAD:
            self._bury(task.detail)
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
