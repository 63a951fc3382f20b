"""Callbacks: what Plivo reported of sessions.

| access                           | request units   |
|----------------------------------|-----------------|
| whose it is                      | 1 read          |
| keep a callback                  | 1 write         |
| a wrong PIN, beside its callback | 1 write         |
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from masking.core.key_space import CALLBACK, STATE, Item, part_key, session_key
from masking.core.times import parse_callback_time, stamp
from masking.storage.table import (
    IS_NEW,
    ConditionFailedError,
    Table,
)

# How long it is kept who got PINs wrong on a day.
WRONG_PIN_SECONDS = 2 * 86_400


# The places of callbacks without a time are after all others.
UNTIMED = "~"
DIGITS = 6


@dataclass(frozen=True)
class Owner:
    """What of a session is asked for when a callback of it comes.

    *purge_at* is when its items are purged, in seconds since 1970.
    """

    tenant_id: str
    base_url: str
    carrier_session_uuid: str | None
    is_erased: bool
    purge_at: int | None


class CallbackStore:
    """Callbacks: one write for each, and one more for a wrong PIN."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def owner(self, session_uuid: str) -> Owner | None:
        """Read whose callbacks a session's are, consistently.

        Callbacks are the most frequent of all requests, and need little of a session.
        """
        state = self._table.get(session_key(session_uuid), STATE)
        if state is None:
            return None
        return Owner(
            tenant_id=state["tenant_id"],
            base_url=state["base_url"],
            carrier_session_uuid=state.get("carrier_session_uuid"),
            is_erased="erased_at" in state,
            purge_at=state.get("purge_at"),
        )

    def put(
        self,
        session_uuid: str,
        digest: str,
        *,
        kind: str,
        tenant_id: str,
        attempt: int,
        attributes: Mapping[str, str],
        received_at: datetime,
        came: Mapping[str, str] | None = None,
        erased: bool = False,
        purge_at: int | None = None,
    ) -> bool:
        """Keep a callback. Returns False if it is there already; changes nothing.

        *came* says how: as a form, JSON or GET, and what proved it. With *erased* it
        belongs to an erased session, and is redacted. *purge_at* is
        when its session is purged, in seconds since 1970.
        """
        if purge_at is None:
            purge_at = self._table.purge_at(received_at)
        item = {
            "pk": session_key(session_uuid),
            "sk": part_key(CALLBACK, f"{place_of(attributes)}#{digest}"),
            "kind": kind,
            "tenant_id": tenant_id,
            "attempt": attempt,
            "attributes": dict(attributes),
            **({"came": dict(came)} if came else {}),
            **({"erased": True} if erased else {}),
            "received_at": stamp(received_at),
            "purge_at": purge_at,
        }
        try:
            self._table.put(item, IS_NEW)
        except ConditionFailedError:
            return False
        return True

    def get(self, session_uuid: str, name: str) -> Item | None:
        """Read a callback by its name, as `callback_name` returns it."""
        return self._table.get(session_key(session_uuid), part_key(CALLBACK, name))

    def of_session(self, session_uuid: str) -> list[Item]:
        """Read all callbacks of a session, in the order of their places."""
        return self._table.parts(session_key(session_uuid), part_key(CALLBACK, ""))

    def redact(self, before: Item, after: Item) -> None:
        """Write the redacted callback *after* in the place of *before*."""
        with suppress(ConditionFailedError):
            self._table.put(after, IS_NEW)
        self._table.delete(before["pk"], before["sk"])

    # Wrong PINs

    def count_wrong_pin(self, key: str, at: datetime, digest: str, *, most: int) -> int:
        """Count a wrong PIN once; return how many there were that day, up to *most*.

        0 means that there had been as many already.
        """
        is_first = "attribute_not_exists(digests)"
        is_counted = "contains(digests, :digest)"
        try:
            item = self._table.update(
                (key, str(at.date())),
                "ADD digests :digests SET purge_at = :purge_at",
                {
                    ":digests": {digest},
                    ":digest": digest,
                    ":most": most,
                    ":purge_at": int(at.timestamp()) + WRONG_PIN_SECONDS,
                },
                f"{is_first} OR size(digests) < :most OR {is_counted}",
                returns="ALL_NEW",
            )
        except ConditionFailedError:
            return 0
        return len(item["digests"])


def place_of(attributes: Mapping[str, str]) -> str:
    """Return where a callback stands among its session's, as a text that sorts.

    That is its time, or its number if the time can't be read. It is part of the key,
    so it is made of what Plivo sent and of nothing else: a callback that comes again
    finds itself.
    """
    at = parse_callback_time(attributes.get("EventTimestamp", ""))
    if at:
        return stamp(at)
    number = attributes.get("SequenceNumber", "")
    # A longer one may be anything, a phone number too, and no key holds those.
    known = number.isascii() and number.isdigit() and len(number) <= DIGITS
    return UNTIMED + (number.zfill(DIGITS) if known else "")
