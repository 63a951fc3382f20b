"""Recordings are get, listed and deleted by their tenant alone."""

from __future__ import annotations

from typing import Any

import pytest

from functions.delete_recording import app as delete_app
from functions.get_recording import app as get_app
from functions.list_recordings import app as list_app
from masking.domain.sessions import Session
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.payloads import problem
from tests.support.recorded_calls import (
    announced,
    request,
)


@pytest.mark.parametrize("function", ["get_recording", "delete_recording"])
@pytest.mark.parametrize(
    "name", ["5d0f4a3b-2c1e-4f7a-9b8c-000000000000", "../x", "5D0F4A3B"]
)
@pytest.mark.usefixtures("deployment")
def test_an_unknown_recording_is_not_found(function: str, name: str) -> None:
    app = get_app if function == "get_recording" else delete_app

    answer = app.lambda_handler(request(function, name), None)

    assert problem(answer)[:2] == (404, "recording_not_found")


def test_nobody_sees_anothers_recordings(
    services: Services, recorded: Session, clock: Clock
) -> None:
    known = announced(services, recorded, clock, "https://media.plivo.com/x.wav")

    for app, function, name, code in (
        (get_app, "get_recording", known.recording_uuid, "recording_not_found"),
        (delete_app, "delete_recording", known.recording_uuid, "recording_not_found"),
        (list_app, "list_recordings", recorded.session_uuid, "session_not_found"),
    ):
        answer = app.lambda_handler(request(function, name, tenant="other"), None)
        assert problem(answer)[:2] == (404, code)


@pytest.mark.parametrize(
    ("app", "function"),
    [
        (get_app, "get_recording"),
        (list_app, "list_recordings"),
        (delete_app, "delete_recording"),
    ],
)
@pytest.mark.usefixtures("deployment")
def test_a_key_without_the_scope_gets_nothing(app: Any, function: str) -> None:
    answer = app.lambda_handler(
        request(function, "x", scopes="sessions:read sessions:write"), None
    )

    assert problem(answer)[:2] == (403, "scope_missing")
