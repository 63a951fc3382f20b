"""Test the simulator with Plivo's own Python SDK, unmodified."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import requests
from plivo import exceptions

ALICE, BOB = "+12025550100", "+12025550101"


def sessions(sdk: Any) -> Any:
    """Return the SDK's masking resource."""
    return sdk.masking_sessions


def test_a_session_lives_its_life_through_the_sdk(sdk: Any) -> None:
    created = sessions(sdk).create_masking_session(
        first_party=ALICE, second_party=BOB, session_expiry=600, ring_timeout=45
    )
    uuid = created.session_uuid
    fetched = sessions(sdk).get_masking_session(uuid)
    page = sessions(sdk).list_masking_session(first_party=ALICE, status="active")
    updated = sessions(sdk).update_masking_session(
        session_uuid=uuid, call_time_limit=3600, record=True
    )
    deleted = sessions(sdk).delete_masking_session(uuid)

    assert fetched.response.session_uuid == uuid
    assert [s["session_uuid"] for s in page.response.objects] == [uuid]
    assert updated.session.record is True
    assert deleted.message == "Session expired"


def test_deleting_twice_is_a_validation_error(sdk: Any) -> None:
    created = sessions(sdk).create_masking_session(first_party=ALICE, second_party=BOB)
    sessions(sdk).delete_masking_session(created.session_uuid)

    with pytest.raises(exceptions.ValidationError, match="Session already expired"):
        sessions(sdk).delete_masking_session(created.session_uuid)


def test_an_exhausted_pool_is_a_validation_error(sdk: Any) -> None:
    with pytest.raises(exceptions.ValidationError, match="number pool exhausted"):
        sessions(sdk).create_masking_session(
            first_party="+33199001234", second_party=BOB
        )


def test_an_unknown_session_is_not_found(sdk: Any) -> None:
    with pytest.raises(exceptions.ResourceNotFoundError):
        sessions(sdk).get_masking_session("00000000-0000-4000-8000-000000000000")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("create_401", exceptions.AuthenticationError),
        ("create_403", exceptions.GeoPermissionError),
        ("create_429", exceptions.PlivoRestError),
        ("create_pool_exhausted", exceptions.ValidationError),
        ("create_reset_before_commit", requests.exceptions.ConnectionError),
        ("create_reset_after_commit", requests.exceptions.ChunkedEncodingError),
    ],
)
def test_each_trouble_is_the_sdks_own_exception(
    sdk: Any, served: httpx.Client, fault: str, error: type[Exception]
) -> None:
    served.put("/_sim/faults", json={fault: {"times": 1}})

    with pytest.raises(error):
        sessions(sdk).create_masking_session(first_party=ALICE, second_party=BOB)


def test_a_timeout_is_raw_and_a_page_of_html_is_none(
    sdk: Any, served: httpx.Client
) -> None:
    sdk.timeout = 0.3
    served.put("/_sim/faults", json={"create_timeout_after_commit": {"times": 1}})
    with pytest.raises(requests.exceptions.ReadTimeout):
        sessions(sdk).create_masking_session(first_party=ALICE, second_party=BOB)

    served.put("/_sim/faults", json={"create_non_json": {"times": 1}})
    answer = sessions(sdk).create_masking_session(first_party=ALICE, second_party=BOB)

    assert answer is None


def test_the_sdk_sends_a_create_three_times_when_the_server_fails(
    sdk: Any, served: httpx.Client
) -> None:
    served.put("/_sim/faults", json={"create_5xx_after_commit": {"times": 3}})

    with pytest.raises(exceptions.PlivoRestError):
        sessions(sdk).create_masking_session(first_party=ALICE, second_party=BOB)

    ledger = served.get("/_sim/ledger").json()["requests"]
    assert [entry["committed"]["action"] for entry in ledger] == ["created"] * 3


def test_calls_recordings_and_numbers_answer_the_sdk(
    sdk: Any, served: httpx.Client
) -> None:
    created = sessions(sdk).create_masking_session(
        first_party=ALICE, second_party=BOB, record=True
    )
    body = {"from": ALICE, "to": created.virtual_number}
    placed = served.post("/_sim/calls", json=body).json()
    served.get(f"/_sim/calls/{placed['call_uuid']}", params={"wait": 10})

    (recording,) = sdk.recordings.list(call_uuid=placed["call_uuid"])
    call = sdk.calls.get(placed["call_uuid"])
    application = sdk.applications.create(
        app_name="goodbye", answer_url="https://app.example/answer"
    )
    sdk.numbers.update(created.virtual_number[1:], app_id=application.app_id)
    number = sdk.numbers.get(created.virtual_number[1:])
    sdk.recordings.delete(recording.recording_id)

    assert call.from_number == ALICE[1:]
    assert number.application.endswith(f"/{application.app_id}/")
    assert served.get("/_sim/recordings").json()["recordings"][0]["deleted"]
