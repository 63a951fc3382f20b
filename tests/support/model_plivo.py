"""Plivo as the contract has it (1.7), in memory, with troubles on demand."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from masking.domain.sessions import CarrierSession
from masking.plivo.client import Listing
from masking.plivo.errors import (
    CarrierAnswerInvalidError,
    CarrierError,
    CarrierFailedError,
    CarrierRefusedError,
    CarrierSessionMissingError,
    CarrierTimeoutError,
)
from tests.support.harness_parts import KilledError

# What may happen to a request. `late`: no answer, and it is carried out afterwards.
TROUBLES = (
    *("fine", "fails", "fails_after", "breaks", "breaks_after", "late", "odd"),
    *("killed", "killed_after"),
)
LATE = timedelta(seconds=12)


@dataclass
class There:
    """A session at Plivo."""

    session_uuid: str
    number: str
    callback_url: str
    settings: dict[str, Any]
    created: datetime
    expiry: datetime
    ended: bool = False

    def is_alive(self, now: datetime) -> bool:
        """Return whether its calls are connected."""
        return not self.ended and now < self.expiry


@dataclass
class ModelPlivo:
    """The masking API; *meanwhile* is done once while a write is on its way."""

    now: Callable[[], datetime]
    there: dict[str, There] = field(default_factory=dict)
    down: bool = False
    trouble: str = "fine"
    meanwhile: Callable[[], None] | None = None
    delayed: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)

    def create(
        self, asked: Mapping[str, Any], callbacks: Mapping[str, str]
    ) -> CarrierSession:
        """Create a session."""
        made = There(
            str(uuid.uuid4()),
            "+12025550180",
            callbacks["callback_url"],
            {k: v for k, v in asked.items() if k != "session_expiry"},
            self.now(),
            self.now() + timedelta(seconds=asked["session_expiry"]),
        )

        def act() -> CarrierSession:
            self.there[made.session_uuid] = made
            return self._answer(made)

        answer: CarrierSession = self._write(act, self._answer(made, expiry_time=None))
        return answer

    def update(
        self, carrier_session_uuid: str, changes: Mapping[str, Any]
    ) -> CarrierSession:
        """Change a session; an expiry counts from now."""

        def act() -> CarrierSession:
            found = self._live(carrier_session_uuid)
            rest = dict(changes)
            expiry = rest.pop("session_expiry", None)
            if expiry is not None:
                found.expiry = self.now() + timedelta(seconds=expiry)
            found.settings |= rest
            return self._answer(found)

        answer: CarrierSession = self._write(act, None)
        return answer

    def expire(self, carrier_session_uuid: str) -> None:
        """End a session; one that has ended already is a success."""

        def act() -> CarrierSession | None:
            found = self.there.get(carrier_session_uuid)
            if found and found.is_alive(self.now()):
                found.ended, found.expiry = True, self.now()
            return self._answer(found) if found else None

        self._write(act, None, is_end=True)

    def get(self, carrier_session_uuid: str) -> CarrierSession:
        """Fetch a session."""
        self._check()
        found = self.there.get(carrier_session_uuid)
        if found is None:
            raise CarrierSessionMissingError(carrier_status=404)
        return self._answer(found)

    def listing(self, **_: object) -> Listing:
        """List all sessions."""
        self._check()
        return Listing(tuple(map(self._answer, self.there.values())), complete=True)

    def carry_out_late(self) -> None:
        """Carry out what is late by now."""
        due = [act for at, act in self.delayed if at <= self.now()]
        self.delayed = [late for late in self.delayed if late[0] > self.now()]
        for act in due:
            try:
                act()
            except CarrierError:
                continue

    def _check(self) -> None:
        if self.down:
            raise CarrierFailedError(carrier_status=503)

    def _write(
        self,
        act: Callable[[], Any],
        odd: CarrierSession | None,
        *,
        is_end: bool = False,
    ) -> Any:
        self._check()
        trouble, self.trouble = self.trouble, "fine"
        answer = None
        if trouble == "late":
            self.delayed.append((self.now() + LATE, act))
        elif trouble not in ("fails", "breaks", "killed"):
            answer = act()
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        match trouble:
            case "fails" | "fails_after":
                raise CarrierFailedError(carrier_status=500)
            case "breaks" | "breaks_after":
                raise CarrierFailedError("The connection to Plivo broke.")
            case "late":
                raise CarrierTimeoutError
            case "killed" | "killed_after":
                raise KilledError
            case "odd" if odd:
                return odd
            case "odd" if not is_end:
                raise CarrierAnswerInvalidError(carrier_status=200)
        return answer

    def _live(self, carrier_session_uuid: str) -> There:
        found = self.there.get(carrier_session_uuid)
        if found is None:
            raise CarrierSessionMissingError(carrier_status=404)
        if not found.is_alive(self.now()):
            raise CarrierRefusedError("Session already expired", carrier_status=400)
        return found

    def _answer(self, session: There, **odd: Any) -> CarrierSession:
        lasts = int((session.expiry - session.created).total_seconds())
        told: dict[str, Any] = {
            "session_uuid": session.session_uuid,
            "virtual_number": session.number,
            "status": "active" if session.is_alive(self.now()) else "expired",
            "created_time": session.created,
            "modified_time": self.now(),
            "expiry_time": session.expiry,
            "duration": lasts,
            "callback_url": session.callback_url,
            "settings": dict(session.settings),
            "totals": {"duration": lasts},
        }
        return CarrierSession(**{**told, **odd})
