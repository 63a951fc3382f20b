"""The calls of a long settled session are read in pages, which tell what all do."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from masking.core.times import rfc3339
from masking.domain.calls import Call
from masking.domain.sessions import Settled, Status
from masking.storage.histories import CallsRead
from tests.proofs.test_long_sessions import played
from tests.support.long_sessions import SESSION, TENANT, LongSession

PURGE_AT = 2_000_000_000


def settle(session: LongSession, *, long: bool = True) -> None:
    """Settle a session as Plivo tells of what its callbacks say.

    With *long* the names of legs are, so that the calls are kept in parts.
    """
    records = [record_of(call, 3_000 if long else 1) for call in session.whole.calls]
    stores = session.stores
    item = {"calls": records, "fetched_at": "once"}
    stores.snapshots.put(session.session, item, None, PURGE_AT)
    after = replace(
        session.session,
        version=session.session.version + 1,
        status=Status.EXPIRED,
        settled=Settled(session.clock(), (), 1),
    )
    stores.sessions.replace(session.session, after)


def record_of(call: Call, width: int) -> dict[str, Any]:
    """Return Plivo's record of a call."""
    began: datetime | None = call.started_at
    legs = {
        f"{party}_leg": {
            "answer_time": rfc3339(call.answered_at),
            "end_time": rfc3339(call.ended_at),
            "duration": call.talk_seconds or 0,
            "hangup_cause_code": call.hangup_code,
            "call_uuid": "x" * width,
        }
        for party in ("first_party", "second_party")
    }
    return {
        "start_time": rfc3339(began),
        "end_time": rfc3339(call.ended_at),
        "total_call_amount": str(call.amount or 0),
        "call_billed_duration": call.billed_seconds or 0,
        **legs,
    }


@pytest.mark.parametrize(
    ("seed", "faults", "late"), [(1, 0, 0), (3, 10, 6), (4, 30, 12)]
)
def test_the_pages_are_what_the_whole_tells(seed: int, faults: int, late: int) -> None:
    session = played(120, seed, faults=faults, late=late)
    settle(session)

    pages = session.pages()

    whole = session.whole.calls
    shown = [call for page in reversed(pages) for call in page.calls]
    assert len(pages) > 3
    assert [call.ordinal for call in shown] == list(range(1, len(whole) + 1))
    assert shown == list(whole)
    assert_pages_fit(pages)
    get = session.services.get_session.get
    nothing = get(SESSION, tenant_id=TENANT, until=whole[0].started_at)
    assert (nothing.calls, nothing.before, nothing.since) == ((), 0, None)


def assert_pages_fit(pages: list[CallsRead]) -> None:
    """Fail if a page's count of calls before, or its records, are not its own."""
    for page, earlier in zip(pages, [*pages[1:], None], strict=True):
        assert len(page.session.calls) == len(page.calls)
        assert page.before == page.calls[0].ordinal - 1
        assert page.before == (earlier.before + len(earlier.calls) if earlier else 0)


def test_a_page_reads_little_of_it() -> None:
    session = played(200)
    settle(session)
    get = session.services.get_session.get

    read = session.read_by(lambda: get(SESSION, tenant_id=TENANT))
    every = session.read_by(lambda: session.stores.sessions.load_whole(SESSION))

    print(f"{read} of {every} items are read")
    assert read * 3 < every


def test_a_session_of_few_calls_is_shown_whole() -> None:
    session = played(60)
    settle(session, long=False)

    pages = session.pages()

    assert [len(page.calls) for page in pages] == [60]
    assert pages[0].before == 0
