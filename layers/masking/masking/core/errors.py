"""Failures that have a name and stay inside; `problems` has those that reach HTTP.

MasklineError
├── SettingMissingError          a setting of the function is not set
├── TargetRefusedError           a URL of an app's leads where nothing may be sent
├── StaleStateError              somebody else changed the item first
├── SessionTakenError            the session to reserve is there already
├── ErasureNotReadyError         something can't be erased yet; try again later
├── KeyNotFoundError             the tenant has no such key that is still valid
├── RecordingNotReadyError       the recording is not there yet; try again later
├── RecordingRefusedError        the recording must not or cannot be stored
├── EventsNotTakenError          the bus did not take some events
├── ChangesNotReadError          a range of the table's stream did not come to its end
├── OutOfTimeError               the function ends before the next step could
└── ProblemError                 see `problems`
"""

from __future__ import annotations


class MasklineError(Exception):
    """Something went wrong that we have a name for."""


class SettingMissingError(MasklineError):
    """A setting of the function is not set."""


class StaleStateError(MasklineError):
    """Somebody else changed an item between reading and writing it."""


class SessionTakenError(MasklineError):
    """A session with this UUID is there already."""


class ErasureNotReadyError(MasklineError):
    """Something can't be erased yet; *retry_after* is in seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__("something is being worked on, or its outcome is not known")


class KeyNotFoundError(MasklineError):
    """The tenant has no key with this id, or it is not valid any more."""


class RecordingNotReadyError(MasklineError):
    """The recording could not be fetched yet; a later try may succeed.

    *reason* is a stable word for it. *suspect* is the SHA-256 of a file that is not
    what its entity tag says.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str = "not_available",
        suspect: str | None = None,
    ) -> None:
        self.reason = reason
        self.suspect = suspect
        super().__init__(message)


class RecordingRefusedError(MasklineError):
    """The recording must not or cannot be stored, however often it is tried.

    *reason* is a stable word for it; *host* the host that is not allowed, if it is one.
    """

    def __init__(
        self, message: str, *, reason: str = "refused", host: str | None = None
    ) -> None:
        self.reason = reason
        self.host = host
        super().__init__(message)


class EventsNotTakenError(MasklineError):
    """The bus did not take some of the events."""


class ChangesNotReadError(MasklineError):
    """A range of the table's stream did not come to its end; later it may."""


class TargetRefusedError(MasklineError):
    """A URL of an app's leads where nothing may be sent."""


class OutOfTimeError(MasklineError):
    """The function ends before the next step could."""
