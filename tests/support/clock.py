"""A clock that stands still until it is advanced."""

from __future__ import annotations

from datetime import datetime, timedelta


class Clock:
    """Tell the time, in aware UTC."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """Return the time."""
        return self.at

    def advance(self, **span: float) -> None:
        """Advance by a span, in the words of `timedelta`."""
        self.at += timedelta(**span)
