"""Record calls: begin, end, and draw the faults that a file has."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from . import audio
from .clock import Clock
from .faults import Faults
from .records import Call, Recording
from .reports import Reporter
from .rules.model import Leg
from .store import Store


class Recorder:
    """Begin and end recordings."""

    def __init__(
        self, store: Store, faults: Faults, clock: Clock, reporter: Reporter
    ) -> None:
        self._store = store
        self._faults = faults
        self._clock = clock
        self._reporter = reporter

    def begin_masked(self, call: Call) -> bool:
        """Begin to record a masked *call*; return False when it could not start."""
        session = self._store.sessions[call.session_uuid]
        callee = call.legs[Leg.CALLEE].number
        file_format = session.terms.record_file_format
        return self.begin(call, to_number=callee, file_format=file_format) is not None

    def begin(
        self, call: Call, *, to_number: str, file_format: str, channels: str = "mono"
    ) -> Recording | None:
        """Begin a recording of *call*; return None where a fault prevents it."""
        facts = {"session_uuid": call.session_uuid, "from": call.caller}
        if self._faults.draw("record", facts):
            return None
        recording = Recording(
            recording_id=str(uuid4()),
            account=call.account,
            session_uuid=call.session_uuid,
            call_uuid=call.legs[Leg.CALLER].call_uuid,
            from_number=call.caller,
            to_number=to_number,
            file_format=file_format,
            started_at=self._clock.now(),
            channels=channels,
        )
        self._store.recordings[recording.recording_id] = recording
        call.recording_id = recording.recording_id
        return recording

    def end_of(self, call: Call) -> None:
        """End the recording of *call*, if there is one that goes on."""
        recording = self._store.recordings.get(call.recording_id)
        if recording is not None and recording.ended_at is None:
            self.end(recording)

    def end(self, recording: Recording) -> None:
        """End *recording*, draw its faults, and set when its file is there."""
        recording.ended_at = self._clock.now()
        lasted = recording.ended_at - recording.started_at
        recording.milliseconds = round(lasted / timedelta(milliseconds=1))
        facts = {
            "session_uuid": recording.session_uuid,
            "recording_uuid": recording.recording_id,
            "from": recording.from_number,
        }
        if armed := self._faults.draw("recording", facts):
            recording.troubles[armed.fault.effect] = dict(armed.parameters)
        troubles = recording.troubles
        if large := troubles.get("large"):
            _, recording.milliseconds = audio.large_size(
                recording.file_format, large["mebibytes"]
            )
        if "never" not in troubles:
            late = troubles.get("late", {}).get("seconds", 0.0)
            recording.available_at = recording.ended_at + timedelta(seconds=late)

    def url_of(self, recording: Recording) -> str:
        """Return where the file of *recording* is."""
        return self._reporter.media_url(recording)
