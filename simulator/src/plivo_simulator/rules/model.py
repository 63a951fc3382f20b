"""Define the model of the rules: sessions, their terms, their parties.

Numbers are digits without `+`; an unknown or missing number is an empty string.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class Party(StrEnum):
    """One side of a session, as it was registered."""

    FIRST = "first"
    SECOND = "second"

    @property
    def other(self) -> Party:
        """Return the side that this one talks to."""
        return Party.SECOND if self is Party.FIRST else Party.FIRST


class Leg(StrEnum):
    """One side of a call: who reached the virtual number first, and who was rung."""

    CALLER = "caller"
    CALLEE = "callee"

    @property
    def other(self) -> Leg:
        """Return the opposite leg."""
        return Leg.CALLEE if self is Leg.CALLER else Leg.CALLER


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a leg ended: Plivo's hangup code and its name."""

    code: int
    name: str


CANCELLED = Cause(1000, "Cancelled")
INVALID_DESTINATION = Cause(2000, "Invalid Destination Address")
OUT_OF_SERVICE = Cause(2010, "Destination Out Of Service")
COUNTRY_BARRED = Cause(2030, "Destination Country Barred")
NO_ANSWER = Cause(3000, "No Answer")
BUSY = Cause(3010, "Busy Line")
REJECTED = Cause(3020, "Rejected")
NORMAL = Cause(4000, "Normal Hangup")
TIME_LIMIT = Cause(6000, "Scheduled Hangup")
RING_TIMEOUT = Cause(6010, "Ring Timeout Reached")
ANSWER_URL_FAILED = Cause(7011, "Error Reaching Answer URL")
INVALID_XML = Cause(8011, "Invalid Answer XML")


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a session: how its calls go and who is notified of them.

    Durations are seconds. The defaults are those that captured answers show, which
    are not the documented ones.
    """

    call_time_limit: int = 14400
    ring_timeout: int = 45
    record: bool = False
    record_file_format: str = "mp3"
    recording_callback_url: str = ""
    recording_callback_method: str = "POST"
    callback_url: str = ""
    callback_method: str = "POST"
    initiate_call_to_first_party: bool = False
    first_party_play_url: str = ""
    second_party_play_url: str = ""
    geomatch: bool = True
    subaccount: str = ""
    is_pin_authentication_required: bool = False
    generate_pin: bool = False
    generate_pin_length: int = 4
    first_party_pin: str = ""
    second_party_pin: str = ""
    pin_prompt_play: str = ""
    pin_retry: int = 1
    pin_retry_wait: int = 5
    incorrect_pin_play: str = ""
    unknown_caller_play: str = ""
    force_pin_authentication: bool = False
    create_session_with_single_party: bool = False
    virtual_number_cooloff_period: int = 0

    def play_url(self, party: Party) -> str:
        """Return the audio that *party* hears before it is connected, or ""."""
        if party is Party.FIRST:
            return self.first_party_play_url
        return self.second_party_play_url

    def pin(self, party: Party) -> str:
        """Return the PIN with which a caller acts as *party*, or ""."""
        return self.first_party_pin if party is Party.FIRST else self.second_party_pin


@dataclass(slots=True)
class Session:
    """A session: two parties reach each other through one virtual number."""

    session_uuid: str
    account: str
    first_party: str
    second_party: str
    virtual_number: str
    created_time: datetime
    expiry_time: datetime
    terms: Terms
    modified_time: datetime
    duration: int
    last_caller: str = ""
    ended: bool = False
    calls: list[str] = field(default_factory=list)

    def is_live(self, now: datetime) -> bool:
        """Return whether calls are connected at *now*."""
        return not self.ended and now < self.expiry_time

    def holds_number_until(self) -> datetime:
        """Return when the virtual number is free again: expiry plus cool-off."""
        cooloff = timedelta(seconds=self.terms.virtual_number_cooloff_period)
        return self.expiry_time + cooloff

    def number_of(self, party: Party) -> str:
        """Return the number registered for *party*, or ""."""
        return self.first_party if party is Party.FIRST else self.second_party

    def party_of(self, number: str) -> Party | None:
        """Return which party *number* is registered as."""
        if number and number == self.first_party:
            return Party.FIRST
        if number and number == self.second_party:
            return Party.SECOND
        return None

    @property
    def parties(self) -> tuple[str, ...]:
        """Return the registered numbers, one or two."""
        return tuple(n for n in (self.first_party, self.second_party) if n)

    @property
    def missing_party(self) -> Party | None:
        """Return the party that is not registered (single-party sessions)."""
        if not self.first_party:
            return Party.FIRST
        return None if self.second_party else Party.SECOND

    @property
    def is_open_door(self) -> bool:
        """Return whether any caller is connected to the one known party."""
        return (
            self.missing_party is not None
            and not self.terms.is_pin_authentication_required
        )
