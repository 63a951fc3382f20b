"""GET /v1/sessions/{session_uuid}: read a session."""

from __future__ import annotations

import pytest

from functions.get_session import app
from masking.domain import transitions
from masking.domain.sessions import Session
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.payloads import http, problem, read
from tests.support.sessions_there import created, planted, reserved
from tests.support.simulated_plivo import SimulatedPlivo


def status_of(session: Session) -> str:
    """Read a session through the handler and give its status."""
    event = http("get_session", session_uuid=session.session_uuid)
    answer = app.lambda_handler(event, None)
    assert answer["statusCode"] == 200
    return str(read(answer)["session"]["status"])


@pytest.mark.usefixtures("plivo")
def test_a_session_is_read_with_all_that_was_asked_for(
    services: Services, clock: Clock
) -> None:
    session = created(services, clock, record=True, labels={"order": "17"})

    event = http("get_session", session_uuid=session.session_uuid)
    answer = app.lambda_handler(event, None)

    shown = read(answer)["session"]
    assert answer["statusCode"] == 200
    assert answer["headers"]["etag"] == f'"{session.version}"'
    assert answer["headers"]["cache-control"] == "no-store"
    assert shown["session_uuid"] == session.session_uuid
    assert shown["carrier_session_uuid"] == session.carrier_session_uuid
    assert shown["first_party"] == "+12025550100"
    assert shown["record"] is True
    assert shown["labels"] == {"order": "17"}
    assert shown["version"] == 2


def test_a_session_reads_as_expired_from_that_very_second(
    stores: Stores, clock: Clock
) -> None:
    running = planted(stores, clock)
    over = planted(stores, clock, expiry_time=clock())

    assert status_of(running) == "active"
    assert status_of(over) == "expired"


def test_each_state_has_its_word(stores: Stores, clock: Clock) -> None:
    new, failed = reserved(stores, clock), reserved(stores, clock)
    stores.sessions.replace(failed, transitions.fail(failed))
    ending = planted(stores, clock)
    stores.sessions.replace(ending, transitions.begin_ending(ending, clock()))
    ended = planted(stores, clock)
    stores.sessions.replace(ended, transitions.expire(ended, clock()))

    assert status_of(new) == "pending"
    assert status_of(failed) == "failed"
    assert status_of(ending) == "ending"
    assert status_of(ended) == "expired"


@pytest.mark.usefixtures("deployment")
def test_an_unknown_session_is_not_found() -> None:
    answer = app.lambda_handler(http("get_session.unknown"), None)

    assert problem(answer) == (404, "session_not_found", None)


def test_another_tenants_session_is_not_found_and_not_forbidden(
    stores: Stores, clock: Clock
) -> None:
    session = planted(stores, clock, tenant="other")

    event = http("get_session", session_uuid=session.session_uuid)
    answer = app.lambda_handler(event, None)

    assert problem(answer) == (404, "session_not_found", None)


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize("scopes", ["", "sessions:write", "sessions", "admin"])
def test_reading_takes_the_scope_to_read(scopes: str) -> None:
    answer = app.lambda_handler(http("get_session", scopes=scopes), None)

    assert problem(answer) == (403, "scope_missing", None)
    assert read(answer)["scope"] == "sessions:read"


def test_pins_are_shown_to_the_tenant_who_owns_the_session(
    services: Services, clock: Clock, plivo: SimulatedPlivo
) -> None:
    assert plivo.sessions() == []
    session = created(
        services,
        clock,
        is_pin_authentication_required=True,
        first_party_pin="0042",
        second_party_pin="9911",
        pin_prompt_play="https://app.example.com/prompt.mp3",
    )

    event = http("get_session", session_uuid=session.session_uuid)
    shown = read(app.lambda_handler(event, None))["session"]

    assert (shown["first_party_pin"], shown["second_party_pin"]) == ("0042", "9911")


def test_storage_that_fails_is_told_as_such(
    stores: Stores, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = planted(stores, clock)
    monkeypatch.setenv("TABLE_NAME", "no-such-table")

    event = http("get_session", session_uuid=session.session_uuid)
    answer = app.lambda_handler(event, None)

    assert problem(answer) == (503, "storage_unavailable", None)
    assert answer["headers"]["retry-after"] == "2"
