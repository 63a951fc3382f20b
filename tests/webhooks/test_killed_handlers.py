"""Kill handlers' processes at random during 500 callbacks: nothing that counts is lost.

Only processes of this test's own stack are killed, each by its id.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from local.stack import RunningStack
from masking import events
from tests.webhooks.callbacks_of_plivo import Caller
from tests.webhooks.sinks import Sink, serving

CALLBACKS = 500
SESSIONS = 20
NAMES = (
    "SessionFirstPartyAnswer",
    "SessionSecondPartyRing",
    "SessionSecondPartyAnswer",
)

KILL_EVERY_SECONDS = 0.4
# A killed delivery's messages come again after the queue's visibility, 90 seconds.
WAIT_SECONDS = 240.0


def _handlers(stack: RunningStack) -> list[int]:
    """List the processes that run this stack's functions."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            command = (entry / "cmdline").read_bytes()
            if str(stack.run_dir).encode() in command and b"_worker.py" in command:
                found.append(int(entry.name))
    return found


@contextlib.contextmanager
def _killing(stack: RunningStack, dice: random.Random) -> Iterator[list[int]]:
    """Kill one of the stack's handlers now and then while the block runs."""
    killed: list[int] = []
    enough = threading.Event()

    def kill() -> None:
        while not enough.wait(KILL_EVERY_SECONDS):
            handlers = _handlers(stack)
            if handlers:
                victim = dice.choice(handlers)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                    killed.append(victim)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield killed
    finally:
        enough.set()
        killer.join(5)


def test_what_was_acknowledged_is_kept_published_and_delivered(
    stack: RunningStack,
) -> None:
    dice = random.Random(4)  # noqa: S311
    with serving(Sink()) as sink, httpx.Client(trust_env=False, timeout=30) as http:
        plivo = Caller(stack, http)
        key, table = plivo.key(), plivo.table
        sessions = [
            plivo.session(table, "local", callback_url=sink.url)
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

        with _killing(stack, dice) as killed, ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda each: plivo.call_back(key, *each), work))

        acknowledged = {
            (
                session.session_uuid,
                events.digest_of(list(attributes.items())),
            ): attributes
            for (session, attributes), status in zip(work, answers, strict=True)
            if status == 200
        }
        kept = {
            (session.session_uuid, item["sk"].removeprefix("E#"))
            for session in sessions
            for item in table.callbacks(session.session_uuid)
        }
        assert acknowledged.keys() <= kept
        expected = len(kept) + SESSIONS
        deadline = time.monotonic() + WAIT_SECONDS
        while len(sink.ids()) < expected and time.monotonic() < deadline:
            time.sleep(0.2)

        delivered = {each.event.get("callback") for each in sink.taken} - {None}
        print(
            f"{len(killed)} killed, {len(acknowledged)} of {CALLBACKS} acknowledged, "
            f"{len(kept)} kept, {len(sink.ids())} ids, {len(sink.taken)} requests"
        )
        assert delivered == {digest for _, digest in kept}
        # Exactly one by id: as many ids as events, however often each was sent.
        assert len(sink.ids()) == expected
        assert len(killed) >= 10
