"""Use a stack for some hours that pass at once, and draw its dashboard."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from proofs.alarms.deployed import alarms_of
from proofs.alarms.evaluation import state_of
from proofs.alarms.history import History
from proofs.alarms.virtual_time import VirtualTime
from proofs.alarms.world import World
from proofs.dashboard import drawing
from proofs.dashboard.definition import widgets_of
from proofs.faults import arm
from proofs.report import Report
from proofs.runner import Progress
from stack.running import RunningStack

MINUTES = 180

SHOWS = "every graph shows something"


def prove(
    stack: RunningStack,
    progress: Progress,
    *,
    picture: Path | None = None,
    minutes: int = MINUTES,
) -> Report:
    """Use *stack* and report which graphs show something; draw them into *picture*.

    Raise ProofError if the run itself goes wrong.
    """
    world = World(stack, VirtualTime.of(stack))
    history = History()
    try:
        use = Use(world)
        for minute in range(minutes):
            for every, first, act in use.plan():
                if minute % every == first:
                    act()
            world.time.pass_minute(history)
            if minute % 30 == 29:
                progress(f"{minute + 1} minutes have passed")
        end = world.time.now // 60 * 60
        widgets = widgets_of(world.names)
        if picture:
            states = {
                alarm.name: state_of(alarm, history, end)
                for alarm in alarms_of(world.names)
            }
            drawn = drawing.picture(widgets, history, states, end, minutes)
            picture.write_text(drawn)
        report = Report("dashboard")
        for widget in widgets:
            if widget.metrics:
                shows = drawing.has_data(widget, history, end, minutes)
                report.check(shows, SHOWS, f"{widget.title} is empty")
        return report
    finally:
        world.close()


class Use:
    """What apps, Plivo and the weather do in the meantime."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._open: list[dict[str, Any]] = []
        self._app = f"{world.stack.addresses.plivo_url}/_sim/inbox/app"

    def plan(self) -> list[tuple[int, int, Callable[[], object]]]:
        """Return what is done: every so many minutes, from which on, and what."""
        world = self._world
        return [
            (6, 0, self._call),
            (12, 5, self._end),
            (9, 2, lambda: world.create(session_expiry=1)),
            (30, 7, lambda: world.ask_for_answer("/v1/plivo/answer", CallUUID="one")),
            (60, 20, self._fail_at_plivo),
            (90, 40, lambda: world.create(callback_url="http://127.0.0.1:9/nobody")),
            (90, 41, partial(self._call, callback_url="http://127.0.0.1:9/nobody")),
            (
                90,
                50,
                lambda: world.callback(self._open[-1], b"EventName=SessionRinging"),
            ),
            (90, 60, self._erase),
            (180, 100, self._throttle),
        ]

    def _call(self, **asked: Any) -> None:
        urls = {"callback_url": self._app, "recording_callback_url": self._app}
        session = self._world.create(
            **{"record": True, "record_file_format": "wav", **urls, **asked}
        )
        self._world.call(session)
        self._world.api.get(f"/v1/sessions/{session['session_uuid']}")
        self._open.append(session)

    def _end(self) -> None:
        self._world.end(self._open.pop(0))

    def _fail_at_plivo(self) -> None:
        arm(self._world.simulator, {"create_5xx_before_commit": {"rate": 1}})
        for _ in range(2):
            self._world.try_to_create()
        arm(self._world.simulator, {})

    def _erase(self) -> None:
        number = self._open[0]["first_party"]
        self._world.api.post("/v1/erasures", json={"phone_number": number})

    def _throttle(self) -> None:
        header = {"headers": {"authorization": f"Bearer {self._world.stack.api_key}"}}
        self._world.forget_use_of_keys()
        self._world.time.throttle("Write")
        self._world.invoke("AuthorizeFunction", header)
        self._world.time.throttle("none")
