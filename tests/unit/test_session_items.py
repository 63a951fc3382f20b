"""What is written to the table comes back as it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking.api import requests
from masking.core import key_space, times
from masking.domain import due_work
from masking.domain.sessions import EndedBy, Pending, Session, Settled, Status
from masking.storage import session_items
from masking.storage.session_items import USUAL
from masking.storage.table import MARK, read_item, written_item
from proofs.units import capacity
from tests.support.payloads import PAIR
from tests.support.session_states import NOW, active

MOMENTS = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
SETTINGS = st.dictionaries(
    st.sampled_from(["record", "ring_timeout", "first_party", "total_call_amount"]),
    st.booleans() | st.integers(0, 10**9) | st.text(max_size=20),
    max_size=3,
)
SESSIONS = st.builds(
    Session,
    session_uuid=st.uuids().map(str),
    tenant_id=st.text(min_size=1, max_size=10),
    status=st.sampled_from(list(Status)),
    version=st.integers(1, 10**6),
    attempt=st.integers(1, 99),
    request_hash=st.text("0123456789abcdef", min_size=64, max_size=64),
    base_url=st.just("https://masks.example.com"),
    reserved_at=MOMENTS,
    lease_until=st.none() | MOMENTS,
    carrier_session_uuid=st.none() | st.uuids().map(str),
    virtual_number=st.none() | st.just("+12025550180"),
    created_time=st.none() | MOMENTS,
    modified_time=st.none() | MOMENTS,
    expiry_time=st.none() | MOMENTS,
    answered=SETTINGS,
    pending=st.none()
    | st.builds(Pending, SETTINGS, MOMENTS, left=st.booleans(), released=st.booleans()),
    doubted=st.booleans(),
    presumed=st.booleans(),
    ended_time=st.none() | MOMENTS,
    ended_by=st.none() | st.sampled_from(list(EndedBy)),
    planned_end=st.none() | MOMENTS,
    totals_as_of=st.none() | MOMENTS,
    settle_at=st.none() | MOMENTS,
    settled=st.none()
    | st.builds(
        Settled,
        MOMENTS,
        st.lists(st.sampled_from(["amount", "interaction"]), max_size=2).map(tuple),
        st.integers(1, 2),
    ),
    time_limit=st.integers(0, 10**6),
    repaired=st.none() | st.just("ending_finished"),
    asked=SETTINGS,
    labels=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)


@given(SESSIONS)
def test_a_session_comes_back_as_it_was_written(session: Session) -> None:
    state = read_item(written_item(session_items.state_item(session, purge_at=1)))
    request = read_item(written_item({"asked": session.asked}))

    assert session_items.session_from(state, request) == session
    assert session_items.session_from(state) == replace(session, asked={})


@given(
    st.fixed_dictionaries(
        {name: st.just(value) | SETTINGS for name, value in USUAL.items()},
        optional={"first_party": st.text(max_size=5), "pin_retry": st.integers(0, 5)},
    )
    | SETTINGS,
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)
def test_a_request_comes_back_as_it_was_asked(
    asked: dict[str, Any], labels: dict[str, str]
) -> None:
    session = replace(active(), asked=asked, labels=labels)
    item = read_item(written_item(session_items.request_item(session, purge_at=1)))
    state = read_item(written_item(session_items.state_item(session, purge_at=1)))

    assert session_items.session_from(state, item).asked == asked


def test_every_create_is_told_by_what_is_not_usual_in_it() -> None:
    asked = requests.asked(requests.parse_create(PAIR))

    item = session_items.request_item(replace(active(), asked=asked), purge_at=1)

    # Else the defaults of the API have changed, or USUAL has.
    assert item["usual"]
    assert item["asked"].keys() == {*PAIR, "ring_timeout"} - USUAL.keys()


def test_a_session_with_three_long_urls_is_read_for_one_unit() -> None:
    url = "https://app.example.com/".ljust(1_000, "x")
    asked = requests.asked(
        requests.parse_create(
            {
                **PAIR,
                "callback_url": url,
                "recording_callback_url": url,
                "first_party_play_url": url[:-5] + ".mp3",
            }
        )
    )
    labels = {"order_id": "A-17", "region": "north"}
    session = replace(active(), asked=asked, labels=labels, lease_until=NOW)
    pending = replace(session, pending=Pending({"session_expiry": 5_000}, NOW))
    size = sum(
        capacity.item_size(written_item({**item, MARK: "x" * 12}))
        for item in (
            session_items.state_item(pending, 1_800_000_001, 1_800_000_000),
            session_items.request_item(pending, 1_800_000_001),
        )
    )

    assert capacity.query_units([size], consistent=True) == 1


@given(SESSIONS)
def test_a_state_is_in_the_index_of_due_work_only_while_it_has_any(
    session: Session,
) -> None:
    state = session_items.state_item(session, purge_at=1)
    due = due_work.due_work_of(session)

    if due is None:
        assert "duty_shard" not in state
        assert "duty_at" not in state
    else:
        rule = due_work.SCHEDULE_OF[due.kind]
        assert state["duty_shard"] in due_work.shards(rule)
        assert state["duty_at"] == times.stamp(due.at)


@given(MOMENTS, MOMENTS)
def test_times_sort_as_they_are_written(one: datetime, other: datetime) -> None:
    assert (times.stamp(one) < times.stamp(other)) == (one < other)
    assert times.parse_stamp(times.stamp(one)) == one


def test_a_time_of_any_zone_is_written_in_utc() -> None:
    from datetime import timezone

    india = timezone(timedelta(hours=5, minutes=30))

    assert times.stamp(datetime(2026, 3, 1, 17, 30, tzinfo=india)) == (
        "2026-03-01T12:00:00.000000Z"
    )


@pytest.mark.parametrize(
    ("stored", "plain"),
    [
        ({"N": "17"}, 17),
        ({"N": "1.50"}, Decimal("1.5")),
        ({"L": [{"N": "1"}, {"S": "a"}]}, [1, "a"]),
        ({"M": {"a": {"N": "1"}}}, {"a": 1}),
        ({"NULL": True}, None),
        ({"BOOL": False}, False),
    ],
    ids=repr,
)
def test_what_dynamodb_has_becomes_plain_values(
    stored: dict[str, Any], plain: object
) -> None:
    assert read_item({"x": stored}) == {"x": plain}


def test_no_two_kinds_of_items_share_a_partition() -> None:
    keys = [
        key_space.session_key("1"),
        key_space.party_key("acme", "1"),
        key_space.caller_key("acme", "1"),
        key_space.label_key("acme", "1", "1"),
        key_space.recording_key("1"),
        key_space.carrier_key("1"),
    ]

    assert len({key.partition("#")[0] for key in keys}) == len(keys)
