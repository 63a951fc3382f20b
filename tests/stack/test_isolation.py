"""A dead endpoint of one tenant does not delay another tenant's webhooks."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from proofs.http_listener import HttpListener
from stack.addresses import free_addresses
from stack.running import RunningStack
from stack.stack import Stack
from tests.support.plivo_callbacks import Caller

WAITING = 1_000
DEAD_ENDPOINTS = 4
DELIVERIES = 100

# The goal is 10 s on a quiet machine, which the test prints. In turn, at five seconds
# for each request to a dead endpoint, they would take minutes.
PATIENCE_SECONDS = 60


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[RunningStack]:
    """Return a stack for this test alone: a thousand webhooks are left waiting."""
    with Stack(free_addresses(), tmp_path) as started:
        yield started.running


@contextmanager
def _dead_endpoint() -> Iterator[str]:
    """Listen and never answer, so that every request runs into its time-out."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/hooks"


def _enqueue(stack: RunningStack, details: list[dict[str, Any]]) -> None:
    import json

    sqs = stack.aws.client("sqs")
    for start in range(0, len(details), 10):
        sqs.send_message_batch(
            QueueUrl=stack.outputs["WebhookQueueUrl"],
            Entries=[
                {"Id": str(n), "MessageBody": json.dumps({"detail": detail})}
                for n, detail in enumerate(details[start : start + 10])
            ],
        )


def _details(session_uuid: str, tenant_id: str, count: int) -> list[dict[str, Any]]:
    import uuid

    return [
        {
            "id": str(uuid.uuid4()),
            "type": "call.started",
            "occurred_at": "2026-03-01T12:00:00Z",
            "session_uuid": session_uuid,
            "tenant_id": tenant_id,
            "version": 2,
            "webhook": "callback_url",
        }
        for _ in range(count)
    ]


def test_a_hundred_webhooks_arrive_while_a_thousand_wait_on_dead_endpoints(
    stack: RunningStack,
) -> None:
    with ExitStack() as running:
        http = running.enter_context(httpx.Client(trust_env=False, timeout=30))
        plivo = Caller(stack, http)
        stores = plivo.stores
        sink = running.enter_context(HttpListener())
        dead = []
        dead_sessions = []
        for _ in range(DEAD_ENDPOINTS):
            url = running.enter_context(_dead_endpoint())
            session = plivo.session(stores, "tenant-a", callback_url=url)
            dead_sessions.append(session.session_uuid)
            share = WAITING // DEAD_ENDPOINTS
            dead += _details(session.session_uuid, "tenant-a", share)
        # As events of many sessions come: one endpoint's beside another's.
        random.Random(7).shuffle(dead)  # noqa: S311
        good = plivo.session(stores, "tenant-b", callback_url=sink.url)
        # The stream's own events of these sessions come first.
        assert sink.wait_for(1, 20)
        before = len(sink.requests)

        _enqueue(stack, dead)
        started = time.monotonic()
        _enqueue(stack, _details(good.session_uuid, "tenant-b", DELIVERIES))
        arrived = sink.wait_for(before + DELIVERIES, PATIENCE_SECONDS)
        took = time.monotonic() - started
        tried = sum(
            item["attempts"] > 0
            for uuid in dead_sessions
            for item in stores.deliveries.of_session(uuid)
        )

        print(f"{DELIVERIES} arrived in {took:.1f} s beside {len(dead)} that wait")
        assert arrived
        assert 0 < tried < WAITING / 2
