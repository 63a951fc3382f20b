"""Keep the simulator's state in memory: sessions, numbers, calls, recordings, ledger.

All changes happen on the event loop's thread and between two awaits, so that a
request sees all of another or nothing.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .account import CAMPAIGN_ID, RentedNumber, rented_numbers
from .messages.records import Medium, Message, OptOut, Powerpack
from .records import Call, Callback, LegRecord, Recording
from .rules.model import Session
from .rules.numbers import Wanted, choose_number


@dataclass(slots=True)
class Application:
    """What Plivo asks about the calls and messages of the numbers attached to it."""

    app_id: str
    account: str
    app_name: str
    answer_url: str = ""
    answer_method: str = "POST"
    hangup_url: str = ""
    hangup_method: str = "POST"
    fallback_answer_url: str = ""
    fallback_method: str = "POST"
    message_url: str = ""
    message_method: str = "POST"
    default_number_app: bool = False
    default_endpoint_app: bool = False
    log_incoming_messages: bool = True
    public_uri: bool = False

    @property
    def told_of_hangup(self) -> str:
        """Return the URL that hears of a call's end: by default the answer URL."""
        return self.hangup_url or self.answer_url


@dataclass(slots=True)
class Number:
    """A rented number and the application attached to it.

    *registration* and *campaign_id* are those of 10DLC and count for US local numbers;
    *verification* counts for toll-free ones.
    """

    rented: RentedNumber
    app_id: str = ""
    alias: str = ""
    cnam_lookup: str = "disabled"
    registration: str = "COMPLETED"
    campaign_id: str = CAMPAIGN_ID
    verification: str = "VERIFIED"

    @property
    def digits(self) -> str:
        """Return the number's digits."""
        return self.rented.digits

    @property
    def is_10dlc(self) -> bool:
        """Return whether US rules for local numbers that send texts hold for it."""
        rented = self.rented
        return rented.country == "US" and rented.number_type == "local" and rented.sms

    @property
    def campaign(self) -> str:
        """Return the id of the 10DLC campaign that it is in, "" for none."""
        registered = self.is_10dlc and self.registration != "UNREGISTERED"
        return self.campaign_id if registered else ""


@dataclass(slots=True)
class Received:
    """A request that came to the inbox, which stands in for an app."""

    number: int
    at: datetime
    name: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str


@dataclass(slots=True)
class LedgerEntry:
    """One request to the masking API, and what it changed.

    *body* is the JSON object that was sent, or its text where it is none; *ignored*
    are the names in it, or in the query, that changed nothing.
    """

    number: int
    at: datetime
    operation: str
    method: str
    path: str
    query: str
    account: str
    session_uuid: str
    status: int | None = None
    fault: str = ""
    body: Any = None
    ignored: list[str] = field(default_factory=list)
    committed: dict[str, Any] | None = None


@dataclass(slots=True)
class Store:
    """Everything that the simulator remembers."""

    sessions: dict[str, Session] = field(default_factory=dict)
    numbers: dict[str, Number] = field(default_factory=dict)
    applications: dict[str, Application] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    legs: dict[str, tuple[Call, LegRecord]] = field(default_factory=dict)
    recordings: dict[str, Recording] = field(default_factory=dict)
    callbacks: list[Callback] = field(default_factory=list)
    ledger: list[LedgerEntry] = field(default_factory=list)
    inbox: list[Received] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    media: dict[str, Medium] = field(default_factory=dict)
    powerpacks: dict[str, Powerpack] = field(default_factory=dict)
    opt_outs: list[OptOut] = field(default_factory=list)
    callbacks_of: dict[str, list[Callback]] = field(
        default_factory=lambda: defaultdict(list)
    )
    sequences: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _by_number: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _bound: dict[tuple[str, str], set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )
    _by_party: dict[str, dict[str, None]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    _open_doors: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _expiries: list[tuple[datetime, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for rented in rented_numbers():
            self.numbers[rented.digits] = Number(rented)

    def reset(self) -> None:
        """Clear everything and restore the initial inventory."""
        fresh = Store()
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))

    def rent(self, rented: RentedNumber) -> Number:
        """Keep a new number, attached to its account's default application."""
        defaults = (
            application.app_id
            for application in self.applications.values()
            if application.default_number_app and application.account == rented.account
        )
        number = Number(rented, next(defaults, ""))
        self.numbers[rented.digits] = number
        return number

    def add(self, session: Session) -> None:
        """Keep a new session and bind its number to its parties."""
        self.sessions[session.session_uuid] = session
        self._by_number[session.virtual_number].append(session.session_uuid)
        self.bind(session)
        self.watch_expiry(session)

    def add_callback(self, callback: Callback) -> None:
        """Keep a callback and index it by what it is about: session, call, message."""
        self.callbacks.append(callback)
        self.callbacks_of[callback.session_uuid].append(callback)
        for uuid in (callback.call_uuid, callback.message_uuid):
            if uuid:
                self.callbacks_of[uuid].append(callback)

    def add_leg(self, call: Call, leg: LegRecord) -> None:
        """Keep a leg of a call and index it by its own UUID."""
        call.legs[leg.leg] = leg
        self.legs[leg.call_uuid] = (call, leg)

    def bind(self, session: Session) -> None:
        """Reserve the session's number for its parties."""
        for party in session.parties:
            self._bound[session.virtual_number, party].add(session.session_uuid)
            self._by_party[party][session.session_uuid] = None
        if session.is_open_door:
            self._open_doors[session.virtual_number].add(session.session_uuid)

    def unbind(self, session: Session) -> None:
        """Undo `bind`."""
        number = session.virtual_number
        for party in session.parties:
            self._bound[number, party].discard(session.session_uuid)
        self._open_doors[number].discard(session.session_uuid)

    def rebind(self, session: Session, number: str) -> None:
        """Move *session* to another virtual number."""
        self.unbind(session)
        self._by_number[session.virtual_number].remove(session.session_uuid)
        session.virtual_number = number
        self._by_number[number].append(session.session_uuid)
        self.bind(session)

    def watch_expiry(self, session: Session) -> None:
        """Queue *session* for `expired` at its expiry time."""
        heapq.heappush(self._expiries, (session.expiry_time, session.session_uuid))

    def next_expiry(self) -> datetime | None:
        """Return the earliest queued expiry time, or None."""
        return self._expiries[0][0] if self._expiries else None

    def expired(self, now: datetime) -> Iterator[Session]:
        """Take out the sessions that are due to expire and have not ended before."""
        while self._expiries and self._expiries[0][0] <= now:
            _, session_uuid = heapq.heappop(self._expiries)
            session = self.sessions.get(session_uuid)
            if session and not session.ended and session.expiry_time <= now:
                yield session

    def on_number(self, digits: str) -> list[Session]:
        """Return every session that is or was on a virtual number."""
        return [self.sessions[uuid] for uuid in self._by_number.get(digits, ())]

    def with_party(self, party: str) -> Iterator[Session]:
        """Return every session that *party* is or was registered in."""
        return (self.sessions[uuid] for uuid in self._by_party.get(party, ()))

    def live_pair(
        self, account: str, parties: tuple[str, ...], now: datetime
    ) -> Session | None:
        """Return the newest live session of exactly these parties."""
        bound = (self._bound.get((n, parties[0]), set()) for n in self.numbers)
        pairs = [
            session
            for uuid in set().union(*bound)
            if (session := self.sessions[uuid]).account == account
            and session.is_live(now)
            and set(session.parties) == set(parties)
        ]
        return max(pairs, key=lambda s: s.created_time, default=None)

    def is_held(
        self, number: str, party: str, now: datetime, but: Session | None = None
    ) -> bool:
        """Return whether a live or cooling session binds *party* to *number*."""
        bound = self._bound.get((number, party))
        if not bound:
            return False
        over = {u for u in bound if self.sessions[u].holds_number_until() <= now}
        bound -= over
        return bool(bound - ({but.session_uuid} if but else set()))

    def choose_number(
        self, wanted: Wanted, now: datetime, avoid: str = ""
    ) -> str | None:
        """Return a number that serves *wanted*, other than *avoid*, or None."""
        return choose_number(
            (n.rented for n in self.numbers.values() if n.digits != avoid),
            wanted,
            holds=lambda number, party: self.is_held(number, party, now),
            has_open_door=lambda number: any(
                self.sessions[u].is_live(now) for u in self._open_doors.get(number, ())
            ),
        )

    def next_sequence(self, session_uuid: str, call: Call | None, scope: str) -> int:
        """Return the next SequenceNumber, counted per session or per call."""
        if scope == "per_call":
            if call is None:
                return 1
            call.sequence += 1
            return call.sequence
        self.sequences[session_uuid] += 1
        return self.sequences[session_uuid]

    def calls_of(self, session: Session) -> list[Call]:
        """Return the session's calls, oldest first."""
        return [self.calls[uuid] for uuid in session.calls]
