"""Keep what has happened in a file, so that the next start goes on from there.

The file holds the store: sessions, numbers, calls, recordings, messages, callbacks, the
ledger, the inbox. Settings (faults, switches, plans of phones) are not kept. A change
made through the API is in the file before it is answered, other changes a moment later.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from .messages.exchange import is_of_messages
from .records import Call, Callback
from .rules.model import CANCELLED, NORMAL
from .simulator import Simulator
from .store import Store

SAVE_SECONDS = 0.2
FORMAT = 1
_KEPT = (
    *("numbers", "applications", "sessions", "calls", "recordings"),
    *("callbacks", "ledger", "inbox", "sequences"),
)


# What files of earlier versions lack.
_ADDED = ("messages", "media", "powerpacks", "opt_outs")


class StateError(Exception):
    """The file can't be read; the text says which and why."""


class KeptState:
    """One simulator's state in one file."""

    def __init__(self, path: Path, simulator: Simulator) -> None:
        self._path = path
        self._simulator = simulator
        self._saved = -1
        self._pending: list[Callback] = []
        self._saving: asyncio.Task[None] | None = None

    def load(self) -> None:
        """Fill the store from the file, if there is one. Raise StateError."""
        if not self._path.exists():
            return
        try:
            kept = json.loads(self._path.read_text())
            if kept["format"] != FORMAT:
                raise ValueError(f"its format is {kept['format']}")
            hints = _hints(Store)
            names = (*_KEPT, *(name for name in _ADDED if name in kept))
            values = {name: _decoded(kept[name], hints[name]) for name in names}
            now = datetime.fromisoformat(kept["now"])
        except (ValueError, KeyError, TypeError) as problem:
            raise StateError(f"can't read {self._path}: {problem}") from problem
        self._simulator.clock.start_at(now)
        self._fill(self._simulator.store, values)

    def start(self) -> None:
        """Send the callbacks that were on their way, and begin to save."""
        of_messages = [each for each in self._pending if is_of_messages(each)]
        for callback in self._pending:
            if not is_of_messages(callback):
                self._simulator.courier.post(callback)
        self._simulator.exchange.resume(of_messages)
        self._pending.clear()
        self._saving = asyncio.create_task(self._save_changes())

    async def stop(self) -> None:
        """Save for the last time."""
        if self._saving:
            self._saving.cancel()
            with suppress(asyncio.CancelledError):
                await self._saving
        self.save()

    def save(self) -> None:
        """Write the file."""
        self._saved = self._simulator.broadcast.told
        store = self._simulator.store
        names = (*_KEPT, *_ADDED)
        kept: dict[str, Any] = {name: _encoded(getattr(store, name)) for name in names}
        kept |= {"format": FORMAT, "now": self._simulator.clock.now().isoformat()}
        partial = self._path.with_name(f"{self._path.name}.partial")
        partial.write_text(json.dumps(kept))
        partial.replace(self._path)

    async def _save_changes(self) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            if self._saved != self._simulator.broadcast.told:
                self.save()

    def _fill(self, store: Store, values: dict[str, Any]) -> None:
        for name in ("numbers", "applications", "recordings", "ledger", "inbox"):
            setattr(store, name, values[name])
        for name in _ADDED:
            setattr(store, name, values.get(name, getattr(store, name)))
        store.sequences = defaultdict(int, values["sequences"])
        for session in values["sessions"].values():
            store.add(session)
        for call in values["calls"].values():
            store.calls[call.call_uuid] = call
            for leg in call.every_leg:
                store.legs[leg.call_uuid] = (call, leg)
            self._end(call)
        for callback in values["callbacks"]:
            if callback.state == "pending":
                self._pending.append(callback)
            else:
                store.add_callback(callback)

    def _end(self, call: Call) -> None:
        """End a call in which people were when the simulator was killed."""
        now = self._simulator.clock.now()
        if call.ended_at is None:
            call.ended_at = now
            call.note(now, "the simulator ended")
        for leg in call.every_leg:
            leg.holds_phone = False
            if leg.ended_at is None:
                leg.ended_at = now
                leg.cause = leg.cause or (NORMAL if leg.answered_at else CANCELLED)
        recording = self._simulator.store.recordings.get(call.recording_id)
        if recording and recording.ended_at is None:
            recording.ended_at = recording.available_at = now
            lasted = (now - recording.started_at).total_seconds()
            recording.milliseconds = round(lasted * 1000)
        call.over.set()


def _encoded(value: Any) -> Any:
    if is_dataclass(value):
        kind: Any = type(value)
        return {name: _encoded(getattr(value, name)) for name in _hints(kind)}
    if isinstance(value, dict):
        return {str(key): _encoded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_encoded(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value


def _decoded(value: Any, kind: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if value is None:
            return None
        # No field of a record is of two kinds but None and one that needs decoding.
        (only, *others) = (each for each in inner if each is not NoneType)
        return value if others else _decoded(value, only)
    if origin is dict:
        return {
            _decoded(key, inner[0]): _decoded(each, inner[1])
            for key, each in value.items()
        }
    if origin is list:
        return [_decoded(each, inner[0]) for each in value]
    if kind is datetime:
        return datetime.fromisoformat(value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        # A file of an earlier version lacks the newest fields; they have defaults.
        known = (name for name in hints if name in value)
        return kind(**{name: _decoded(value[name], hints[name]) for name in known})
    return value


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """Return the kinds of a record's fields, without what only a running one has."""
    hints = get_type_hints(kind)
    return {
        each.name: hints[each.name]
        for each in fields(kind)
        if hints[each.name] is not asyncio.Event and not each.name.startswith("_")
    }
