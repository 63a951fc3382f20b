"""Pages of the things of one session: a limit, and an opaque cursor.

They are ordered by their content, not by their key; a cursor names the last that was
shown, so that callbacks which arrive late don't shift what follows.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl

from masking.core import amounts, numbers
from masking.core.problems import InvalidRequestError

T = TypeVar("T")

USUAL = 50
MOST = 100
MOST_PARAMETERS = 50


@dataclass(frozen=True)
class PageRequest:
    """The page that is asked for; *after* is the place of the last one shown."""

    limit: int = USUAL
    after: list[Any] | None = None


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of a list, and the cursor of the next page if there is more."""

    shown: Sequence[T]
    cursor: str | None


def page_view(
    objects: Sequence[Any], *, limit: int, cursor: str | None
) -> dict[str, Any]:
    """Return the answer that shows a page; *cursor* is where the next one begins."""
    return {
        "api_id": str(uuid.uuid4()),
        "meta": {"limit": limit, "next": cursor},
        "objects": list(objects),
    }


def pairs_in(query: str) -> list[tuple[str, str]]:
    """Read the parameters of a query. Raises InvalidRequestError for too many."""
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        rule = f"must have at most {MOST_PARAMETERS} parameters"
        raise InvalidRequestError(violations=[violation_of("", rule)]) from None


def violation_of(name: str, rule: str) -> dict[str, Any]:
    """Return the violation of a parameter, without its value or any number."""
    return {"field": str(numbers.masked(name))[:64], "rule": rule, "sent": None}


def page_request_in(query: str, *others: str) -> tuple[PageRequest, dict[str, str]]:
    """Read `limit` and `cursor` from a query, and the parameters named *others*.

    Raises InvalidRequestError with all violations.
    """
    pairs = pairs_in(query)
    sent = dict(pairs)
    names = [name for name, _ in pairs]
    rules = [(name, "must be given once") for name in sent if names.count(name) > 1]
    limit, after = USUAL, None
    if "limit" in sent:
        limit = amounts.digits(sent["limit"]) or 0
        if not 1 <= limit <= MOST:
            rules.append(("limit", f"must be a number from 1 to {MOST}"))
    if "cursor" in sent:
        after = _place_in(sent["cursor"])
        if after is None:
            rules.append(("cursor", "must be the cursor of an earlier page"))
    known = {"limit", "cursor", *others}
    rules += [(name, "is not known") for name in sorted(sent.keys() - known)]
    if rules:
        violations = [violation_of(name, rule) for name, rule in rules]
        raise InvalidRequestError(violations=violations)
    return PageRequest(limit, after), {n: sent[n] for n in others if n in sent}


def page_of(
    found: Sequence[T], asked: PageRequest, place_of: Callable[[T], list[Any]]
) -> Page[T]:
    """Return the page; *found* is in the order of what *place_of* gives.

    Raises InvalidRequestError for the cursor of another kind of page.
    """
    rest = found
    if asked.after is not None:
        try:
            rest = [each for each in found if place_of(each) > asked.after]
        except TypeError:
            raise _foreign_cursor() from None
    shown = rest[: asked.limit]
    more = len(rest) > len(shown)
    return Page(shown, cursor_of(place_of(shown[-1])) if more else None)


def cursor_in(query: str) -> list[Any] | None:
    """Return the place of the `cursor` in a query, which may have others beside it.

    Raises InvalidRequestError.
    """
    sent = dict(pairs_in(query)).get("cursor") if query else None
    if sent is None:
        return None
    place = _place_in(sent)
    if place is None:
        raise _foreign_cursor()
    return place


def time_in(place: list[Any] | None) -> datetime | None:
    """Return the time that the place of a cursor begins with; None without one.

    Raises InvalidRequestError for the cursor of another kind of page.
    """
    if place is None:
        return None
    try:
        at = datetime.fromisoformat(place[0])
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (IndexError, OverflowError, TypeError, ValueError):
        raise _foreign_cursor() from None


def _foreign_cursor() -> InvalidRequestError:
    rule = "must be the cursor of an earlier page"
    return InvalidRequestError(violations=[violation_of("cursor", rule)])


def cursor_of(place: list[Any]) -> str:
    """Return the cursor of what follows on a place."""
    text = json.dumps(place, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place_in(cursor: str) -> list[Any] | None:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True)
        place = json.loads(text, parse_constant=_no_constant)
    except (binascii.Error, ValueError, RecursionError):
        return None
    return place if isinstance(place, list) else None


def _no_constant(name: str) -> None:
    message = f"{name} is no place"
    raise ValueError(message)
