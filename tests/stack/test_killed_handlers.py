"""Kill handlers' processes at random during 500 callbacks: nothing that counts is lost.

Only processes of this test's own stack are killed, each by its id.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from masking.api import callback_requests
from masking.core.key_space import name_of
from masking.domain.sessions import Session
from proofs.faults import kill_one
from proofs.http_listener import HttpListener
from stack.running import RunningStack
from tests.support.plivo_callbacks import Caller

CALLBACKS = 500
SESSIONS = 20
NAMES = (
    "SessionFirstPartyAnswer",
    "SessionSecondPartyRing",
    "SessionSecondPartyAnswer",
)

# By progress and not by time, so that a slow machine kills no more than a fast one.
KILL_RATE = 1 / 12
# A killed delivery's messages come again after the queue's visibility, 90 seconds.
WAIT_SECONDS = 240.0


@pytest.fixture
def stack(lone_stack: RunningStack) -> RunningStack:
    """Return a stack of one's own: its functions are killed."""
    return lone_stack


def _ids(sink: HttpListener) -> set[str]:
    """Return the ids of the webhooks that came."""
    return {each.headers["webhook-id"] for each in sink.requests}


def test_what_was_acknowledged_is_kept_published_and_delivered(
    stack: RunningStack,
) -> None:
    dice = random.Random(4)  # noqa: S311
    with HttpListener() as sink, httpx.Client(trust_env=False, timeout=30) as http:
        plivo = Caller(stack, http)
        key, stores = plivo.key(), plivo.stores
        sessions = [
            plivo.session(stores, "local", callback_url=sink.url)
            for _ in range(SESSIONS)
        ]
        work = [
            (
                sessions[number % SESSIONS],
                {
                    "EventName": dice.choice(NAMES),
                    "EventTimestamp": "2026-03-01 12:00:00",
                    "From": "12025550100",
                    "To": "12025550101",
                    "SequenceNumber": str(number),
                },
            )
            for number in range(CALLBACKS)
        ]

        killed = []

        def send(each: tuple[Session, dict[str, str]]) -> int | None:
            answered = plivo.call_back(key, *each)
            if dice.random() < KILL_RATE:
                killed.append(kill_one(stack, dice))
            return answered

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(send, work))

        acknowledged = {
            (
                session.session_uuid,
                callback_requests.digest_of(list(attributes.items())),
            ): attributes
            for (session, attributes), status in zip(work, answers, strict=True)
            if status == 200
        }
        kept = {
            (session.session_uuid, name_of(item))
            for session in sessions
            for item in stores.callbacks.of_session(session.session_uuid)
        }
        assert acknowledged.keys() <= kept
        expected = len(kept) + SESSIONS
        deadline = time.monotonic() + WAIT_SECONDS
        while len(_ids(sink)) < expected and time.monotonic() < deadline:
            time.sleep(0.2)

        delivered = {each.document.get("callback") for each in sink.requests} - {None}
        print(
            f"{sum(killed)} killed, {len(acknowledged)} of {CALLBACKS} acknowledged, "
            f"{len(kept)} kept, {len(_ids(sink))} ids, {len(sink.requests)} requests"
        )
        assert delivered == {digest for _, digest in kept}
        # Exactly one by id: as many ids as events, however often each was sent.
        assert len(_ids(sink)) == expected
        assert sum(killed) >= 20
        assert len(acknowledged) > CALLBACKS / 2
