"""A stand-in for EventBridge's client that refuses some entries of every request."""

from __future__ import annotations

from typing import Any


class RefusingClient:
    """Record the batches that it is given; refuse the entries at some places."""

    def __init__(self, refuse: frozenset[int] = frozenset()) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self._refuse = refuse

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        """Answer as EventBridge does."""
        self.batches.append(Entries)
        entries = [
            {"ErrorCode": "ThrottlingException"} if n in self._refuse else {}
            for n in range(len(Entries))
        ]
        return {"FailedEntryCount": len(self._refuse), "Entries": entries}
