"""A week of sessions: created, extended, deleted and left to expire, in stepped time.

The sweep runs every simulated minute in which something is due and the reconciler every
quarter of an hour in which something is; where nothing is due they would find nothing,
which other tests show. MASKLINE_PROOFS=full makes 20,000 sessions.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from masking.api import session_views
from masking.domain.sessions import Session, Status
from tests.support.harness import Harness, copies
from tests.support.proof_size import size

WEEK = timedelta(days=7)
SESSIONS = int(os.environ.get("MASKLINE_WEEK", size(84, 20_000)))
STEPS = size(7, 84)

# So many minutes are stepped through one by one, to look closely.
CLOSE_MINUTES = size(5, 6)


def test_no_session_of_a_week_outlives_its_end(harness: Harness) -> None:
    dice = random.Random(7)  # noqa: S311 - a scenario, not a secret
    harness.ask_simulator("PUT", "faults", {"webhook_dropped": {}})
    harness.ask_simulator("PUT", "switches", {"rate_limit": "off"})
    begin, number = harness.now(), 0
    ends: dict[str, datetime] = {}
    made: dict[str, Session] = {}
    counts: Counter[str] = Counter()
    step = WEEK / STEPS
    for turn in range(STEPS):
        number = _some_begin(harness, dice, number, made, ends, counts, turn)
        _some_change(harness, dice, made, ends, counts)
        for _ in range(CLOSE_MINUTES):
            harness.advance(minutes=1)
            counts["ended by Plivo"] += _some_callbacks_arrive(
                harness, dice, made, ends
            )
            harness.sweep()
            _nothing_outlives(harness, dice, made, ends)
        harness.advance(
            seconds=(step - timedelta(minutes=CLOSE_MINUTES)).total_seconds()
        )
        harness.sweep()
        harness.publish()
        harness.run_checks()
        harness.reconcile()
        harness.publish()
    harness.advance(days=2)
    for _ in range(4):
        harness.sweep()
        harness.publish()
        harness.run_checks()
        harness.run_quarters(1)

    assert harness.now() - begin >= WEEK
    assert len(made) == SESSIONS
    assert min(counts[each] for each in ("extended", "deleted", "ended by Plivo")) > 0
    times = Counter(
        event["session_uuid"] for event in harness.bus.of_type("session.expired")
    )
    ids = [event["id"] for event in harness.bus.of_type("session.expired")]
    assert set(times) == set(made), "one was missed"
    assert max(times.values()) == 1
    assert len(set(ids)) == SESSIONS
    assert (
        len({e["session_uuid"] for e in harness.bus.of_type("session.settled")})
        == SESSIONS
    )
    assert not any(harness.is_live(session) for session in made.values())
    print(
        f"{SESSIONS} sessions in a week: {dict(counts)}; each one session.expired "
        f"({len(set(ids))} ids), each settled, none alive"
    )


def _some_begin(
    harness: Harness,
    dice: random.Random,
    number: int,
    made: dict[str, Session],
    ends: dict[str, datetime],
    counts: Counter[str],
    turn: int,
) -> int:
    count = SESSIONS * (turn + 1) // STEPS - number
    lasts = [dice.choice([60, 150, 240, 3600, 20_000, 86_400]) for _ in range(count)]

    def begin(place: int) -> Session:
        return harness.create((number + place) % 5000, session_expiry=lasts[place])

    with ThreadPoolExecutor(4) as pool:
        for session in pool.map(begin, range(count)):
            made[session.session_uuid] = session
            assert session.expiry_time is not None
            ends[session.session_uuid] = session.expiry_time
    counts["created"] += count
    return number + count


def _some_change(
    harness: Harness,
    dice: random.Random,
    made: dict[str, Session],
    ends: dict[str, datetime],
    counts: Counter[str],
) -> None:
    alive = [uuid for uuid, end in ends.items() if end > harness.now()]
    for uuid in dice.sample(alive, len(alive) // 10):
        what = dice.choice(["extended", "deleted"])
        if what == "deleted":
            harness.end(made[uuid])
            ends[uuid] = harness.now()
        else:
            longer = dice.choice([120, 600, 50_000])
            session = harness.update(made[uuid], session_expiry=longer)
            assert session.expiry_time is not None
            ends[uuid] = session.expiry_time
        counts[what] += 1


def _some_callbacks_arrive(
    harness: Harness,
    dice: random.Random,
    made: dict[str, Session],
    ends: dict[str, datetime],
) -> int:
    """Deliver Plivo's callback of half the ends of this minute, before the sweep."""
    now = harness.now()
    ended = [u for u, end in ends.items() if now - timedelta(minutes=1) < end <= now]
    chosen = dice.sample(ended, len(ended) // 2)
    delivered = sum(
        harness.deliver_callbacks(made[uuid], event="SessionTimeout") for uuid in chosen
    )
    harness.publish()
    return delivered


def _nothing_outlives(
    harness: Harness,
    dice: random.Random,
    made: dict[str, Session],
    ends: dict[str, datetime],
) -> None:
    """Read some sessions as an app would; the ones that ended lately above all."""
    now = harness.now()
    lately = [u for u, end in ends.items() if now - timedelta(minutes=3) < end <= now]
    others = dice.sample(sorted(made), min(size(8, 20), len(made)))
    for uuid in [*lately[:200], *others]:
        session = harness.load(made[uuid])
        read = session_views.session_view(session, now)["status"]
        assert read == ("active" if now < ends[uuid] else "expired")
        # The sweep has run in this very minute.
        assert (session.status is Status.EXPIRED) == (now >= ends[uuid])


def test_ten_thousand_due_at_once_are_cleared_within_a_sweeps_minute(
    harness: Harness,
) -> None:
    count = size(500, 10_000)
    _write_due(harness, count)

    begun = time.process_time(), time.monotonic()
    first = _sweep_within(harness, seconds=55)
    took = time.monotonic() - begun[1]
    left = count - first
    for _ in range(20):
        if not left:
            break
        left -= _sweep_within(harness, seconds=55)

    print(f"{first} of {count} due at once ended in the first sweep, {took:.1f} s")
    assert left == 0
    assert harness.sweep() == 0
    harness.publish()
    times = Counter(
        event["session_uuid"] for event in harness.bus.of_type("session.expired")
    )
    assert len(times) == count
    assert max(times.values()) == 1


def test_a_sweep_that_is_cut_short_again_and_again_loses_nothing(
    harness: Harness,
) -> None:
    _write_due(harness, 60)
    ended: list[int] = []

    while sum(ended) < 60:
        ended.append(harness.sweep(_true_times(24)))

    harness.publish()
    assert len(ended) > 2
    assert sum(ended) == 60
    times = Counter(
        event["session_uuid"] for event in harness.bus.of_type("session.expired")
    )
    assert (len(times), max(times.values())) == (60, 1)


def _sweep_within(harness: Harness, *, seconds: float) -> int:
    until = time.monotonic() + seconds
    return harness.sweep(lambda: time.monotonic() < until)


def _true_times(count: int) -> Callable[[], bool]:
    left = [True] * count
    return lambda: bool(left and left.pop())


def _write_due(harness: Harness, count: int) -> None:
    """Write sessions that are due now, without Plivo, which nothing here asks."""
    pattern = harness.create(session_expiry=60)
    harness.end(pattern)
    harness.put_sessions(copies(pattern, count, version=2))
    harness.skip_records()
    harness.advance(seconds=61)
