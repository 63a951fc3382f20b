"""A clock that stands still until it is told to go on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from masking.storage.stores import Stores
from masking.wiring import Services


class Clock:
    """Tell the time, in aware UTC."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """Return the time."""
        return self.at

    def advance(self, **span: float) -> None:
        """Go on by a span, in the words of `timedelta`."""
        self.at += timedelta(**span)


def at(
    services: Services, clock: Callable[[], datetime], stores: Stores | None = None
) -> Services:
    """Return services of the same deployment that live by *clock*.

    *stores* takes the place of the deployment's own.
    """
    moved = Services(services.settings, now=clock)
    moved.stores = stores or services.stores
    return moved
