"""GET /v1/sessions: listed, filtered, page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from functions.list_sessions import app
from functions.search_sessions import app as search_app
from masking.api import search_requests
from masking.core.problems import NumberInUrlError
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.payloads import http, problem, sample
from tests.support.searching import Make, listed, uuids
from tests.support.sessions_there import reserved
from tests.support.stores import stores_with_client
from tests.support.writings import full_width


def test_sessions_are_listed_newest_first(
    make: Make, publish: Callable[[], None]
) -> None:
    made = [make().session_uuid for _ in range(3)]
    publish()

    page = listed()

    assert uuids(page) == made[::-1]
    assert page["meta"] == {"limit": 20, "next": None}


def test_a_listed_session_shows_what_needs_no_second_read(
    make: Make, publish: Callable[[], None]
) -> None:
    session = make()
    publish()

    [shown] = listed()["objects"]

    assert shown["session_uuid"] == session.session_uuid
    assert shown["status"] == "active"
    assert shown["first_party"] == "+12025550100"
    assert shown["virtual_number"] == "+12025550180"
    assert shown["resource_uri"] == f"/v1/sessions/{session.session_uuid}"
    assert "first_party_pin" not in shown


def test_a_tenant_lists_its_own_sessions_alone(
    make: Make, publish: Callable[[], None]
) -> None:
    ours, theirs = make(), make(tenant="other")
    publish()

    assert uuids(listed()) == [ours.session_uuid]
    assert uuids(listed(tenant="other")) == [theirs.session_uuid]
    assert uuids(listed(tenant="nobody")) == []


def test_a_session_that_plivo_has_not_confirmed_is_not_listed(
    stores: Stores, clock: Clock, publish: Callable[[], None]
) -> None:
    reserved(stores, clock)
    publish()

    assert listed()["objects"] == []


def test_pages_join_without_gap_or_overlap(
    make: Make, publish: Callable[[], None]
) -> None:
    made = [make().session_uuid for _ in range(7)]
    publish()

    pages = [listed("limit=3")]
    while cursor := pages[-1]["meta"]["next"]:
        pages.append(listed(f"limit=3&cursor={cursor}"))

    assert [len(page["objects"]) for page in pages] == [3, 3, 1]
    assert [uuid for page in pages for uuid in uuids(page)] == made[::-1]


def test_a_page_that_is_just_full_is_the_last_if_nothing_follows(
    make: Make, publish: Callable[[], None]
) -> None:
    for _ in range(4):
        make()
    publish()

    page = listed("limit=2")
    last = listed(f"limit=2&cursor={page['meta']['next']}")

    assert len(last["objects"]) == 2
    assert last["meta"]["next"] is None


def test_more_than_a_hundred_sessions_are_read_in_batches(
    stores: Stores, make: Make
) -> None:
    made = [make().session_uuid for _ in range(5)]

    class Throttled:
        """A client that processes two keys of a batch at a time."""

        def __init__(self, client: Any) -> None:
            self._client = client

        def batch_get_item(self, RequestItems: dict[str, Any]) -> Any:  # noqa: N803
            [(name, asked)] = RequestItems.items()
            keys = asked["Keys"]
            answer = self._client.batch_get_item(
                RequestItems={name: {"Keys": keys[:2]}}
            )
            left = {name: {"Keys": keys[2:]}} if keys[2:] else {}
            return {**answer, "UnprocessedKeys": left}

    throttled: Any = Throttled(stores.table.client)

    states = stores_with_client(stores, throttled).sessions.load_states([*made, "gone"])

    assert [state.session_uuid for state in states] == made


@pytest.mark.usefixtures("deployment")
def test_an_orders_number_in_a_label_is_no_phone_number() -> None:
    assert listed("label.order=12025550100")["objects"] == []


@pytest.mark.parametrize(
    "written", ["12025550100", full_width("12025550100"), "1-202-555-0100"]
)
def test_a_partys_digits_in_a_label_are_a_number(
    make: Make, publish: Callable[[], None], written: str
) -> None:
    make()
    publish()

    query = f"label.order={written}"
    answer = app.lambda_handler(http("list_sessions", query=query), None)

    assert problem(answer)[:2] == (400, "number_in_url")


def test_a_partys_digits_are_no_key_of_a_label_either(
    make: Make, publish: Callable[[], None]
) -> None:
    make()
    publish()

    query = "label.12025550100=order"
    answer = app.lambda_handler(http("list_sessions", query=query), None)

    assert problem(answer)[:2] == (400, "number_in_url")


def test_digits_that_are_no_partys_may_be_an_orders(
    make: Make, publish: Callable[[], None]
) -> None:
    session = make(labels={"order": "12025550177"})
    publish()

    assert uuids(listed("label.order=12025550177")) == [session.session_uuid]


@pytest.mark.parametrize("name", ["first_party", "second_party", "virtual_number"])
def test_a_filter_by_number_does_not_belong_in_a_query(name: str) -> None:
    with pytest.raises(NumberInUrlError):
        search_requests.parse_query(f"{name}=nobody")


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("first_party=%2B12025550100", (400, "number_in_url", None)),
        ("label.phone=%2B12025550100", (400, "number_in_url", None)),
        ("x=12025550100", (400, "number_in_url", None)),
        ("label.phone=%2B1%20202%20555%200100", (400, "number_in_url", None)),
        ("label.phone=tel:12025550100", (400, "number_in_url", None)),
        ("label.phone=sip:12025550100@h", (400, "number_in_url", None)),
        ("label.phone=0012025550100", (400, "number_in_url", None)),
        ("label.phone=(202)%20555-0100", (400, "number_in_url", None)),
        (f"label.phone={full_width('+12025550100')}", (400, "number_in_url", None)),
        ("label.%2B12025550100=x", (400, "number_in_url", None)),
        (f"x={full_width('12025550100')}", (400, "number_in_url", None)),
        ("cursor=tel:12025550100", (400, "number_in_url", None)),
        ("labels=x&label.a=b", (400, "invalid_request", None)),
        ("label.a=b&labels=x", (400, "invalid_request", None)),
        ("label.a=b&label.a=c", (400, "invalid_request", None)),
        ("limit=x", (400, "invalid_request", None)),
        ("limit=10&limit=20", (400, "invalid_request", None)),
        ("page=2", (400, "invalid_request", None)),
        ("status=", (400, "invalid_request", None)),
        ("&".join(f"a{n}=1" for n in range(51)), (400, "invalid_request", None)),
    ],
    ids=range(20),
)
def test_a_query_that_breaks_a_rule_is_refused(
    query: str, expected: tuple[int, str, None]
) -> None:
    answer = app.lambda_handler(http("list_sessions", query=query), None)

    assert problem(answer) == expected


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize("scopes", ["", "sessions:write", "admin"])
def test_finding_takes_the_scope_to_read(scopes: str) -> None:
    for function, handler in (("list_sessions", app), ("search_sessions", search_app)):
        answer = handler.lambda_handler(http(function, scopes=scopes), None)

        assert problem(answer) == (403, "scope_missing", None)


@pytest.mark.usefixtures("deployment")
def test_the_sample_with_a_number_in_its_query_is_refused() -> None:
    answer = app.lambda_handler(sample("list_sessions.number"), None)

    assert problem(answer) == (400, "number_in_url", None)


def test_a_link_whose_session_is_gone_is_passed_over(
    services: Services, make: Make, publish: Callable[[], None]
) -> None:
    kept, gone = make(), make()
    publish()
    services.stores.table.client.delete_item(
        TableName=services.stores.table.name,
        Key={"pk": {"S": f"S#{gone.session_uuid}"}, "sk": {"S": "A#STATE"}},
    )

    assert uuids(listed()) == [kept.session_uuid]
