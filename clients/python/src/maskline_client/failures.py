"""What goes wrong, and whether it may be tried again."""

from __future__ import annotations

from enum import Enum
from typing import Any

import httpx

from maskline_client.generated.models import Problem

# Beside what has a Retry-After: what may be otherwise the next time.
PASSING = frozenset(
    {
        *("carrier_unreachable", "carrier_failed", "carrier_timeout"),
        *("carrier_throttled", "storage_unavailable", "internal_error"),
    }
)

# API Gateway's own answers, which have no code: too many, failed, too slow.
PASSING_STATUSES = frozenset({429, 500, 503})


class Repeatable(Enum):
    """When a request may be sent again."""

    # Sent twice it does what it does once.
    ALWAYS = "always"
    # Only if the first has done nothing.
    IF_UNDONE = "if undone"


class MasklineError(Exception):
    """The API refused a request, or failed.

    *code* is stable, and None where API Gateway answered by itself. *outcome* is
    `not_created`, `not_updated`, `not_expired`, or `unknown`; None of reads.
    *retry_after* is in seconds. *problem* is the whole document.
    """

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.problem = _problem_in(response)
        self.code: str | None = self.problem.code if self.problem else None
        outcome = self.problem.outcome if self.problem else None
        self.outcome: str | None = outcome if isinstance(outcome, str) else None
        told = response.headers.get("retry-after", "")
        self.retry_after = int(told) if told.isdigit() else None
        detail = self.problem.detail if self.problem else response.text[:200]
        super().__init__(f"{self.status} {self.code or ''}: {detail}")

    def may_be_repeated(self, repeatable: Repeatable) -> bool:
        """Return whether the same request may succeed, and harms nothing."""
        passing = (
            self.retry_after is not None
            or self.code in PASSING
            or (self.code is None and self.status in PASSING_STATUSES)
        )
        if repeatable is Repeatable.ALWAYS or self.status == 429:
            return passing
        undone = self.outcome is not None and self.outcome.startswith("not_")
        return passing and undone


class NoAnswerError(Exception):
    """No answer came, so that nobody knows whether the request was carried out.

    *sent* is false if no connection came about.
    """

    def __init__(self, cause: httpx.TransportError) -> None:
        super().__init__(f"no answer: {type(cause).__name__}")
        self.sent = not isinstance(cause, (httpx.ConnectError, httpx.ConnectTimeout))

    def may_be_repeated(self, repeatable: Repeatable) -> bool:
        """Return whether the same request harms nothing."""
        return repeatable is Repeatable.ALWAYS or not self.sent


def _problem_in(response: httpx.Response) -> Problem | None:
    if "problem+json" not in response.headers.get("content-type", ""):
        return None
    document: dict[str, Any] = response.json()
    return Problem.from_dict(document)
