"""A clock that stands still until it is told to go on."""

from __future__ import annotations

from datetime import datetime, timedelta


class Clock:
    """Tell the time, in aware UTC."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """Give the time."""
        return self.at

    def advance(self, **span: float) -> None:
        """Go on by a span, in the words of `timedelta`."""
        self.at += timedelta(**span)
