"""Work off one message of the queue of recordings: store, finish deleting, or give up.

    announced ──> try ──not ready──> pause ──> try ... 13 times in two hours
                   │                                        │
                   └─refused────────────────────────────────┴──> dead letter, FAILED

A dead letter is the message itself, with attributes that say why; sending it back to
the queue is all that a redrive takes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from masking.core import telemetry
from masking.core.errors import RecordingNotReadyError, RecordingRefusedError
from masking.core.time_limits import limit
from masking.domain import recordings
from masking.plivo.media import SETTING

if TYPE_CHECKING:
    from masking.recording.copy_recording import CopyRecording
    from masking.recording.delete_recording import DeleteRecording
    from masking.storage.queues import Queue


DELETING = "recording.deleting"


@dataclass(frozen=True)
class StoreRecording:
    """Works off the queue of recordings.

    *patience* is for how many seconds a recording that is not there yet is tried.
    """

    copy: CopyRecording
    delete: DeleteRecording
    queue: Queue
    dead_letters: Queue
    patience: int

    def work(self, message: Mapping[str, Any], seconds: float = math.inf) -> bool:
        """Deal with an SQS message; False if it must come again.

        What is not done in so many *seconds* is given up for now.
        """
        names: dict[str, str] = {}
        try:
            kind, names = _read(message["body"])
            telemetry.note(**names, outcome="deleted" if kind == DELETING else "stored")
            with limit(seconds, _too_slow):
                if kind == DELETING:
                    self.delete.finish(**names)
                else:
                    self.copy.copy(**names)
        except Exception as error:
            return self._failed(message, names, error)
        return True

    def _failed(
        self, message: Mapping[str, Any], names: Mapping[str, str], error: Exception
    ) -> bool:
        received = int(message["attributes"]["ApproximateReceiveCount"])
        refused = isinstance(error, RecordingRefusedError)
        is_last = refused or received >= recordings.TRIES
        why = _why(error)
        telemetry.note(outcome="given_up" if is_last else "not_stored")
        telemetry.count("RecordingNotStored", reason=why["reason"])
        telemetry.logger().warning(
            "recording given up" if is_last else "recording not stored",
            extra={
                **why,
                "error": type(error).__name__,
                **names,
                "received": received,
            },
        )
        if not is_last:
            pause = recordings.pause_after(received, self.patience)
            self.queue.postpone(message["receiptHandle"], pause)
            return False
        self.dead_letters.pass_on(message["body"], why)
        telemetry.count("RecordingGivenUp", reason=why["reason"])
        if names:
            self.copy.give_up(
                **names, reason=why["reason"], explanation=why["explanation"]
            )
        return True


def _too_slow() -> RecordingNotReadyError:
    message = "the recording could not be stored in the time that a function has"
    return RecordingNotReadyError(message, reason="too_slow")


def _read(body: str) -> tuple[str, dict[str, str]]:
    """Parse a message into the event's type and the recording's two names.

    Raises RecordingRefusedError if the message is not ours.
    """
    try:
        event = json.loads(body)
        detail = event["detail"]
        names = {name: str(detail[name]) for name in ("session_uuid", "recording_uuid")}
        return str(event["detail-type"]), names
    except (ValueError, LookupError, TypeError):
        message = "the message is not the event of a recording"
        raise RecordingRefusedError(message, reason="malformed") from None


def _why(error: Exception) -> dict[str, str]:
    """Return the reason, without anything personal, and what to repair."""
    reason = getattr(error, "reason", None)
    if reason is None:
        # The text of any other error may hold anything.
        return {"reason": "internal", "explanation": type(error).__name__}
    why = {"reason": str(reason), "explanation": str(error)}
    host = getattr(error, "host", None)
    return {**why, "host": host, "setting": SETTING} if host else why
