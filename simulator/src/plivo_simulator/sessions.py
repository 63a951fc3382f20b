"""Create, update, move and end sessions.

Each function either changes the store and returns, or raises BadParameterError and
has changed nothing. HTTP, faults and answers are elsewhere.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from .account import SUBACCOUNT_ID, country_of
from .parameters import BadParameterError, read_create, read_update
from .rules.model import TIME_LIMIT, Session, Terms
from .rules.numbers import Wanted

if TYPE_CHECKING:
    from .simulator import Simulator

POOL_EXHAUSTED = "number pool exhausted or not available"
ALREADY_EXPIRED = "Session already expired"
ALREADY_ACTIVE = "an active session already exists for these parties"


def create_session(
    simulator: Simulator, account: str, body: Mapping[str, Any]
) -> tuple[Session, bool]:
    """Create a session and return it with True, or with False a live one as it is."""
    store, switches, now = simulator.store, simulator.switches, simulator.clock.now()
    request = read_create(body, switches)
    terms = request.terms
    owner = _owner(account, terms)
    parties = tuple(n for n in (request.first_party, request.second_party) if n)
    duplicate = store.live_pair(owner, parties, now)
    if duplicate and switches["duplicate_pair"] == "error":
        raise BadParameterError(ALREADY_ACTIVE)
    if duplicate and switches["duplicate_pair"] == "same":
        return duplicate, False
    single = len(parties) == 1
    open_door = single and not terms.is_pin_authentication_required
    country = country_of(parties[0]) or "" if terms.geomatch else None
    number = store.choose_number(Wanted(owner, country, parties, open_door), now)
    if number is None:
        raise BadParameterError(POOL_EXHAUSTED)
    session = Session(
        session_uuid=str(uuid4()),
        account=owner,
        first_party=request.first_party,
        second_party=request.second_party,
        virtual_number=number,
        created_time=now,
        modified_time=now,
        expiry_time=now + timedelta(seconds=request.session_expiry),
        duration=request.session_expiry,
        terms=_with_pins(terms),
    )
    store.add(session)
    simulator.expiries_moved.set()
    if terms.initiate_call_to_first_party and session.first_party:
        simulator.engine.call_first_party(session)
    simulator.session_changed(session)
    return session, True


def update_session(
    simulator: Simulator, session: Session, body: Mapping[str, Any]
) -> bool:
    """Change a live session; return whether its expiry was counted anew from now."""
    now = simulator.clock.now()
    if not session.is_live(now):
        raise BadParameterError(ALREADY_EXPIRED)
    request = read_update(session, body, simulator.switches)
    first = request.first_party or session.first_party
    second = request.second_party or session.second_party
    if first == second:
        raise BadParameterError("first_party and second_party must be different")
    for party in (first, second):
        number = session.virtual_number
        if party and simulator.store.is_held(number, party, now, but=session):
            raise BadParameterError(f"{POOL_EXHAUSTED} for the added party")
    simulator.store.unbind(session)
    session.first_party, session.second_party = first, second
    session.terms = request.terms
    session.modified_time = now
    if request.session_expiry is not None:
        session.expiry_time = now + timedelta(seconds=request.session_expiry)
        lasts = session.expiry_time - session.created_time
        session.duration = int(lasts.total_seconds())
        simulator.store.watch_expiry(session)
        simulator.expiries_moved.set()
    simulator.store.bind(session)
    simulator.session_changed(session)
    return request.session_expiry is not None


def end_session(simulator: Simulator, session: Session) -> None:
    """Expire a session now. A second time is refused, as Plivo does."""
    now = simulator.clock.now()
    if not session.is_live(now):
        raise BadParameterError(ALREADY_EXPIRED)
    session.ended = True
    session.expiry_time = session.modified_time = now
    session.duration = int((now - session.created_time).total_seconds())
    notify = simulator.switches.is_on("timeout_on_delete")
    _over(simulator, session, notify=notify)


def expire_due_sessions(simulator: Simulator) -> None:
    """End every session that is due to expire, and send the callbacks."""
    for session in simulator.store.expired(simulator.clock.now()):
        session.ended = True
        session.modified_time = session.expiry_time
        _over(simulator, session, notify=True)


def replace_number(simulator: Simulator, session: Session) -> None:
    """Move a live session to another number, as Plivo does with unhealthy numbers."""
    now = simulator.clock.now()
    if not session.is_live(now):
        raise BadParameterError(ALREADY_EXPIRED)
    geomatch = session.terms.geomatch
    country = country_of(session.parties[0]) or "" if geomatch else None
    wanted = Wanted(session.account, country, session.parties, session.is_open_door)
    number = simulator.store.choose_number(wanted, now, avoid=session.virtual_number)
    if number is None:
        raise BadParameterError(POOL_EXHAUSTED)
    simulator.store.rebind(session, number)
    session.modified_time = now
    if callback := simulator.reporter.on_replacement(session):
        simulator.courier.post(callback)
    simulator.session_changed(session)


def _owner(account: str, terms: Terms) -> str:
    if terms.subaccount and terms.subaccount not in (SUBACCOUNT_ID, account):
        raise BadParameterError("invalid subaccount")
    return terms.subaccount or account


def _over(simulator: Simulator, session: Session, *, notify: bool) -> None:
    if notify and (callback := simulator.reporter.on_timeout(session)):
        simulator.courier.post(callback)
    if simulator.switches.is_on("expiry_cuts_call"):
        simulator.engine.cut_calls_of(session, TIME_LIMIT)
    simulator.session_changed(session)


def _with_pins(terms: Terms) -> Terms:
    if not terms.is_pin_authentication_required:
        return terms
    first = terms.first_party_pin or _new_pin(terms, terms.second_party_pin)
    second = terms.second_party_pin or _new_pin(terms, first)
    return replace(terms, first_party_pin=first, second_party_pin=second)


def _new_pin(terms: Terms, other: str) -> str:
    length = terms.generate_pin_length
    pin = str(secrets.randbelow(10**length)).zfill(length)
    return pin if pin != other else _new_pin(terms, other)
