"""Which session has a PIN at a virtual number.

| access                | request units             |
|-----------------------|---------------------------|
| take a PIN            | 1 write                   |
| find that it is taken | 1 write, 1 read, and 1    |
|                       | to read the session       |

A claim holds for as long as its session can be called at that number, and is taken
over from one that cannot: so neither the end of a session nor its extension writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from masking.core import numbers
from masking.core.key_space import PIN, pin_key
from masking.domain import sessions
from masking.domain.sessions import Session, Status
from masking.storage.sessions import SessionStore
from masking.storage.table import IS_NEW, ConditionFailedError, Table

IS_STILL_OF = "session_uuid = :seen"


@dataclass(frozen=True)
class Claim:
    """What a session claims: PINs at its virtual number, until it *ends*."""

    session_uuid: str
    virtual_number: str | None
    pins: tuple[str, ...]
    ends: datetime


class PinStore:
    """Claims of PINs, by a keyed hash of virtual number and PIN."""

    def __init__(self, table: Table, sessions: SessionStore) -> None:
        self._table = table
        self._sessions = sessions

    def take_all(self, claim: Claim, key: bytes, now: datetime) -> bool:
        """Take the PINs of a session; False if another that is live has one of them.

        *key* hashes them. They are taken in one order, so that of two sessions at once
        one gets all.
        """
        return all(
            self._take_unless_held(claim, pin, key, now) for pin in sorted(claim.pins)
        )

    def holder(self, pk: str) -> str | None:
        """Return the session that has a PIN."""
        item = self._table.get(pk, PIN)
        return str(item["session_uuid"]) if item else None

    def _take_unless_held(
        self, claim: Claim, pin: str, key: bytes, now: datetime
    ) -> bool:
        pk = pin_key(numbers.hashed(key, f"PIN {claim.virtual_number} {pin}"))
        if self._take(pk, claim):
            return True
        holder = self.holder(pk)
        if holder in (None, claim.session_uuid):
            return True
        other = self._sessions.load(str(holder))
        if other and _holds(other, claim.virtual_number, now):
            return False
        return self._take(pk, claim, seen=holder)

    def _take(self, pk: str, claim: Claim, *, seen: str | None = None) -> bool:
        """Claim a PIN that is nobody's, or *seen*'s; False if it is another's."""
        item = {
            "pk": pk,
            "sk": PIN,
            "session_uuid": claim.session_uuid,
            "purge_at": self._table.purge_at(claim.ends),
        }
        condition = IS_STILL_OF if seen else IS_NEW
        try:
            self._table.put(item, condition, {":seen": seen} if seen else None)
        except ConditionFailedError:
            return False
        return True


def _holds(session: Session, number: str | None, now: datetime) -> bool:
    """Return whether a session that claimed a PIN of *number* can be called there."""
    if session.status is Status.RESERVED:
        return sessions.is_leased(session, now)
    return (
        session.status in (Status.ACTIVE, Status.ENDING)
        and not sessions.is_over(session, now)
        and session.virtual_number == number
    )
