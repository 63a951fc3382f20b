"""GET /v1/sessions and POST /v1/sessions/search: found, filtered, page by page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.list_sessions import app
from functions.publish_changes import app as publisher
from functions.search_sessions import app as search_app
from masking.api import search_requests
from masking.core import key_space
from masking.core.problems import InvalidRequestError, NumberInUrlError
from masking.domain import sessions, transitions
from masking.domain.sessions import CarrierSession, Session
from masking.lifecycle import search_sessions
from masking.storage import session_items
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.payloads import PAIR, http, problem, read, sample
from tests.support.sessions_there import reserved
from tests.support.stores import stores_with_client
from tests.support.table_stream import TableStream

Make = Callable[..., Session]


@pytest.fixture
def make(stores: Stores, clock: Clock) -> Make:
    """Give what makes an active session that begins a second after the last one."""
    made: list[Session] = []

    def run(*, tenant: str = "acme", number: int = 0, **body: Any) -> Session:
        at = clock() - timedelta(hours=1) + timedelta(seconds=len(made))
        pair = {**PAIR, "second_party": f"+120255501{number:02d}"} if number else PAIR
        labels = body.pop("labels", {})
        new = transitions.reserve(
            session_uuid=sessions.session_uuid_for(tenant, None),
            tenant_id=tenant,
            asked={**pair, "session_expiry": 7200},
            labels=labels,
            base_url="https://masks.example.com",
            now=at,
        )
        answer = CarrierSession(
            session_uuid=sessions.session_uuid_for("plivo", None),
            virtual_number=body.pop("virtual_number", "+12025550180"),
            status="active",
            created_time=at,
            modified_time=at,
            expiry_time=body.pop("expiry_time", at + timedelta(hours=2)),
            duration=7200,
            callback_url="",
            settings=pair,
            totals={"duration": 7200},
        )
        stores.sessions.reserve(new)
        session = transitions.confirm(new, answer, 1)
        stores.sessions.replace(new, session)
        made.append(session)
        return session

    return run


@pytest.fixture
def publish(aws: EmbeddedAws, deployment: Deployment) -> Callable[[], None]:
    """Give what writes the links of all that is new, as the stream's function does."""
    stream = TableStream(aws, deployment)

    def run() -> None:
        answer = publisher.lambda_handler({"Records": stream.new()}, None)
        assert answer == {"batchItemFailures": []}

    return run


def listed(query: str = "", tenant: str = "acme") -> dict[str, Any]:
    """List sessions through the handler."""
    answer = app.lambda_handler(http("list_sessions", query=query, tenant=tenant), None)
    assert answer["statusCode"] == 200, answer["body"]
    return read(answer)


def found(tenant: str = "acme", **body: Any) -> list[str]:
    """Search sessions through the handler and give their UUIDs."""
    event = http("search_sessions", body=body, tenant=tenant)
    answer = search_app.lambda_handler(event, None)
    assert answer["statusCode"] == 200, answer["body"]
    return [session["session_uuid"] for session in read(answer)["objects"]]


def uuids(page: dict[str, Any]) -> list[str]:
    """Give the UUIDs of a page's sessions."""
    return [session["session_uuid"] for session in page["objects"]]


# Listing


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


def test_a_filter_that_few_fit_reads_on_and_says_where_it_stopped(
    make: Make, publish: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_sessions, "MOST_CANDIDATES", 4)
    monkeypatch.setattr(search_sessions, "MOST_AT_ONCE", 2)
    wanted = make(number=50)
    for _ in range(6):
        make(virtual_number="+12025550181")
    publish()

    first = read(
        search_app.lambda_handler(
            http("search_sessions", body={"virtual_number": "+12025550180"}), None
        )
    )
    second = read(
        search_app.lambda_handler(
            http(
                "search_sessions",
                body={
                    "virtual_number": "+12025550180",
                    "cursor": first["meta"]["next"],
                },
            ),
            None,
        )
    )

    assert first["objects"] == []
    assert uuids(second) == [wanted.session_uuid]
    assert second["meta"]["next"] is None


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


# Filters


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
    labelled = make(labels={"order": "17"}).session_uuid
    make(labels={"order": "18"})
    publish()

    assert found(labels={"order": "17"}) == [labelled]
    assert uuids(listed("label.order=17")) == [labelled]
    assert found(labels={"order": "19"}) == []


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


# What is refused


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
        ({"labels": {"a": "b", "c": "d"}}, "labels"),
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


@pytest.mark.usefixtures("deployment")
def test_an_orders_number_in_a_label_is_no_phone_number() -> None:
    assert listed("label.order=12025550100")["objects"] == []


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
        ("limit=x", (400, "invalid_request", None)),
        ("limit=10&limit=20", (400, "invalid_request", None)),
        ("page=2", (400, "invalid_request", None)),
        ("status=", (400, "invalid_request", None)),
        ("&".join(f"a{n}=1" for n in range(51)), (400, "invalid_request", None)),
    ],
    ids=range(8),
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


def test_a_link_that_leads_to_another_tenants_session_shows_nothing(
    stores: Stores, make: Make
) -> None:
    theirs = make(tenant="other")
    stores.links.put(
        key_space.label_key("acme", "order", "17"), session_items.created_key(theirs)
    )

    assert found(labels={"order": "17"}) == []


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
