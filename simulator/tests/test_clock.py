"""Test the clock: real, fast, stopped, and advanced by hand."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from plivo_simulator.clock import Clock

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.anyio


async def test_a_real_clock_tells_the_real_time() -> None:
    assert abs(Clock().now() - datetime.now(UTC)) < timedelta(seconds=1)


async def test_a_fast_clock_passes_a_minute_in_no_time() -> None:
    clock, started = Clock(speed=600), time.monotonic()

    await clock.sleep(60)

    assert 0.05 < time.monotonic() - started < 1
    await clock.close()


async def test_a_stopped_clock_moves_only_when_told() -> None:
    clock, seen = Clock(speed=0, start=NOON), []

    async def wait(seconds: float) -> None:
        await clock.sleep(seconds)
        seen.append((seconds, clock.now()))

    for seconds in (30, 10, 20):
        clock.run(wait(seconds), "waiter")
    await clock.advance(25)

    assert clock.now() == NOON + timedelta(seconds=25)
    assert seen == [
        (10, NOON + timedelta(seconds=10)),
        (20, NOON + timedelta(seconds=20)),
    ]
    await clock.close()


async def test_what_is_started_while_time_moves_is_part_of_the_move() -> None:
    clock, seen = Clock(speed=0, start=NOON), []

    async def chain(left: int) -> None:
        await clock.sleep(5)
        seen.append(clock.now())
        if left:
            clock.run(chain(left - 1), "next")

    clock.run(chain(3), "first")
    await clock.advance(100)

    assert seen == [NOON + timedelta(seconds=n) for n in (5, 10, 15, 20)]
    await clock.close()


async def test_an_event_ends_the_wait_before_its_time() -> None:
    clock, event, outcomes = Clock(speed=0, start=NOON), asyncio.Event(), []

    async def wait() -> None:
        outcomes.append(await clock.wait_for(event, 10))
        outcomes.append(await clock.wait_for(asyncio.Event(), 10))

    clock.run(wait(), "waiter")
    await clock.settle()
    event.set()
    await clock.advance(30)

    assert outcomes == [True, False]
    await clock.close()


async def test_whom_another_wakes_has_run_before_time_moves_on() -> None:
    clock, event, woken = Clock(speed=0, start=NOON), asyncio.Event(), []

    async def sleeper() -> None:
        await clock.wait_for(event, 1000)
        woken.append(clock.now())

    async def waker() -> None:
        await clock.sleep(10)
        event.set()

    clock.run(sleeper(), "sleeper")
    clock.run(waker(), "waker")
    for n in range(11, 40):
        clock.run(clock.sleep(n), "other")
    await clock.advance(100)

    assert woken == [NOON + timedelta(seconds=10)]
    await clock.close()


async def test_speed_can_change_under_way() -> None:
    clock = Clock(speed=0, start=NOON)
    task = clock.run(clock.sleep(100), "sleeper")
    await clock.settle()

    clock.set_speed(1000)

    await asyncio.wait_for(task, 2)
    assert clock.now() >= NOON + timedelta(seconds=100)
    await clock.close()


@pytest.mark.parametrize("speed", [-1, 10_001])
async def test_a_speed_beyond_reason_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed must be between"):
        Clock(speed)


async def test_closing_ends_what_waits() -> None:
    clock = Clock(speed=0, start=NOON)
    task = clock.run(clock.sleep(100), "sleeper")
    await clock.settle()

    await clock.close()

    assert task.cancelled()


@pytest.mark.parametrize("turns", range(8))
async def test_who_wakes_just_when_the_last_other_falls_asleep_is_waited_for(
    turns: int,
) -> None:
    clock, rung, seen = Clock(speed=0, start=NOON), asyncio.Event(), []

    async def waker() -> None:
        await clock.sleep(1)
        rung.set()
        for _ in range(turns):
            await asyncio.sleep(0)

    async def sleeper() -> None:
        await clock.wait_for(rung, None)
        for _ in range(20):
            await asyncio.sleep(0)
        seen.append(clock.now())

    clock.run(waker(), "waker")
    clock.run(sleeper(), "sleeper")
    await clock.advance(5)

    assert seen == [NOON + timedelta(seconds=1)]
    await clock.close()
