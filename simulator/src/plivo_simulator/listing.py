"""Filter and page lists as Plivo does: windows, comparisons, limit and offset.

Without a bound on time a list shows the last 7 days; no window may be wider than 30
days, and nothing is older than 90.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

from .parameters import BadParameterError
from .rules.model import Session
from .time_formats import parse_filter_time

DEFAULT_WINDOW = timedelta(days=7)
MAX_WINDOW = timedelta(days=30)
KEPT = timedelta(days=90)
MAX_LIMIT = 20

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "": operator.eq,
    "__lt": operator.lt,
    "__lte": operator.le,
    "__gt": operator.gt,
    "__gte": operator.ge,
}
_Item = TypeVar("_Item")
_STATUSES = ("active", "in-progress", "expired", "all")


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its limit and offset, and the request that asked for it."""

    limit: int
    offset: int
    path: str
    query: Sequence[tuple[str, str]]

    def meta(self, total: int) -> dict[str, Any]:
        """Return the `meta` object of a list of *total* items."""
        following = self.offset + self.limit
        before = max(self.offset - self.limit, 0)
        return {
            "limit": self.limit,
            "next": self._link(following) if following < total else None,
            "offset": self.offset,
            "previous": self._link(before) if self.offset > 0 else None,
            "total_count": total,
        }

    def cut(self, items: Sequence[_Item]) -> Sequence[_Item]:
        """Return the items on this page."""
        return items[self.offset : self.offset + self.limit]

    def _link(self, offset: int) -> str:
        kept = [(k, v) for k, v in self.query if k not in ("limit", "offset")]
        query = [*kept, ("limit", str(self.limit)), ("offset", str(offset))]
        return f"{self.path}?{urlencode(query)}"


def read_page(path: str, query: Sequence[tuple[str, str]]) -> Page:
    """Read `limit` (1..20) and `offset`. Raise BadParameterError."""
    sent = dict(query)
    limit = _whole(sent.get("limit", str(MAX_LIMIT)), "limit")
    offset = _whole(sent.get("offset", "0"), "offset")
    if not 1 <= limit <= MAX_LIMIT:
        raise BadParameterError(f"limit must be between 1 and {MAX_LIMIT}")
    return Page(limit, offset, path, query)


def matching(
    sessions: Iterable[Session],
    filters: Mapping[str, str],
    status_of: Callable[[Session], str],
    now: datetime,
) -> list[Session]:
    """Return the sessions that pass *filters*, newest first."""
    tests = [
        *_number_tests(filters),
        *comparisons(filters, "created_time", parse_filter_time),
        *comparisons(filters, "expiry_time", parse_filter_time),
        *comparisons(filters, "duration", int),
        _status_test(filters.get("status", "all"), status_of),
        _window(filters, now),
    ]
    if subaccount := filters.get("subaccount"):
        tests.append(lambda s: s.account == subaccount)
    chosen = [s for s in sessions if all(test(s) for test in tests)]
    # Of those that were created at one time, as on a clock that stands, the last first.
    chosen.sort(key=lambda s: s.created_time)
    return chosen[::-1]


def check_window(
    filters: Mapping[str, str], names: Sequence[str], now: datetime
) -> tuple[datetime, datetime, str]:
    """Return the window's ends and the name of the time it bounds.

    Raise BadParameterError when it is wider than 30 days.
    """
    for name in names:
        low = _bound(filters, name, ("__gt", "__gte", ""))
        high = _bound(filters, name, ("__lt", "__lte", ""))
        if low is None and high is None:
            continue
        end = high or max(now, low or now)
        start = low or end - MAX_WINDOW
        if end - start > MAX_WINDOW:
            raise BadParameterError("the time range must not exceed 30 days")
        return start, end, name
    return now - DEFAULT_WINDOW, now, names[0]


def _window(filters: Mapping[str, str], now: datetime) -> Callable[[Session], bool]:
    start, _, name = check_window(filters, ("created_time", "expiry_time"), now)
    oldest = now - KEPT
    return lambda s: getattr(s, name) >= start and s.created_time >= oldest


def _number_tests(filters: Mapping[str, str]) -> list[Callable[[Session], bool]]:
    tests: list[Callable[[Session], bool]] = []
    for name in ("first_party", "second_party", "virtual_number"):
        if wanted := filters.get(name, "").strip().removeprefix("+"):
            tests.append(_equals(name, wanted))
    return tests


def _equals(name: str, wanted: str) -> Callable[[Session], bool]:
    return lambda session: getattr(session, name) == wanted


def comparisons(
    filters: Mapping[str, str],
    name: str,
    parse: Callable[[str], Any],
    read: Callable[[Any], Any] | None = None,
) -> list[Callable[[Any], bool]]:
    """Return the tests that `name`, `name__lt` and so on ask for.

    *read* returns what is compared, by default the attribute *name*. Raise
    BadParameterError for a bound that *parse* refuses with a ValueError.
    """
    tests: list[Callable[[Any], bool]] = []
    for suffix, compare in _COMPARISONS.items():
        if (text := filters.get(name + suffix)) is None:
            continue
        try:
            bound = parse(text)
        except ValueError:
            raise BadParameterError(f"invalid {name}{suffix}") from None
        tests.append(_compares(read or operator.attrgetter(name), compare, bound))
    return tests


def _compares(
    read: Callable[[Any], Any], compare: Callable[[Any, Any], bool], bound: Any
) -> Callable[[Any], bool]:
    return lambda item: compare(read(item), bound)


def _status_test(
    wanted: str, status_of: Callable[[Session], str]
) -> Callable[[Session], bool]:
    if wanted not in _STATUSES:
        raise BadParameterError(f"status must be one of {', '.join(_STATUSES)}")
    return lambda session: wanted == "all" or status_of(session) == wanted


def _bound(
    filters: Mapping[str, str], name: str, suffixes: Sequence[str]
) -> datetime | None:
    for suffix in suffixes:
        if text := filters.get(name + suffix):
            try:
                return parse_filter_time(text)
            except ValueError:
                raise BadParameterError(f"invalid {name}{suffix}") from None
    return None


def _whole(text: str, name: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise BadParameterError(f"{name} must be a whole number")
    return int(text)
