"""TODO core.errors."""

from __future__ import annotations


class MasklineError(Exception):
    """Something of ours that has a name went wrong."""


class SettingMissingError(MasklineError):
    """A setting of the function is not set."""


class StaleStateError(MasklineError):
    """Somebody else changed the session between reading and writing it."""


class SessionTakenError(MasklineError):
    """A session with this UUID is there already."""


class ErasureNotReadyError(MasklineError):
    """Something of a person's can't be erased yet; *retry_after* is in seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__("something is being worked on, or its outcome is not known")


class KeyNotFoundError(MasklineError):
    """The tenant has no key with this id, or none that still opens anything."""


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


class TargetRefusedError(MasklineError):
    """A URL of an app's leads where nothing may be sent."""
