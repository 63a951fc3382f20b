"""A tenant whose receivers hang takes no time from another's deliveries.

On a stack, with its queue and the processes of its function; how the workers are shared
is tested in `tests/handlers/test_fair_shares.py`.
"""

from __future__ import annotations

import time
from contextlib import ExitStack

import httpx

from proofs.http_listener import HttpListener
from stack.running import RunningStack
from tests.support.plivo_callbacks import Caller
from tests.support.slow_receivers import hang, receiver
from tests.support.waiting import wait_for

# Each is an endpoint of its own, so that none rests for the failures of another.
HOSTILE = 30
SOUND = 6

# An attempt at a receiver that hangs takes five seconds. The first may have all workers
# until they are known for it.
FIRST_WAVE = 9.0
MOST = 4.0


def test_a_sound_tenants_deliveries_arrive_within_seconds_beside_a_hostile_ones(
    stack: RunningStack,
) -> None:
    with ExitStack() as open_, HttpListener() as sink:
        http = open_.enter_context(httpx.Client(trust_env=False))
        plivo = Caller(stack, http)
        stores = plivo.stores
        ports = [open_.enter_context(receiver(hang)) for _ in range(HOSTILE)]
        for port in ports:
            url = f"http://127.0.0.1:{port}/hooks"
            plivo.session(stores, "hostile", callback_url=url)

        delays = []
        for expected in range(1, SOUND + 1):
            sent = time.monotonic()
            plivo.session(stores, "sound", callback_url=sink.url)
            wait_for(lambda n=expected: len(sink.requests) >= n)  # type: ignore[misc]
            delays.append(time.monotonic() - sent)

    print(f"{[round(each, 2) for each in delays]}")
    assert delays[0] < FIRST_WAVE
    assert max(delays[1:]) < MOST
    assert len({each.headers["webhook-id"] for each in sink.requests}) == SOUND
