"""Write and read the time formats of the masking API.

Answers carry Go's `time.Time.String()`: a fraction of variable length with trailing
zeros cut, then the offset, then a zone name that in captured update answers is the
offset once more. List filters use another format, without zone. Callbacks use
seconds without zone. Records of calls, recordings and messages carry an offset.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_FILTER = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d(\.\d{1,6})?)?")
_IST = timedelta(hours=5, minutes=30)


def go_time(moment: datetime, zone: str = "UTC") -> str:
    """Return *moment* as Go prints it; *zone* is `UTC` or, after updates, `+0000`."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    fraction = f"{moment.microsecond:06d}".rstrip("0")
    return f"{text}{'.' + fraction if fraction else ''} +0000 {zone}"


def mislabeled_go_time(moment: datetime) -> str:
    """Return *moment* in Indian time labeled UTC, as captures of 2023 have it."""
    return go_time(moment + _IST)


def event_time(moment: datetime) -> str:
    """Return *moment* as callbacks and filters write it, in whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def zoned_time(moment: datetime | None) -> str | None:
    """Return *moment* as samples of account resources have it: Indian, with offset."""
    if moment is None:
        return None
    return (moment + _IST).strftime("%Y-%m-%d %H:%M:%S+05:30")


def precise_time(moment: datetime) -> str:
    """Return *moment* in UTC with microseconds, as SessionStart has it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def account_time(moment: datetime | None) -> str:
    """Return *moment* in the account's time zone without offset, "" for none.

    Captured requests of an Indian account have their times so, beside a SessionStart
    in UTC.
    """
    return event_time(moment + _IST) if moment else ""


def parse_filter_time(text: str) -> datetime:
    """Read `YYYY-MM-DD HH:MM[:ss[.uuuuuu]]` as UTC. Raise ValueError on all else."""
    if not _FILTER.fullmatch(text):
        raise ValueError("expected YYYY-MM-DD HH:MM[:ss[.uuuuuu]]")
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
