"""How a session looks to the app: Plivo's names, clean types, nothing left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from masking.api import request_models, session_views
from masking.core import times
from masking.domain import transitions
from masking.domain.carrier_answers import TOTALS
from masking.domain.sessions import Session, Status
from tests.support.session_states import answered

NOW = datetime(2026, 3, 1, 12, 0, 0, 999_999, tzinfo=UTC)

SESSION = Session(
    session_uuid="0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f",
    tenant_id="acme",
    status=Status.ACTIVE,
    version=2,
    attempt=1,
    request_hash="",
    base_url="https://masks.example.com",
    reserved_at=NOW,
    carrier_session_uuid="7d1f0f3e-2b1c-4d7b-8a51-2f6e5c4b3a29",
    virtual_number="+12025550180",
    created_time=NOW,
    modified_time=NOW,
    expiry_time=NOW + timedelta(hours=1),
    asked={"first_party": "+12025550100", "second_party": "+12025550101"},
    labels={"order": "17"},
)


def test_every_attribute_of_a_create_can_be_read_again() -> None:
    shown = session_views.session_view(SESSION, NOW)

    # Plivo turns session_expiry into duration and expiry_time.
    assert request_models.CreateSessionRequest.model_fields.keys() - {
        "session_expiry"
    } <= (shown.keys())


def test_what_is_unset_is_null_and_what_has_a_default_has_it() -> None:
    shown = session_views.session_view(SESSION, NOW)

    assert shown["first_party_pin"] is None
    assert shown["callback_url"] is None
    assert shown["callback_method"] == "POST"
    assert shown["record"] is False
    assert shown["interaction"] == []


@pytest.mark.parametrize("answered", [{}, {"total_call_count": 2, "amount": "0.025"}])
def test_totals_that_are_not_known_are_null_and_never_zero(
    answered: dict[str, object],
) -> None:
    live = replace(SESSION, answered=answered)

    shown = session_views.session_view(live, NOW)

    assert {name: shown[name] for name in TOTALS} == dict.fromkeys(TOTALS)
    assert shown["last_interaction_time"] is None
    assert shown["totals_as_of"] is None


def test_totals_of_zero_are_told_once_plivo_has_told_them() -> None:
    settled = transitions.settle(transitions.expire(SESSION), answered(), (), NOW)

    shown = session_views.session_view(settled, NOW)

    assert {name: shown[name] for name in TOTALS} == dict(TOTALS)
    assert shown["totals_as_of"] == "2026-03-01T12:00:00Z"


def test_totals_of_a_session_that_plivo_has_forgotten_stay_unknown() -> None:
    settled = transitions.settle(transitions.expire(SESSION), None, (), NOW)

    shown = session_views.session_view(settled, NOW)

    assert {name: shown[name] for name in TOTALS} == dict.fromkeys(TOTALS)


def test_times_are_rfc_3339_to_the_second() -> None:
    shown = session_views.session_view(SESSION, NOW)

    assert shown["created_time"] == "2026-03-01T12:00:00Z"
    assert shown["expiry_time"] == "2026-03-01T13:00:00Z"
    assert times.rfc3339(None) is None


def test_what_plivo_answered_or_an_update_changed_is_shown() -> None:
    changed = replace(
        SESSION,
        answered={"record": True, "total_call_count": 2, "total_call_amount": "0.025"},
        totals_as_of=NOW,
    )

    shown = session_views.session_view(changed, NOW)

    assert shown["record"] is True
    assert shown["total_call_count"] == 2
    assert shown["total_call_amount"] == "0.025"


def _updating(expiry: int | None, *, begun: int = 20, **state: Any) -> Session:
    """Return a session with an update that was begun so many seconds ago."""
    changes = {"record": True} if expiry is None else {"session_expiry": expiry}
    at = NOW - timedelta(seconds=begun)
    return transitions.begin_update(replace(SESSION, **state), changes, at)


@pytest.mark.parametrize(
    ("session", "status"),
    [
        (SESSION, "active"),
        (replace(SESSION, status=Status.RESERVED), "pending"),
        (replace(SESSION, status=Status.FAILED), "failed"),
        (replace(SESSION, status=Status.ABANDONED), "failed"),
        (replace(SESSION, status=Status.ENDING), "ending"),
        (replace(SESSION, status=Status.EXPIRED), "expired"),
        (replace(SESSION, expiry_time=NOW), "expired"),
        (replace(SESSION, status=Status.ENDING, expiry_time=NOW), "expired"),
        (_updating(3600, expiry_time=NOW), "updating"),
        (_updating(3600, expiry_time=NOW + timedelta(seconds=1)), "active"),
        (_updating(19), "updating"),
        (_updating(21), "active"),
        (_updating(None, expiry_time=NOW), "updating"),
        (_updating(3600, begun=3700, expiry_time=NOW), "expired"),
        (transitions.begin_ending(_updating(3600, expiry_time=NOW), NOW), "ending"),
        (replace(SESSION, expiry_time=NOW, presumed=True), "updating"),
    ],
    ids=range(16),
)
def test_the_status_is_plivos_word_or_tells_that_plivo_has_not_confirmed(
    session: Session, status: str
) -> None:
    assert session_views.session_view(session, NOW)["status"] == status


def test_the_envelope_is_plivos() -> None:
    envelope = session_views.envelope("Session updated", SESSION, NOW)

    assert envelope.keys() == {"api_id", "message", "session"}
    assert envelope["session"]["version"] == 2
    assert envelope["session"]["labels"] == {"order": "17"}


def test_a_create_is_answered_with_uuid_and_virtual_number_on_top() -> None:
    answer = session_views.created(SESSION, NOW)

    assert answer["message"] == "Session created"
    assert answer["session_uuid"] == answer["session"]["session_uuid"]
    assert answer["virtual_number"] == answer["session"]["virtual_number"]
    assert answer["virtual_number"].startswith("+")


def test_an_interaction_has_the_addresses_of_its_parts_in_this_api() -> None:
    plivo = "https://api.plivo.com/v1/Account/MAXXXXXXXXXXXXXXXXXX"
    uuid = "0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f"
    calls: tuple[dict[str, str], ...] = (
        {"first_party_resource_url": f"{plivo}/Call/{uuid}/"},
        {
            "second_party_resource_url": f"{plivo}/Call/{uuid}/",
            "recording_resource_url": f"{plivo}/Recording/{uuid}/",
        },
        {},
    )
    session = replace(SESSION, calls=calls)

    shown = session_views.session_view(session, NOW)["interaction"]

    place = f"/v1/sessions/{session.session_uuid}#/session/interaction"
    names = ("first_party", "second_party", "recording")
    assert [[call[f"{name}_resource_url"] for name in names] for call in shown] == [
        [f"{place}/0/legs/0", None, None],
        [None, f"{place}/1/legs/0", f"/v1/recordings/{uuid}"],
        [None, None, None],
    ]
    assert "plivo.com" not in str(shown)


def test_nothing_of_our_own_housekeeping_is_shown() -> None:
    shown = session_views.session_view(
        transitions.begin_update(SESSION, {"record": True}, NOW), NOW
    )

    for name in ("attempt", "request_hash", "base_url", "lease_until", "pending"):
        assert name not in shown
    assert "tenant_id" not in shown
