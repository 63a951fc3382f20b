"""End recordings: their length, and the faults that their files have."""

from __future__ import annotations

from datetime import datetime, timedelta

from . import audio
from .faults import Faults
from .records import Recording


def finish(recording: Recording, now: datetime, faults: Faults) -> None:
    """End *recording* at *now*, draw its faults, and set when its file is there."""
    recording.ended_at = now
    lasted = recording.ended_at - recording.started_at
    recording.milliseconds = round(lasted / timedelta(milliseconds=1))
    facts = {
        "session_uuid": recording.session_uuid,
        "recording_uuid": recording.recording_id,
        "from": recording.from_number,
    }
    if armed := faults.draw("recording", facts):
        recording.troubles[armed.fault.effect] = dict(armed.parameters)
    troubles = recording.troubles
    if large := troubles.get("large"):
        _, recording.milliseconds = audio.large_size(
            recording.file_format, large["mebibytes"]
        )
    if "never" not in troubles:
        late = troubles.get("late", {}).get("seconds", 0.0)
        recording.available_at = recording.ended_at + timedelta(seconds=late)
