"""Validate searches: Plivo's filters, labels, a page.

Times are RFC 3339, or as Plivo's filters have them (`YYYY-MM-DD HH:MM[:SS[.ffffff]]`,
UTC). As at Plivo, a search without bounds on `created_time` covers the last 7 days,
and one with bounds at most 30 days (plivo-contract 1.6).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from masking.api import pages
from masking.api.fields import LONGEST_SECONDS, Labels, PhoneNumber, Subaccount
from masking.api.request_models import Body
from masking.api.requests import violation_of, violations_of
from masking.core import amounts
from masking.core.problems import InvalidRequestError, NumberInUrlError
from masking.core.times import FIRST_YEAR, LAST_YEAR

USUAL_WINDOW = timedelta(days=7)
LONGEST_WINDOW = timedelta(days=30)

PARTIES = frozenset({"either_party", "first_party", "second_party", "virtual_number"})

MOST_SKIPPED = 1_000

COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "": operator.eq,
    "__gt": operator.gt,
    "__gte": operator.ge,
    "__lt": operator.lt,
    "__lte": operator.le,
}


def _time(value: object) -> object:
    message = "must be a time in RFC 3339, such as 2026-01-31T12:00:00Z"
    if not isinstance(value, str) or len(value) > 40 or not value.isascii():
        raise ValueError(message)
    try:
        at = datetime.fromisoformat(value)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(message) from None
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        message = f"must be a time from {FIRST_YEAR} to {LAST_YEAR}"
        raise ValueError(message)
    return at


Time = Annotated[
    datetime,
    BeforeValidator(_time),
    Field(json_schema_extra={"examples": ["2026-01-31T12:00:00Z"]}),
]
Duration = Annotated[int, Field(ge=0, le=LONGEST_SECONDS)]


class Search(Body):
    """A search for sessions; every filter that is given must hold."""

    either_party: PhoneNumber | None = None
    first_party: PhoneNumber | None = None
    second_party: PhoneNumber | None = None
    virtual_number: PhoneNumber | None = None
    subaccount: Subaccount | None = None
    status: Literal["active", "updating", "ending", "expired", "all"] = "all"
    created_time: Time | None = None
    created_time__gt: Time | None = None
    created_time__gte: Time | None = None
    created_time__lt: Time | None = None
    created_time__lte: Time | None = None
    expiry_time: Time | None = None
    expiry_time__gt: Time | None = None
    expiry_time__gte: Time | None = None
    expiry_time__lt: Time | None = None
    expiry_time__lte: Time | None = None
    duration: Duration | None = None
    duration__gt: Duration | None = None
    duration__gte: Duration | None = None
    duration__lt: Duration | None = None
    duration__lte: Duration | None = None
    labels: Labels = Field(default_factory=dict)
    limit: Annotated[int, Field(ge=1, le=50)] = 20
    offset: Annotated[int, Field(ge=0, le=MOST_SKIPPED)] = 0
    cursor: Annotated[str, Field(max_length=200)] | None = None

    @property
    def takes_all(self) -> bool:
        """Return whether every listed session fits."""
        narrowing = self.model_dump(
            exclude={"labels", "limit", "offset", "cursor"}, exclude_defaults=True
        )
        return len(self.labels) < 2 and not any(
            not name.startswith("created_time") for name in narrowing
        )

    def window(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the span of creation times that is searched.

        Raises InvalidRequestError if it is longer than 30 days.
        """
        exact = self.created_time
        lower = [self.created_time__gt, self.created_time__gte, exact]
        upper = [self.created_time__lt, self.created_time__lte, exact]
        last = min((at for at in upper if at), default=None)
        first = max((at for at in lower if at), default=None)
        if exact:
            return exact, exact + timedelta(seconds=1)
        last = last or max(now, first or now) + timedelta(minutes=5)
        first = first or last - USUAL_WINDOW
        if last - first > LONGEST_WINDOW + timedelta(minutes=5):
            rule = f"must span at most {LONGEST_WINDOW.days} days"
            violation = {"field": "created_time", "rule": rule, "sent": None}
            raise InvalidRequestError(violations=[violation])
        return first, last

    def fits(
        self,
        *,
        status: str,
        created_time: datetime | None,
        expiry_time: datetime | None,
        duration: int | None,
    ) -> bool:
        """Return whether a session with these values fits. Times are to the second."""
        if self.status not in ("all", status):
            return False
        values = {
            "created_time": _to_second(created_time),
            "expiry_time": _to_second(expiry_time),
            "duration": duration,
        }
        return all(
            bound is None or (value is not None and compare(value, bound))
            for name, value in values.items()
            for suffix, compare in COMPARISONS.items()
            for bound in [getattr(self, name + suffix)]
        )


def parse_search(sent: Mapping[str, Any]) -> Search:
    """Check the body of a search. Raises InvalidRequestError with all violations."""
    violations, _ = violations_of(Search, sent)
    if sent.get("offset") and sent.get("cursor"):
        rule = "cannot be given beside a cursor, which knows its place"
        violations.append(violation_of("offset", rule, sent))
    if violations:
        raise InvalidRequestError(violations=violations)
    return Search.model_validate(sent)


def parse_query(query: str) -> Search:
    """Check the query of a listing: the filters of a search without numbers.

    Each label is asked for as `label.order_id=...`. Raises NumberInUrlError for filters
    by number, and InvalidRequestError with all violations.
    """
    sent: dict[str, Any] = {}
    labels: dict[str, str] = {}
    repeated = []
    for name, value in pages.pairs_in(query):
        if name in PARTIES:
            raise NumberInUrlError
        label = name.removeprefix("label.")
        if name in sent or (label != name and label in labels):
            repeated.append(name)
        if label != name:
            labels[label] = value
            continue
        counted = name in ("limit", "offset") or name.startswith("duration")
        number = amounts.digits(value) if counted else None
        sent[name] = value if number is None else number
    if labels:
        # Text that is given as `labels` is refused as what it is.
        sent.setdefault("labels", labels)
    if repeated:
        rule = "must be given once"
        raise InvalidRequestError(
            violations=[pages.violation_of(name, rule) for name in repeated]
        )
    return parse_search(sent)


def _to_second(at: datetime | None) -> datetime | None:
    return at.replace(microsecond=0) if at else None
