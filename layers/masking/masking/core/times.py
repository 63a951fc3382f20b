"""Times: aware UTC inside; how each of our sources and readers writes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime


def stamp(at: datetime) -> str:
    """Write a time so that it sorts: RFC 3339, UTC, microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_stamp(text: str) -> datetime:
    """Parse a time that `stamp` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


# Years of times from outside; others are as good as none, and sort wrong.
FIRST_YEAR, LAST_YEAR = 1970, 9000

CALLBACK_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f")


def parse_callback_time(text: str) -> datetime | None:
    """Parse a time as callbacks write it, in UTC, or as RFC 3339 or Go do."""
    text = text.strip().removesuffix(" UTC").removesuffix(" +0000")
    text = text.removesuffix(" +0000")
    for form in CALLBACK_FORMATS:
        try:
            return _kept(datetime.strptime(text[:26], form).replace(tzinfo=UTC))
        except ValueError:
            continue
    try:
        at = datetime.fromisoformat(text)
        return _kept(
            at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        )
    except (ValueError, OverflowError):
        return None


def _kept(at: datetime) -> datetime | None:
    """Return a time that can be written and sorted; None for any other."""
    return at if FIRST_YEAR <= at.year <= LAST_YEAR else None


def rfc3339(at: datetime | None) -> str | None:
    """Write a time in RFC 3339, to the second, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def parse_go_time(value: object) -> datetime | None:
    """Parse a time as Go prints it, `2024-02-01 06:28:15.123 +0000 UTC`.

    The fraction has any length, the zone may be `+0000 +0000` or missing (then UTC).
    """
    match = GO_TIME.match(value) if isinstance(value, str) else None
    if not match:
        return None
    day, clock, fraction, offset = match.groups()
    micro = (fraction or "").ljust(6, "0")[:6]
    text = f"{day}T{clock}.{micro}{offset or '+0000'}"
    try:
        read = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # Go's zero time, which is how it prints one that is unset, is of the year 1.
    return _kept(read)


GO_TIME = re.compile(
    r"\s*(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})(?:\.(\d+))?\s*"
    r"(?:([+-]\d{2}:?\d{2})|Z)?"
)

Clock = Callable[[], datetime]
