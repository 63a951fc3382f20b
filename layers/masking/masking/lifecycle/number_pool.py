"""Measure the pool of virtual numbers.

A number serves many pairs at once, but a party only once; so what limits is the
busiest party: with C sessions at a time, those that cool off included, it takes
2C - 1 numbers of a country (plivo-contract 3.5, 3.6).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from masking.core import telemetry
from masking.domain import sessions
from masking.domain.sessions import CarrierSession
from masking.plivo import answers
from masking.plivo.account import Account, Number, filter_time
from masking.plivo.errors import CarrierError

if TYPE_CHECKING:
    from masking.core.times import Clock


# Plivo lists at most 30 days.
SPAN = timedelta(days=29)

# The longest cool-off that Plivo knows.
LONGEST_COOLOFF = timedelta(hours=1)

# At most this many numbers are counted in one run; `maskline numbers` counts all.
MOST_NUMBERS = 300


@dataclass(frozen=True)
class Use:
    """What is bound to one virtual number."""

    live: int = 0
    cooling: int = 0


@dataclass(frozen=True)
class Country:
    """The pool of one country, with its use."""

    numbers: int
    live: int
    cooling: int


@dataclass(frozen=True)
class NumberPool:
    """Measures Plivo's pool.

    Requests: one for each number, one for each 20 that Plivo lists, and one for each
    20 sessions that ended within the last hour; never one for a live session.
    *keep* remembers numbers as ours.
    """

    account: Account
    now: Clock
    keep: Callable[[Sequence[str]], object] = lambda _: None

    def rented(self) -> list[Number]:
        """List the rented numbers that sessions may be given: all that take calls.

        Plivo knows no pool for masking but the account, or a sub-account
        (plivo-contract 3.5).
        """
        return [number for number in self.account.numbers() if number.voice]

    def measure(self, rented: Sequence[Number] | None = None) -> dict[str, Country]:
        """Count live and cooling sessions beside the numbers of each country."""
        pool = self.rented() if rented is None else rented
        uses = self.uses(pool[:MOST_NUMBERS])
        found: dict[str, Country] = {}
        for number in pool:
            known = found.get(number.country, Country(0, 0, 0))
            use = uses.get(number.number, Use())
            found[number.country] = Country(
                known.numbers + 1, known.live + use.live, known.cooling + use.cooling
            )
        return found

    def uses(self, pool: Iterable[Number]) -> dict[str, Use]:
        """Count what is bound to each number."""
        cooling = Counter(each.virtual_number for each in self.cooling())
        since = filter_time(self.now() - SPAN)
        return {
            number.number: Use(
                self.account.count_sessions(
                    virtual_number=number.number.removeprefix("+"),
                    status="active",
                    created_time__gte=since,
                ),
                cooling[number.number],
            )
            for number in pool
        }

    def cooling(self) -> Iterator[CarrierSession]:
        """List the sessions that have ended and still hold their number."""
        now = self.now()
        listed = self.account.sessions(
            status="expired", expiry_time__gte=filter_time(now - LONGEST_COOLOFF)
        )
        for each in map(answers.clean_session, listed):
            seconds = each.settings.get("virtual_number_cooloff_period") or 0
            if each.expiry_time and now < each.expiry_time + timedelta(seconds=seconds):
                yield each

    def live(self) -> Iterator[CarrierSession]:
        """List the live sessions, all of them; for operators."""
        since = filter_time(self.now() - SPAN)
        seen = set()
        for each in map(
            answers.clean_session,
            self.account.sessions(status="active", created_time__gte=since),
        ):
            if each.session_uuid not in seen:
                seen.add(each.session_uuid)
                yield each


def report(pool: NumberPool) -> None:
    """Remember the pool's numbers as ours, then write its metrics.

    If Plivo can't say, there are none this time.
    """
    try:
        rented = pool.rented()
        pool.keep([number.number for number in rented])
        found = pool.measure(rented)
    except CarrierError as error:
        telemetry.logger().warning("pool not measured", extra={"code": error.code})
        return
    for name, country in found.items():
        telemetry.gauge("PoolNumbers", country.numbers, Country=name)
        telemetry.gauge("LiveSessions", country.live, Country=name)
        telemetry.gauge("CoolingSessions", country.cooling, Country=name)


def busiest(
    held: Iterable[CarrierSession], countries: Mapping[str, str]
) -> Counter[str]:
    """Return the most sessions that any one party holds at once, by country.

    *countries* are those of the virtual numbers.
    """
    parties: dict[str, Counter[str]] = {}
    for session in held:
        country = countries.get(session.virtual_number or "", "unknown")
        names = [session.settings.get(party) for party in sessions.PARTIES]
        parties.setdefault(country, Counter()).update(filter(None, names))
    return Counter({country: max(c.values()) for country, c in parties.items() if c})


def needed(concurrent: int) -> int:
    """Return how many numbers a party with *concurrent* sessions at once takes."""
    return max(0, 2 * concurrent - 1)
