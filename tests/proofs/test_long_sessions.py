"""A session of many calls is read in parts, which together tell what the whole does."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import pairwise

import pytest

from masking.api.pages import PageRequest, cursor_in
from masking.core.times import stamp
from masking.domain import checkpoints
from masking.domain.calls import CERTAIN, Call
from masking.storage import histories
from proofs.calls import model
from tests.support.long_sessions import (
    SESSION,
    TENANT,
    LongSession,
    arrivals_of,
)

# Items that a GET or a page of 50 events reads at most.
MOST_READ = 700

APART = (8, 40, 400)


def chance_of(seed: object) -> random.Random:
    return random.Random(f"long/{seed}")  # noqa: S311 - no secret


def played(count: int, seed: object = 1, **spoilt: int) -> LongSession:
    """Return a session in which so many calls were made."""
    chance = chance_of(seed)
    found = LongSession()
    found.receive(arrivals_of(chance, model.make_long(chance, count, APART), **spoilt))
    return found


def compared(call: Call) -> Call:
    """Return a call without what follows from callbacks that are not missing."""
    return replace(call, certainty="", talk_seconds=call.talk_seconds or 0)


def events_of(session: LongSession, limit: int) -> list[dict[str, object]]:
    """Return all events of a session, page by page."""
    found, asked = [], PageRequest(limit)
    while True:
        page = session.services.list_events.page(SESSION, asked, tenant_id=TENANT)
        found += page["objects"]
        cursor = page["meta"]["next"]
        if cursor is None:
            return found
        asked = PageRequest(limit, cursor_in(f"cursor={cursor}"))


@pytest.mark.parametrize(
    ("seed", "faults", "late"), [(1, 0, 0), (2, 0, 0), (3, 0, 12), (4, 30, 12)]
)
def test_the_pages_of_calls_are_what_all_callbacks_tell(
    seed: int, faults: int, late: int
) -> None:
    session = played(60, seed, faults=faults, late=late)

    shown = session.calls()

    whole = session.whole.calls
    assert session.counted()
    if not faults and not late:
        assert shown == list(whole)
    assert [compared(each) for each in shown] == [compared(each) for each in whole]


def test_the_pages_of_events_are_all_callbacks_with_their_calls() -> None:
    assert_events_are_all(played(60, 5, faults=20, late=6), 37)


def assert_events_are_all(session: LongSession, limit: int) -> None:
    """Assert that pages show each callback once, in order, with its call."""
    shown = events_of(session, limit)
    whole = session.whole
    assert [each["event_id"] for each in shown] == [e.digest for e in whole.history]
    assert [each["call"] for each in shown] == [
        call.ordinal if (call := whole.call_of(e.digest)) else None
        for e in whole.history
    ]


def test_a_page_reads_the_same_however_many_calls_there_are() -> None:
    few, many = (_items_read(played(count)) for count in (80, 320))

    assert max(many) <= MOST_READ
    assert sum(many) <= 1.5 * sum(few)


def _items_read(session: LongSession) -> list[int]:
    """Count what is read for pages of calls and of events, at the ends and between."""
    get = partial(session.services.get_session.get, SESSION, tenant_id=TENANT)
    events = partial(session.services.list_events.page, SESSION, tenant_id=TENANT)
    last = [session.whole.history[-60].at.isoformat(), 0, 0, ""]
    middle = session.pages()[2].since
    return [
        session.read_by(read)
        for read in (
            get,
            partial(get, until=middle),
            partial(events, PageRequest(50)),
            partial(events, PageRequest(50, last)),
        )
    ]


def test_what_is_certain_is_so_in_parts_too() -> None:
    told = []
    for seed in range(12):
        chance = chance_of(seed)
        history = model.make_long(chance, 45, APART)
        names = {each.name for each in history.reports}
        if history.numbering != "none" and "SessionPartiesHangup" in names:
            session = LongSession()
            session.receive(arrivals_of(chance, history))
            told.append((history.numbering, session))

    assert {numbering for numbering, _ in told} == {"call", "session"}
    for _, session in told:
        assert len(session.pages()) > 1
        assert session.calls() == list(session.whole.calls)
        assert session.whole.calls[0].certainty == CERTAIN


def test_a_session_of_some_calls_is_told_whole() -> None:
    session = played(12)

    [page] = session.pages()

    assert page.before == 0
    assert list(page.calls) == list(session.whole.calls)


def test_calls_are_counted_once_they_are_old() -> None:
    session = LongSession()
    chance = chance_of(1)
    arrivals = arrivals_of(chance, model.make_long(chance, 60, (8,)))
    session.receive(arrivals)

    old = session.clock() - checkpoints.SETTLED_AFTER

    counted = session.counted()
    assert counted
    assert all(at <= old for at, _ in counted)
    gaps = [after[1] - before[1] for before, after in pairwise(counted)]
    assert all(0 < each for each in gaps)


def test_a_session_that_was_never_counted_is_paged_all_the_same() -> None:
    session = LongSession()
    chance = chance_of(1)
    arrivals = arrivals_of(chance, model.make_long(chance, 240, APART))
    session.receive(arrivals, counted=False)

    pages = session.pages()

    assert [len(page.calls) for page in pages] == [100, 100, 40]
    assert [page.before for page in pages] == [140, 40, 0]
    assert [compared(each) for each in session.calls()] == [
        compared(each) for each in session.whole.calls
    ]
    assert_events_are_all(session, 50)


def test_a_session_that_was_never_counted_is_counted_as_it_goes_on() -> None:
    chance = chance_of(1)
    arrivals = arrivals_of(chance, model.make_long(chance, 160, APART))
    arrivals.sort(key=lambda each: each[0])
    session = LongSession()
    session.receive(arrivals[:800], counted=False)

    session.receive(arrivals[800:])

    assert session.pages()[0].before == session.whole.calls[-1].ordinal - len(
        session.pages()[0].calls
    )


def test_what_comes_late_twice_changes_nothing_more() -> None:
    chance = chance_of(7)
    history = model.make_long(chance, 60, APART)
    missed = arrivals_of(chance, replace(history, calls=[history.calls.pop(8)]))
    session = LongSession()
    session.receive(arrivals_of(chance, history))
    before = session.counted()
    now = session.clock() + timedelta(days=1)

    session.receive([(now, attributes) for _, attributes in missed], counted=False)
    late = [e for e in session.whole.history if e.received_at == stamp(now)]
    assert len(late) == len(missed)
    counts = []
    for _ in range(2):
        for each in late:
            session.count(each)
        counts.append(session.counted())

    assert counts[0] == counts[1]
    assert counts[0] != before
    assert [call.digests for call in session.calls()] == [
        call.digests for call in session.whole.calls
    ]


@pytest.mark.parametrize("count", [8, 60])
def test_the_number_now_is_the_last_that_replaced_another(count: int) -> None:
    session = played(count)
    at = session.whole.history[-1].at
    numbers = ("+12025550181", "+12025550182", "+12025550183")
    replaced = [
        (
            at + timedelta(minutes=place + 1),
            {
                "EventName": "SessionVirtualNumberReplaced",
                "EventTimestamp": f"{at - timedelta(hours=place):%Y-%m-%d %H:%M:%S}",
                "VirtualNumber": number,
            },
        )
        for place, number in enumerate(numbers)
    ]
    session.receive(replaced)

    found = [
        session.stores.histories.number_since(SESSION, at - timedelta(hours=place))
        for place in range(3)
    ]

    # The first is the newest, although it came first.
    assert [each[1] for each in found if each] == [numbers[0]] * 3
    assert session.whole.virtual_number == numbers[0]
    assert session.stores.histories.number_since("none", at) is None


def test_a_session_without_times_is_read_whole() -> None:
    session = LongSession()
    chance = chance_of(1)
    arrivals = [
        (received, {**attributes, "EventTimestamp": "soon"})
        for received, attributes in arrivals_of(
            chance, model.make_long(chance, 20, APART)
        )
    ]
    session.receive(arrivals)

    [page] = session.pages()

    assert list(page.calls) == list(session.whole.calls)
    assert len(events_of(session, 50)) == len(session.names())
    assert session.counted() == []


def test_many_callbacks_in_one_second_are_all_shown() -> None:
    session = played(60)
    at = session.whole.history[100].at
    flood = [
        (
            at + timedelta(days=1),
            {
                "EventName": f"SessionOther{number}",
                "EventTimestamp": at.strftime("%Y-%m-%d %H:%M:%S"),
            },
        )
        for number in range(3 * histories.MOST)
    ]
    session.receive(flood, counted=False)

    shown = {str(each["event_id"]) for each in events_of(session, 100)}

    assert shown == session.names()


def test_what_is_counted_names_nobody_and_goes_with_the_session() -> None:
    session = played(60)
    items = [
        item
        for item in session.dynamodb.items.values()
        if item["sk"]["S"].startswith("T1#")
    ]
    state = session.stores.sessions.load_state(SESSION)

    assert items
    assert state
    for item in items:
        assert item.keys() - {"w"} <= {
            *("pk", "sk", "calls", "since_last", "is_whole", "number"),
            *("is_gone", "purge_at"),
        }
        assert int(item["purge_at"]["N"]) == session.stores.sessions.purge_at(state)
