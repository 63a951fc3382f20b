"""The part of the table that is about deliveries to apps and how their servers fare."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from masking.items import DELIVERY, PAUSE, Item, part, session_key, stamp
from masking.rows import ConditionFailedError, Rows

# For how long it is remembered that an app's server failed.
ENDPOINT_SECONDS = 7 * 86_400

# DynamoDB keeps the word for itself.
UNTIL = {"#until": "until"}


class DeliveryTable(Rows):
    """Deliveries: one write for each attempt, one more where it fails."""

    def put_delivery(
        self, session_uuid: str, event_id: str, item: Item, now: datetime
    ) -> None:
        """Write how a delivery stands."""
        self._put(
            {
                **item,
                "pk": session_key(session_uuid),
                "sk": part(DELIVERY, event_id),
                "purge_at": self._purge_at(now, item.get("retention_days")),
            }
        )

    def delivery(self, session_uuid: str, event_id: str) -> Item | None:
        """Read a delivery."""
        return self._get(session_key(session_uuid), part(DELIVERY, event_id))

    def deliveries(self, session_uuid: str) -> list[Item]:
        """Read all deliveries of a session."""
        return self._parts(
            session_key(session_uuid), part(DELIVERY, ""), consistent=False
        )

    def endpoint(self, endpoint: str) -> Item | None:
        """Read how an app's server fares; None if it has not failed lately."""
        return self._get(endpoint, PAUSE, consistent=False)

    def count_failure(self, endpoint: str, now: datetime) -> Item:
        """Count one more failure in a row; give how the server fares now."""
        return self._update(
            (endpoint, PAUSE),
            "ADD failures :one SET purge_at = :purge_at",
            {":one": 1, ":purge_at": int(now.timestamp()) + ENDPOINT_SECONDS},
            gives="ALL_NEW",
        )

    def put_pause(self, endpoint: str, until: datetime, pauses: int) -> None:
        """Leave an endpoint alone, for the time *pauses*, unless somebody just did."""
        with suppress(ConditionFailedError):
            self._update(
                (endpoint, PAUSE),
                "SET #until = :until, pauses = :pauses",
                {":until": stamp(until), ":pauses": pauses},
                "attribute_not_exists(pauses) OR pauses < :pauses",
                names=UNTIL,
            )

    def forget_failures(self, endpoint: str) -> None:
        """Forget that an app's server failed."""
        self._update(
            (endpoint, PAUSE),
            "SET failures = :none REMOVE #until, pauses",
            {":none": 0},
            names=UNTIL,
        )
