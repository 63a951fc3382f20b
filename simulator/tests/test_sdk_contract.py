"""Test the masking API through Plivo's unmodified SDK.

Envelopes, the exception for each status, list filters and paging. The SDK is pointed
at the simulator by its own base addresses, and nothing else of it is changed.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from plivo import exceptions

from plivo_simulator.account import AUTH_ID, AUTH_TOKEN

ALICE, BOB, CAROL = "+12025550100", "+12025550101", "+12025550102"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
GO_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 (UTC|\+0000)")

# Attributes of a session object that captured traffic always has.
ALWAYS = frozenset(
    {
        *("first_party", "second_party", "virtual_number", "status", "session_uuid"),
        *("initiate_call_to_first_party", "callback_url", "callback_method"),
        *("created_time", "modified_time", "expiry_time", "duration", "amount"),
        *("call_time_limit", "ring_timeout", "first_party_play_url"),
        *("second_party_play_url", "record", "record_file_format"),
        *("recording_callback_url", "recording_callback_method", "interaction"),
        *("total_call_amount", "total_call_count", "total_call_billed_duration"),
        *("total_session_amount", "last_interaction_time"),
    }
)

STATUSES: list[tuple[str, str, type[Exception]]] = [
    ("create", "401", exceptions.AuthenticationError),
    ("create", "403", exceptions.GeoPermissionError),
    ("create", "429", exceptions.PlivoRestError),
    ("get", "401", exceptions.AuthenticationError),
    ("get", "403", exceptions.ForbiddenError),
    ("get", "429", exceptions.PlivoRestError),
    ("list", "401", exceptions.AuthenticationError),
    ("list", "403", exceptions.ForbiddenError),
    ("list", "429", exceptions.PlivoRestError),
    ("update", "401", exceptions.AuthenticationError),
    ("update", "403", exceptions.ForbiddenError),
    ("delete", "401", exceptions.AuthenticationError),
    ("delete", "403", exceptions.ForbiddenError),
]


@pytest.fixture(name="masking")
def _masking(sdk: Any) -> Any:
    return sdk.masking_sessions


def make(masking: Any, first: str = ALICE, second: str = BOB, **more: Any) -> Any:
    """Create a session."""
    return masking.create_masking_session(
        first_party=first, second_party=second, **more
    )


def plain(value: Any) -> Any:
    """Turn what the SDK answers into dictionaries and lists."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return plain(vars(value)) if hasattr(value, "__dict__") else value


def uuids(answer: Any) -> list[str]:
    """Return the UUIDs of a page."""
    return [each["session_uuid"] for each in answer.response.objects]


def operation(masking: Any, name: str, uuid: str) -> Any:
    """Send one request of a kind."""
    return {
        "create": lambda: make(masking),
        "get": lambda: masking.get_masking_session(uuid),
        "list": lambda: masking.list_masking_session(),
        "update": lambda: masking.update_masking_session(uuid, record=True),
        "delete": lambda: masking.delete_masking_session(uuid),
    }[name]()


def test_a_create_answers_in_its_envelope_with_a_plus_only_at_the_top(
    masking: Any,
) -> None:
    answer = plain(make(masking))

    session = answer["session"]
    assert {*answer} >= {"api_id", "session_uuid", "virtual_number", "message"}
    assert answer["message"] == "Session created"
    assert UUID.fullmatch(answer["session_uuid"])
    assert answer["virtual_number"] == f"+{session['virtual_number']}"
    assert session["first_party"] == ALICE[1:]


def test_get_and_list_nest_under_response_and_update_under_session(
    masking: Any,
) -> None:
    uuid = make(masking).session_uuid

    fetched = plain(masking.get_masking_session(uuid))
    listed = plain(masking.list_masking_session())
    updated = plain(masking.update_masking_session(uuid, record=True))

    assert fetched["response"]["session_uuid"] == uuid
    assert {*listed["response"]} == {"meta", "objects"}
    assert listed["response"]["objects"][0]["resource_uri"].endswith(f"{uuid}/")
    assert updated["message"] == "Session updated"
    assert updated["session"]["record"] is True


def test_a_session_has_every_attribute_of_captured_traffic(masking: Any) -> None:
    session = plain(make(masking))["session"]

    assert {*session} >= ALWAYS
    assert session["interaction"] is None
    assert session["last_interaction_time"] == ""
    assert session["amount"] == 0
    assert all(GO_TIME.fullmatch(session[f"{n}_time"]) for n in ("created", "expiry"))


def test_what_is_not_sent_has_the_observed_defaults(masking: Any) -> None:
    session = make(masking).session

    assert session.duration == 1800
    assert session.call_time_limit == 14400
    assert session.ring_timeout == 45


def test_an_update_of_the_expiry_counts_from_now_and_repeats_the_offset(
    masking: Any,
) -> None:
    created = make(masking, session_expiry=600)

    updated = masking.update_masking_session(created.session_uuid, session_expiry=900)

    assert updated.session.expiry_time.endswith(" +0000 +0000")
    assert 900 <= updated.session.duration <= 910


def test_a_deleted_session_can_still_be_read(masking: Any) -> None:
    uuid = make(masking).session_uuid

    deleted = masking.delete_masking_session(uuid)

    assert deleted.message == "Session expired"
    assert masking.get_masking_session(uuid).response.status == "expired"


@pytest.mark.parametrize(("name", "status", "error"), STATUSES)
def test_a_status_is_the_sdks_exception_for_it(
    masking: Any, served: httpx.Client, name: str, status: str, error: type[Exception]
) -> None:
    uuid = make(masking).session_uuid
    served.put("/_sim/faults", json={f"{name}_{status}": {"times": 1}})

    with pytest.raises(error) as raised:
        operation(masking, name, uuid)

    assert type(raised.value) is error


@pytest.mark.parametrize("name", ["get", "update", "delete"])
def test_an_unknown_session_is_not_found(masking: Any, name: str) -> None:
    with pytest.raises(exceptions.ResourceNotFoundError):
        operation(masking, name, UNKNOWN)


def test_a_500_is_a_server_error_after_three_sends(
    masking: Any, served: httpx.Client
) -> None:
    served.put("/_sim/faults", json={"list_5xx": {"times": 3}})

    with pytest.raises(exceptions.PlivoServerError):
        masking.list_masking_session()

    assert len(served.get("/_sim/ledger").json()["requests"]) == 3


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"first_party": "12"}, "invalid first_party"),
        ({"record": "perhaps"}, "record must be true/false"),
        ({"record_file_format": "ogg"}, "record_file_format must be mp3 or wav"),
        ({"pin_retry": 9, "is_pin_authentication_required": True}, "pin_prompt_play"),
    ],
)
def test_what_plivo_refuses_is_a_validation_error_with_its_words(
    masking: Any, body: dict[str, Any], said: str
) -> None:
    with pytest.raises(exceptions.ValidationError, match=said):
        masking.create_masking_session(
            **{"first_party": ALICE, "second_party": BOB, **body}
        )


@pytest.mark.parametrize("name", ["first_party", "geomatch", "pin_retry"])
def test_a_frozen_attribute_is_a_validation_error(
    served: httpx.Client, masking: Any, name: str
) -> None:
    uuid = make(masking).session_uuid

    answer = served.post(
        f"/v1/Account/{AUTH_ID}/Masking/Session/{uuid}/",
        json={name: "12025550177"},
        auth=(AUTH_ID, AUTH_TOKEN),
    )

    assert answer.status_code == 400
    assert answer.json()["error"] == f"{name} cannot be updated for an active session"


def test_a_list_is_newest_first_and_pages_by_limit_and_offset(masking: Any) -> None:
    made = [
        make(masking, ALICE, f"+120255501{n:02d}").session_uuid for n in range(2, 9)
    ]

    first = masking.list_masking_session(limit=3)
    second = masking.list_masking_session(limit=3, offset=3)
    last = masking.list_masking_session(limit=3, offset=6)

    assert [*uuids(first), *uuids(second), *uuids(last)] == made[::-1]
    meta = first.response.meta
    assert (meta.limit, meta.offset, meta.total_count) == (3, 0, 7)
    assert meta.previous is None
    assert "offset=3" in meta.next
    assert last.response.meta.next is None
    assert "offset=3" in last.response.meta.previous


@pytest.mark.parametrize("limit", [0, 21])
def test_a_page_holds_one_to_twenty(masking: Any, limit: int) -> None:
    with pytest.raises(exceptions.ValidationError):
        masking.list_masking_session(limit=limit)


def test_a_list_is_filtered_by_party_number_and_status(masking: Any) -> None:
    one, other = make(masking), make(masking, CAROL, BOB)
    masking.delete_masking_session(other.session_uuid)

    def found(**filters: Any) -> list[str]:
        return uuids(masking.list_masking_session(**filters))

    assert found(first_party=ALICE) == [one.session_uuid]
    assert found(first_party=ALICE[1:]) == [one.session_uuid]
    assert found(second_party=BOB, first_party=CAROL) == [other.session_uuid]
    assert one.session_uuid in found(virtual_number=one.virtual_number)
    assert found(status="active") == [one.session_uuid]
    assert found(status="expired") == [other.session_uuid]
    assert found(status="all") == [other.session_uuid, one.session_uuid]


def test_a_list_is_filtered_by_times_and_duration(
    masking: Any, served: httpx.Client
) -> None:
    short = make(masking, session_expiry=600).session_uuid
    long = make(masking, CAROL, BOB, session_expiry=7200).session_uuid
    now = datetime.fromisoformat(served.get("/_sim/clock").json()["now"])
    in_an_hour = (now + timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S")

    def found(**filters: Any) -> list[str]:
        return uuids(masking.list_masking_session(**filters))

    assert found(duration=600) == [short]
    assert found(duration__gt=600) == [long]
    assert found(expiry_time__lte=in_an_hour) == [short]
    assert found(expiry_time__gt=in_an_hour) == [long]
    assert found(created_time__lt="2024-02-01 06:28") == []


def test_a_list_shows_seven_days_unless_told_and_thirty_at_most(
    masking: Any, served: httpx.Client
) -> None:
    uuid = make(masking, session_expiry=60).session_uuid
    served.post("/_sim/clock/advance", json={"seconds": 8 * 86_400})
    now = datetime.fromisoformat(served.get("/_sim/clock").json()["now"])

    def days_ago(days: int) -> str:
        return (now - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S")

    assert uuids(masking.list_masking_session()) == []
    assert uuids(masking.list_masking_session(created_time__gte=days_ago(9))) == [uuid]
    with pytest.raises(exceptions.ValidationError, match="30 days"):
        masking.list_masking_session(created_time__gte=days_ago(31))
