"""Times: aware UTC inside; how each of our sources and readers writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta


def stamp(at: datetime) -> str:
    """Write a time so that it sorts: RFC 3339, UTC, microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_stamp(text: str) -> datetime:
    """Parse a time that `stamp` wrote."""
    return datetime.fromisoformat(text)


# Years of times from outside; others are as good as none, and sort wrong.
FIRST_YEAR, LAST_YEAR = 1970, 9000

# The writings that Plivo documents and shows, and those of common libraries: ISO 8601
# and Go's `String()`, the same with other separators, RFC 1123 and the date of C and
# Ruby. What stands in for the zone is read by `_offset`.
_ZONE = r"(?P<zone>(?:\s*(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}(?::?\d{2})?|[A-Z]{3,5}))*)"
_CLOCK = r"(?P<h>\d{1,2})[:-](?P<min>\d{2})[:-](?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?"
_MONTH = r"(?P<mon>[A-Z][a-z]{2})[a-z]*\.?"
_GO_MONOTONIC = r"(?:\s+m=[+-][\d.]+)?"
_PLAIN = re.compile(
    r"(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})[ T](?P<h>\d{2}):(?P<min>\d{2})"
    r":(?P<s>\d{2})(?:\.(?P<f>\d{1,9}))?"
    r"(?P<zone>\s*(?:Z|UTC|[+-]\d{2}:?\d{2}|\+0000 (?:UTC|\+0000))?)"
)
_WRITINGS = (
    re.compile(
        rf"(?P<y>\d{{4}})[-/.](?P<m>\d{{1,2}})[-/.](?P<d>\d{{1,2}})(?:,?\s+|T)"
        rf"{_CLOCK}{_ZONE}{_GO_MONOTONIC}"
    ),
    re.compile(
        rf"(?:[A-Z][a-z]+,?\s+)?(?P<d>\d{{1,2}})[ -]{_MONTH}[ -](?P<y>\d{{4}}),?\s+"
        rf"{_CLOCK}{_ZONE}"
    ),
    re.compile(
        rf"(?:[A-Z][a-z]{{2}}\s+)?{_MONTH}\s+(?P<d>\d{{1,2}})\s+{_CLOCK}{_ZONE}"
        rf"\s+(?P<y>\d{{4}})"
    ),
)
_EPOCH = re.compile(r"(?P<s>[1-9]\d{9})(?:\.\d+|(?P<f>\d{3}|\d{6}|\d{9}))?")
_MONTHS = [
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
]
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")


def parse_callback_time(text: str) -> datetime | None:
    """Parse the time in a callback; None if it can't be told or is out of this world.

    Many writings are read, because Plivo documents none (plivo-contract 2.1). A time
    without a zone is UTC; a zone that has a name alone is not known, unless it is UTC.
    A time before
    1970 or after 9000 is one that nobody set.
    """
    text = text.strip()
    if len(text) > LONGEST_TIME or not text.isascii():
        return None
    epoch = _EPOCH.fullmatch(text)
    if epoch:
        micro = int((epoch["f"] or "").ljust(6, "0")[:6])
        return datetime.fromtimestamp(int(epoch["s"]), UTC).replace(microsecond=micro)
    for writing in _WRITINGS:
        match = writing.fullmatch(text)
        if match:
            return _moment_of(match.groupdict())
    return None


# No writing of a time is as long.
LONGEST_TIME = 80


def is_plain_time(text: str) -> bool:
    """Return whether a callback's time is written as Plivo's API writes times."""
    return _PLAIN.fullmatch(text.strip()[:LONGEST_TIME]) is not None


def _moment_of(part: Mapping[str, str | None]) -> datetime | None:
    month = part.get("m") or ""
    if part.get("mon"):
        name = str(part["mon"])
        month = str(_MONTHS.index(name) + 1) if name in _MONTHS else ""
    offset = _offset(part["zone"] or "")
    if not month or offset is None:
        return None
    year, of_month, day, hour, minute, second = (
        int(text or 0)
        for text in (part["y"], month, part["d"], part["h"], part["min"], part["s"])
    )
    micro = int((part["f"] or "").ljust(6, "0")[:6])
    try:
        local = datetime(year, of_month, day, hour, minute, second, micro, UTC)
        at = local - offset
    except (ValueError, OverflowError):
        return None
    return _kept(at)


def _offset(zone: str) -> timedelta | None:
    """Return what a zone is ahead of UTC; None if it has a name alone."""
    match = _OFFSET.search(zone)
    if match:
        ahead = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return -ahead if match[1] == "-" else ahead
    return timedelta(0) if zone.strip() in ("", "Z", "UTC", "GMT") else None


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
