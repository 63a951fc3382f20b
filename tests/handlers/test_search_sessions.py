"""POST /v1/sessions/search: found by number, label, status and time."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.search_sessions import app as search_app
from masking.api import search_requests
from masking.core import key_space
from masking.core.problems import InvalidRequestError
from masking.domain import transitions
from masking.storage import session_items
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.payloads import http, problem, read
from tests.support.searching import Make, found, listed, uuids
from tests.support.sessions_there import planted


def test_a_filter_that_few_fit_reads_on_and_says_where_it_stopped(
    make: Make, publish: Callable[[], None], services: Services
) -> None:
    search = replace(services.search_sessions, most_candidates=4, most_at_once=2)
    wanted = make(number=50)
    for _ in range(6):
        make(virtual_number="+12025550181")
    publish()
    asked: dict[str, Any] = {"virtual_number": "+12025550180"}

    first = search.find(search_requests.parse_search(asked), tenant_id="acme")
    asked["cursor"] = first.cursor
    second = search.find(search_requests.parse_search(asked), tenant_id="acme")

    assert first.sessions == ()
    assert [each.session_uuid for each in second.sessions] == [wanted.session_uuid]
    assert second.cursor is None


def test_the_last_fitting_session_of_a_page_leads_to_the_next(
    make: Make, publish: Callable[[], None]
) -> None:
    made = [make(number=n).session_uuid for n in range(20, 26)]
    publish()

    pages, cursor = [], None
    for _ in range(4):
        body = {
            "status": "active",
            "limit": 2,
            **({"cursor": cursor} if cursor else {}),
        }
        answer = search_app.lambda_handler(http("search_sessions", body=body), None)
        pages += uuids(read(answer))
        cursor = read(answer)["meta"]["next"]
        if cursor is None:
            break

    assert pages == made[::-1]
    assert cursor is None


def test_a_party_is_found_in_either_role(
    make: Make, publish: Callable[[], None]
) -> None:
    both = make(number=50).session_uuid
    other = make(number=51).session_uuid
    publish()

    assert found(second_party="+12025550150") == [both]
    assert found(first_party="+12025550100") == [other, both]
    assert found(first_party="12025550100", second_party="+12025550151") == [other]
    assert found(first_party="+12025550150") == []


def test_another_tenants_search_for_the_same_party_finds_nothing(
    make: Make, publish: Callable[[], None]
) -> None:
    make()
    publish()

    assert found(tenant="other", first_party="+12025550100") == []


def test_sessions_are_found_by_label(make: Make, publish: Callable[[], None]) -> None:
    labeled = make(labels={"order": "17"}).session_uuid
    make(labels={"order": "18"})
    publish()

    assert found(labels={"order": "17"}) == [labeled]
    assert uuids(listed("label.order=17")) == [labeled]
    assert found(labels={"order": "19"}) == []


def test_sessions_are_found_by_several_labels_that_must_all_fit(
    make: Make, publish: Callable[[], None]
) -> None:
    both = make(labels={"order": "17", "shop": "a"}).session_uuid
    make(labels={"order": "17", "shop": "b"})
    make(labels={"shop": "a"})
    publish()

    assert found(labels={"order": "17", "shop": "a"}) == [both]
    assert found(labels={"shop": "a", "order": "17"}) == [both]
    assert uuids(listed("label.order=17&label.shop=a")) == [both]
    assert found(labels={"order": "17", "shop": "c"}) == []


def test_a_label_that_a_session_had_once_does_not_find_it_by_an_old_link(
    make: Make, stores: Stores, clock: Clock, publish: Callable[[], None]
) -> None:
    session = make(labels={"order": "17"})
    publish()
    changes = {"labels": {"order": "18"}}
    begun = transitions.begin_update(session, changes, clock())
    stores.sessions.replace(session, begun)
    stores.sessions.replace(begun, transitions.finish_update(begun, None))

    assert found(labels={"order": "17"}) == []
    publish()
    assert found(labels={"order": "17"}) == []
    assert found(labels={"order": "18"}) == [session.session_uuid]


def test_a_party_is_found_on_either_side(
    make: Make, publish: Callable[[], None]
) -> None:
    one = make(number=50).session_uuid
    other = make(number=51).session_uuid
    publish()

    assert found(either_party="+12025550150") == [one]
    assert found(either_party="12025550100") == [other, one]
    assert found(either_party="+12025550100", second_party="+12025550151") == [other]
    assert found(either_party="+12025550199") == []


def test_sessions_are_found_by_sub_account(
    make: Make, publish: Callable[[], None]
) -> None:
    subaccount = "SA" + "X" * 18
    make()
    owned = make(subaccount=subaccount).session_uuid
    publish()

    assert found(subaccount=subaccount) == [owned]
    assert uuids(listed(f"subaccount={subaccount}")) == [owned]
    assert found(subaccount="SA" + "Y" * 18) == []


@pytest.mark.parametrize(
    "filters", [{}, {"status": "active"}, {"labels": {"a": "b"}}], ids=repr
)
@pytest.mark.parametrize("offset", [0, 1, 3, 4, 5, 6, 1000])
def test_an_offset_leaves_out_the_newest_that_fit(
    services: Services,
    make: Make,
    publish: Callable[[], None],
    filters: dict[str, Any],
    offset: int,
) -> None:
    search = replace(services.search_sessions, most_candidates=2, most_at_once=2)
    made = [make(number=n, labels={"a": "b"}).session_uuid for n in range(20, 26)]
    publish()
    asked = {**filters, "offset": offset, "limit": 2}

    seen: list[str] = []
    for _ in range(10):
        page = search.find(search_requests.parse_search(asked), tenant_id="acme")
        seen += [each.session_uuid for each in page.sessions]
        if page.cursor is None:
            break
        asked = {**filters, "limit": 2, "cursor": page.cursor}

    assert seen == made[::-1][offset:]
    assert page.cursor is None


def test_sessions_are_found_by_status_as_it_is_now(
    make: Make, stores: Stores, clock: Clock, publish: Callable[[], None]
) -> None:
    running = make().session_uuid
    over = make(expiry_time=clock() - timedelta(seconds=1)).session_uuid
    ending = make()
    stores.sessions.replace(ending, transitions.begin_ending(ending, clock()))
    publish()

    assert found(status="active") == [running]
    assert found(status="expired") == [over]
    assert found(status="ending") == [ending.session_uuid]
    assert len(found(status="all")) == 3


def test_sessions_are_found_by_times_and_duration(
    make: Make, publish: Callable[[], None]
) -> None:
    first, second = make(), make()
    publish()
    assert first.created_time
    assert second.expiry_time

    def at(moment: datetime) -> str:
        return moment.replace(microsecond=0).isoformat()

    created, expiry = at(first.created_time), at(second.expiry_time)
    assert found(created_time=created) == [first.session_uuid]
    assert found(created_time__gt=created) == [second.session_uuid]
    assert found(created_time__lte=created) in ([first.session_uuid], [])
    assert found(expiry_time__gte=expiry) == [second.session_uuid]
    assert found(expiry_time__lt=expiry) == [first.session_uuid]
    assert len(found(duration=7200)) == 2
    assert found(duration__gt=7200) == []
    assert len(found(duration__gte=7200, duration__lte=7200)) == 2


def test_without_bounds_the_last_seven_days_are_searched() -> None:
    now = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)

    first, last = search_requests.parse_search({}).window(now)

    assert now - first < timedelta(days=7)
    assert last > now


@pytest.mark.parametrize(
    ("bounds", "days"),
    [
        ({"created_time__gte": "2026-03-01T00:00:00Z"}, 19),
        ({"created_time__lte": "2026-03-01T00:00:00Z"}, 7),
        (
            {
                "created_time__gt": "2026-02-01 00:00",
                "created_time__lt": "2026-02-03 00:00:00.5",
            },
            2,
        ),
    ],
)
def test_bounds_say_what_is_searched(bounds: dict[str, str], days: int) -> None:
    now = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)

    first, last = search_requests.parse_search(bounds).window(now)

    assert (last - first).days == days


def test_more_than_thirty_days_cannot_be_searched() -> None:
    now = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
    asked = search_requests.parse_search({"created_time__gte": "2026-01-01T00:00:00Z"})

    with pytest.raises(InvalidRequestError) as refused:
        asked.window(now)

    [violation] = refused.value.members["violations"]
    assert violation["rule"] == "must span at most 30 days"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"first_party": "12"}, "first_party"),
        ({"status": "old"}, "status"),
        ({"limit": 0}, "limit"),
        ({"limit": 51}, "limit"),
        ({"limit": "20"}, "limit"),
        ({"created_time": "yesterday"}, "created_time"),
        ({"created_time__gt": "2026-13-01T00:00:00Z"}, "created_time__gt"),
        ({"created_time": 17}, "created_time"),
        ({"duration": -1}, "duration"),
        ({"labels": {f"k{n}": "v" for n in range(11)}}, "labels"),
        ({"either_party": "12"}, "either_party"),
        ({"subaccount": "SA1"}, "subaccount"),
        ({"offset": -1}, "offset"),
        ({"offset": 1001}, "offset"),
        ({"offset": 1, "cursor": "x"}, "offset"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "é"}, "cursor"),
        ({"cursor": "UyMxMjM"}, "cursor"),
        ({"cursor": "x" * 201}, "cursor"),
        ({"number": "12025550177"}, "number"),
    ],
    ids=repr,
)
@pytest.mark.usefixtures("deployment")
def test_a_search_that_breaks_a_rule_names_the_field(
    body: dict[str, Any], field: str
) -> None:
    answer = search_app.lambda_handler(http("search_sessions", body=body), None)

    assert problem(answer) == (400, "invalid_request", None)
    assert read(answer)["violations"][0]["field"] == field
    assert "2025550177" not in answer["body"]


def test_a_link_that_leads_to_another_tenants_session_shows_nothing(
    stores: Stores, make: Make
) -> None:
    theirs = make(tenant="other", labels={"order": "17"})
    stores.links.put(
        key_space.label_key("acme", "order", "17"), session_items.created_key(theirs)
    )

    assert found(labels={"order": "17"}) == []


OLD_KEY = b"2020-01-01T00:00:00.000000Z#0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f"


@pytest.mark.parametrize(
    "body",
    [
        {
            "created_time__gt": "2026-03-02T00:00:00Z",
            "created_time__lt": "2026-03-01T00:00:00Z",
        },
        {"cursor": base64.urlsafe_b64encode(OLD_KEY).decode().rstrip("=")},
    ],
    ids=["ends before it begins", "cursor older than the window"],
)
def test_a_span_that_holds_nothing_is_an_empty_page(
    stores: Stores, clock: Clock, body: dict[str, str]
) -> None:
    planted(stores, clock)

    answer = search_app.lambda_handler(http("search_sessions", body=body), None)

    assert answer["statusCode"] == 200
    assert read(answer)["objects"] == []
    assert read(answer)["meta"]["next"] is None


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize(
    "value",
    [
        "0183-12-06T10:54:18Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59Z",
        "1969-12-31T23:59:59Z",
    ],
)
@pytest.mark.parametrize("name", ["created_time", "expiry_time__lt"])
def test_a_time_beyond_all_sessions_is_refused(name: str, value: str) -> None:
    answer = search_app.lambda_handler(
        http("search_sessions", body={name: value}), None
    )

    assert problem(answer) == (400, "invalid_request", None)
