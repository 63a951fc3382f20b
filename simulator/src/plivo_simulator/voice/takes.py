"""Record what is said on a leg, and tell of the file when it is ready."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ..records import Call, Recording
from .flow_elements import Record
from .requests import Attributes, recording_attributes

if TYPE_CHECKING:
    from ..engine import Engine


class Take:
    """One recording while it goes on; it ends by itself at *verb*'s maxLength."""

    def __init__(
        self, engine: Engine, call: Call, verb: Record, recording: Recording
    ) -> None:
        self.recording = recording
        self.verb = verb
        self._engine = engine
        self._call = call
        limit = self._end_at_limit()
        self._limit = engine.spawn(limit, f"recording {recording.recording_id}")

    @property
    def attributes(self) -> Attributes:
        """Return what is told of the recording."""
        url = self._engine.recorder.url_of(self.recording)
        return recording_attributes(self.recording, url)

    def stop(self) -> None:
        """End the recording, unless it has ended, and tell of its file in time."""
        if self.recording.ended_at is not None:
            return
        self._engine.recorder.end(self.recording)
        self._limit.cancel()
        self._tell_of_file()

    async def _end_at_limit(self) -> None:
        await self._engine.clock.sleep(self.verb.max_length)
        if self.recording.ended_at is None:
            self._engine.recorder.end(self.recording)
            self._tell_of_file()

    def _tell_of_file(self) -> None:
        ready = self.recording.available_at
        if not self.verb.callback_url or ready is None:
            return
        wait = ready - self._engine.clock.now()
        self._engine.spawn(
            self._tell_when_ready(wait), f"file {self.recording.recording_id}"
        )

    async def _tell_when_ready(self, wait: timedelta) -> None:
        await self._engine.clock.sleep(wait.total_seconds())
        requests = self._engine.requests
        ask = requests.record_callback(self._call, self.verb, self.attributes)
        self._engine.answer_urls.tell(self._call, ask)


def start_take(
    engine: Engine, call: Call, verb: Record, other_number: str
) -> Take | None:
    """Begin to record *call*; return None where a fault keeps it from starting."""
    recording = engine.recorder.begin(
        call,
        to_number=other_number,
        file_format=verb.file_format,
        channels=verb.record_channel_type,
    )
    return Take(engine, call, verb, recording) if recording else None
