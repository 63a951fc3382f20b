"""Decide who is connected when somebody dials a virtual number.

Pure: no clock, no network, no store. `route` is given every session that the number
ever served and answers with one of five decisions; `admit` turns a PIN into a
connection. Rows R1 to R12 of the decision table in `plivo_simulator.rules`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from .model import Party, Session


@dataclass(frozen=True, slots=True)
class Connect:
    """Ring *other* for a caller who acts as *party*; "" means there is nobody."""

    session: Session
    party: Party
    other: str
    registered: bool


@dataclass(frozen=True, slots=True)
class AskPin:
    """Ask for a PIN with *session*'s prompt; *candidates* are what it may open.

    *party* is set when a registered caller must prove to be that party.
    """

    session: Session
    candidates: tuple[Session, ...]
    party: Party | None = None


@dataclass(frozen=True, slots=True)
class PlayUnknown:
    """Play *session*'s audio for unknown callers, then hang up."""

    session: Session


@dataclass(frozen=True, slots=True)
class Refuse:
    """Fail the call: the number is in use, but not for this caller."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """Leave the call to the number's own application: no session wants it."""


Decision = Connect | AskPin | PlayUnknown | Refuse | HandOver


def route(caller: str, sessions: Sequence[Session], now: datetime) -> Decision:
    """Decide for a call from *caller* to the number that *sessions* are bound to."""
    newest_first = sorted(sessions, key=lambda s: s.created_time, reverse=True)
    live = [s for s in newest_first if s.is_live(now)]
    for session in live:
        if party := session.party_of(caller):
            return _registered(session, party)
    for session in live:
        if session.is_open_door and (party := session.missing_party):
            return _connect(session, party, registered=False)
    if locked := [s for s in live if s.terms.is_pin_authentication_required]:
        return AskPin(locked[0], tuple(locked))
    if any(s.party_of(caller) for s in newest_first) or not live:
        return HandOver()
    for session in live:
        if session.terms.unknown_caller_play:
            return PlayUnknown(session)
    return Refuse()


def admit(pin: str, question: AskPin) -> Connect | None:
    """Return the connection that *pin* opens, or None when it is wrong."""
    for session in question.candidates:
        parties = (question.party,) if question.party else tuple(Party)
        for party in parties:
            if pin and pin == session.terms.pin(party):
                registered = question.party is not None
                return _connect(session, party, registered=registered)
    return None


def call_out(session: Session) -> Connect:
    """Return the connection of a call that the session itself starts."""
    return _connect(session, Party.FIRST, registered=True)


def _registered(session: Session, party: Party) -> Decision:
    terms = session.terms
    if terms.is_pin_authentication_required and terms.force_pin_authentication:
        return AskPin(session, (session,), party)
    return _connect(session, party, registered=True)


def _connect(session: Session, party: Party, *, registered: bool) -> Connect:
    other = session.number_of(party.other)
    if not other and session.missing_party is party.other:
        other = session.last_caller
    return Connect(session, party, other, registered)
