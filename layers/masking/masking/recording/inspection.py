"""Inspect a file while it is copied: what it is, and what was said of it wrongly.

A file is judged by its own bytes. What Plivo and the origin said of it (format, media
type, size, duration, checksum) is compared with them, and a difference is noted. Where
it may mean that the end of the file is missing, the file must come alike again and
again, or have the MD5 that its origin promised, before it is believed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from masking.core.errors import RecordingNotReadyError
from masking.domain import audio_files
from masking.plivo.download import START

if TYPE_CHECKING:
    from masking.domain.recordings import Recording
    from masking.plivo.download import Download


# Media types that origins give of each format; others that name a kind of content
# contradict it, and those that name none do not.
MEDIA_TYPES = {
    "mp3": frozenset({"audio/mpeg", "audio/mp3", "audio/x-mp3", "audio/mpeg3"}),
    "wav": frozenset({"audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave"}),
}
NO_TYPES = frozenset({"", "application/octet-stream", "binary/octet-stream"})


class Inspection:
    """The inspection of one *download* of a recording.

    Raises RecordingNotReadyError at once if it does not begin like audio, and from
    `Download.read`, before its last bytes, if it may not be whole; unless an operator
    has let the recording in. *format* is what its bytes are, empty if nobody knows.
    """

    def __init__(self, recording: Recording, download: Download) -> None:
        self._download = download
        self._said = recording.duration
        self._start = download.peek(START)
        self._verdict = audio_files.Verdict()
        found = audio_files.format_of(self._start, recording.format)
        if not self._start:
            message = "the file is empty"
            raise RecordingNotReadyError(message, reason="truncated")
        if found is None and not recording.accepted:
            message = "the origin's file does not begin like mp3 or wav"
            raise RecordingNotReadyError(message, reason="not_audio")
        self.format = found or ""
        self._is_misnamed = bool(recording.format) and self.format != recording.format
        download.check = self._check

    def findings(self) -> dict[str, Any]:
        """Return what the file is, as attributes of its recording."""
        seconds = self._verdict.seconds
        is_known = seconds is not None and math.isfinite(seconds)
        return {
            "format": self.format,
            "file_duration": round(seconds) if is_known and seconds else None,
            "contradictions": self._contradictions(),
        }

    def _contradictions(self) -> tuple[str, ...]:
        media_type = self._download.promise.content_type
        is_mistyped = media_type not in NO_TYPES | MEDIA_TYPES.get(
            self.format, frozenset()
        )
        noted = {
            "format": self._is_misnamed,
            "content_type": is_mistyped,
            **dict.fromkeys(self._verdict.contradictions, True),
            "checksum": self._download.fits_md5 is False,
        }
        return tuple(name for name, is_so in noted.items() if is_so)

    def _check(self, size: int) -> None:
        """Judge the whole file. Raises RecordingNotReadyError if it may be cut off."""
        self._verdict = audio_files.judge(self.format, self._start, size, self._said)
        download = self._download
        if not self._verdict.is_doubtful or download.is_believed or download.fits_md5:
            return
        what = "its header" if "size" in self._verdict.contradictions else "the call"
        raise RecordingNotReadyError(
            f"the file is too short for {what}",
            reason="truncated",
            suspect=download.sha256,
        )
