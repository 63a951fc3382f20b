"""Keep the simulator's time: real, faster than real, or advanced by hand.

One clock serves all three. `speed` 1.0 is real time, 20.0 passes twenty seconds in
one, 0 stands still until `advance` is called. Everything that waits inside a call
waits here, so a test can step through an hour in milliseconds: `advance` lets each
waiter run, in order of its deadline, until all tasks started by `run` wait again.
Network time-outs are not simulated time and don't belong here.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(order=True, slots=True)
class _Alarm:
    deadline: datetime
    order: int
    rung: asyncio.Event = field(compare=False)
    cancelled: bool = field(compare=False, default=False)


class Clock:
    """A clock that tasks can wait for. Use it from one event loop."""

    def __init__(self, speed: float = 1.0, start: datetime | None = None) -> None:
        self._base = start or datetime.now(UTC)
        self._base_ticks = time.monotonic()
        self._speed = _checked(speed)
        self._alarms: list[_Alarm] = []
        self._order = itertools.count()
        self._awake = 0
        self._dozing: dict[int, asyncio.Event] = {}
        self._asleep = asyncio.Event()
        self._asleep.set()
        self._driver: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def speed(self) -> float:
        """Return how many simulated seconds pass in a real one."""
        return self._speed

    def now(self) -> datetime:
        """Return the simulated time, aware, in UTC."""
        ticks = time.monotonic() - self._base_ticks
        return self._base + timedelta(seconds=ticks * self._speed)

    def start_at(self, moment: datetime) -> None:
        """Go on from *moment* if it is later than now."""
        self._rebase(max(self.now(), moment))

    def set_speed(self, speed: float) -> None:
        """Go on from now at another *speed*; 0 stops the clock."""
        speed = _checked(speed)
        self._rebase(self.now())
        self._speed = speed
        self._drive()

    async def advance(self, seconds: float) -> None:
        """Move time forward and return when everything due by then has happened."""
        target = self.now() + timedelta(seconds=seconds)
        await self.settle()
        while (alarm := self._earliest()) and alarm.deadline <= target:
            heapq.heappop(self._alarms)
            self._rebase(max(self.now(), alarm.deadline))
            self._ring(alarm)
            await self.settle()
        self._rebase(max(self.now(), target))
        self._drive()

    async def settle(self) -> None:
        """Return once every task started by `run` waits for time or for a person."""
        while True:
            await asyncio.sleep(0)
            await self._asleep.wait()
            # Whose event is set is about to wake, though it has not run yet. And
            # somebody may have woken between the last one's sleep and this look.
            waking = any(event.is_set() for event in self._dozing.values())
            if self._awake <= 0 and not waking:
                return

    async def wait_for(self, event: asyncio.Event, seconds: float | None) -> bool:
        """Wait until *event* is set (True) or simulated *seconds* are over (False)."""
        if event.is_set():
            return True
        alarm = self._alarm(seconds)
        waits = [asyncio.ensure_future(event.wait())]
        if alarm:
            waits.append(asyncio.ensure_future(alarm.rung.wait()))
        self._doze()
        self._dozing[id(waits)] = event
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._dozing[id(waits)]
            for wait in waits:
                wait.cancel()
            if alarm is None or not alarm.rung.is_set():
                self._rouse()
            if alarm:
                alarm.cancelled = True
        return event.is_set()

    async def sleep(self, seconds: float) -> None:
        """Wait for simulated *seconds*."""
        if seconds > 0:
            await self.wait_for(asyncio.Event(), seconds)

    def run(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start *work* as a task that `advance` waits for."""
        self._rouse()
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Not in the task itself: one that is canceled before it begins counts, too.
        task.add_done_callback(lambda _: self._doze())
        return task

    async def close(self) -> None:
        """Cancel everything that was started by `run` and wait for its end."""
        if self._driver:
            self._driver.cancel()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _alarm(self, seconds: float | None) -> _Alarm | None:
        if seconds is None:
            return None
        deadline = self.now() + timedelta(seconds=max(seconds, 0.0))
        alarm = _Alarm(deadline, next(self._order), asyncio.Event())
        heapq.heappush(self._alarms, alarm)
        if self._alarms[0] is alarm:
            self._drive()
        return alarm

    def _earliest(self) -> _Alarm | None:
        while self._alarms and self._alarms[0].cancelled:
            heapq.heappop(self._alarms)
        return self._alarms[0] if self._alarms else None

    def _drive(self) -> None:
        if self._driver:
            self._driver.cancel()
            self._driver = None
        alarm = self._earliest()
        if alarm and self._speed > 0:
            left = (alarm.deadline - self.now()).total_seconds() / self._speed
            loop = asyncio.get_running_loop()
            self._driver = loop.call_later(max(left, 0.0), self._ring_due)

    def _ring_due(self) -> None:
        while (alarm := self._earliest()) and alarm.deadline <= self.now():
            heapq.heappop(self._alarms)
            self._ring(alarm)
        self._drive()

    def _ring(self, alarm: _Alarm) -> None:
        # Counted awake here, not when its task runs: `settle` may look in between.
        self._rouse()
        alarm.rung.set()

    def _rebase(self, now: datetime) -> None:
        self._base, self._base_ticks = now, time.monotonic()

    def _rouse(self) -> None:
        self._awake += 1
        self._asleep.clear()

    def _doze(self) -> None:
        self._awake -= 1
        if self._awake <= 0:
            self._asleep.set()


def _checked(speed: float) -> float:
    if not 0 <= speed <= 10_000:
        raise ValueError("speed must be between 0 and 10000")
    return float(speed)
