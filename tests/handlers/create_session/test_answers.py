"""POST /v1/sessions: what the answer says, and what it keeps to itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.create_session import app
from functions.publish_changes import app as publish_app
from masking.lifecycle.create_session import CreateSession
from masking.plivo.client import Carrier
from masking.plivo.errors import CarrierTimeoutError
from masking.storage.stores import Stores
from proofs.http_listener import HttpListener, hang
from tests.support.clock import Clock
from tests.support.creating import (
    create,
    outcome_of,
)
from tests.support.embedded_aws import Deployment, EmbeddedAws, make_secret
from tests.support.payloads import PAIR, http, problem, read, sample
from tests.support.simulated_plivo import SimulatedPlivo
from tests.support.table_stream import TableStream


@pytest.mark.usefixtures("deployment", "plivo")
def test_the_answer_is_plivos_envelope_with_clean_types() -> None:
    answer = app.lambda_handler(sample("create_session"), None)

    body = read(answer)
    session = body["session"]
    assert answer["statusCode"] == 201
    assert answer["headers"]["location"] == f"/v1/sessions/{session['session_uuid']}"
    assert answer["headers"]["etag"] == '"2"'
    assert answer["headers"]["content-type"] == "application/json"
    assert "idempotent-replayed" not in answer["headers"]
    assert body.keys() == {
        *("api_id", "message", "session", "session_uuid", "virtual_number")
    }
    assert body["session_uuid"] == session["session_uuid"]
    assert body["virtual_number"] == session["virtual_number"]
    assert body["message"] == "Session created"
    assert session["status"] == "active"
    assert session["first_party"] == "+12025550100"
    assert session["second_party"] == "+12025550101"
    assert session["virtual_number"] == "+12025550180"
    assert session["call_time_limit"] == 1800
    assert session["record"] is True
    assert session["amount"] is None
    assert session["interaction"] == []
    assert session["first_party_pin"] is None
    assert session["callback_url"] == "https://app.example.com/masking/events"
    assert session["labels"] == {"order": "17"}
    assert session["expiry_time"].endswith("Z")


@pytest.mark.usefixtures("deployment", "plivo")
def test_a_replay_is_200_and_says_that_it_is_one() -> None:
    first = app.lambda_handler(sample("create_session"), None)
    second = app.lambda_handler(sample("create_session"), None)

    assert second["statusCode"] == 200
    assert second["headers"]["idempotent-replayed"] == "true"
    assert read(second)["session"] == read(first)["session"]


@pytest.mark.usefixtures("deployment", "plivo")
def test_pins_that_plivo_generated_go_to_the_tenant() -> None:
    answer = app.lambda_handler(sample("create_session.pin"), None)

    session = read(answer)["session"]
    assert answer["statusCode"] == 201
    assert len(session["first_party_pin"]) == len(session["second_party_pin"]) == 6
    assert session["first_party_pin"] != session["second_party_pin"]


@pytest.mark.usefixtures("deployment")
def test_callbacks_come_to_where_the_create_came_in(plivo: SimulatedPlivo) -> None:
    app.lambda_handler(sample("create_session"), None)

    domain = sample("create_session")["requestContext"]["domainName"]
    registered = plivo.sessions()[0]["session"]["callback_url"]
    assert registered.startswith(f"https://{domain}/v1/plivo/sessions/")


@pytest.mark.usefixtures("deployment")
def test_callbacks_come_to_the_public_address_if_one_is_set(
    plivo: SimulatedPlivo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://masks.example.com/api/")

    app.lambda_handler(sample("create_session"), None)

    registered = plivo.sessions()[0]["session"]["callback_url"]
    assert registered.startswith("https://masks.example.com/api/v1/plivo/sessions/")


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (http("create_session", body="{"), (400, "malformed_body")),
        (http("create_session", body="[1]"), (400, "malformed_body")),
        (http("create_session", body=b'"\xc3\xa9"'), (400, "malformed_body")),
        (
            {**http("create_session"), "body": "é!", "isBase64Encoded": True},
            (400, "malformed_body"),
        ),
        (http("create_session", body="x" * 65_537), (413, "body_too_large")),
        (http("create_session", body={}), (400, "invalid_request")),
        (sample("create_session.invalid"), (400, "invalid_request")),
        (
            http("create_session", body=PAIR, headers={"idempotency-key": "é"}),
            (400, "invalid_request"),
        ),
        (
            http("create_session", body=PAIR, headers={"idempotency-key": "k" * 256}),
            (400, "invalid_request"),
        ),
        (http("create_session", scopes="sessions:read"), (403, "scope_missing")),
        (http("create_session", scopes=""), (403, "scope_missing")),
        (
            http("create_session", query="first_party=12025550100"),
            (400, "number_in_url"),
        ),
    ],
    ids=range(12),
)
def test_what_is_refused_before_plivo_is_asked_is_not_created(
    plivo: SimulatedPlivo, event: dict[str, Any], expected: tuple[int, str]
) -> None:
    answer = app.lambda_handler(event, None)

    assert problem(answer) == (*expected, "not_created")
    assert plivo.requests() == []


@pytest.mark.usefixtures("deployment", "plivo")
def test_a_body_may_come_in_base64() -> None:
    answer = app.lambda_handler(http("create_session", body=PAIR, encoded=True), None)

    assert answer["statusCode"] == 201


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize(
    ("fault", "expected", "retry_after"),
    [
        ("create_pool_exhausted", (503, "number_pool_exhausted", "not_created"), "60"),
        ("create_429", (503, "carrier_throttled", "not_created"), "5"),
        ("create_429_retry_after", (503, "carrier_throttled", "not_created"), "2"),
        ("create_401", (502, "carrier_credentials_refused", "not_created"), None),
        ("create_403", (502, "carrier_forbidden", "not_created"), None),
        ("create_5xx_before_commit", (502, "carrier_failed", "unknown"), "60"),
    ],
)
def test_what_plivo_did_not_do_is_told_in_our_words(
    plivo: SimulatedPlivo,
    fault: str,
    expected: tuple[int, str, str],
    retry_after: str | None,
) -> None:
    plivo.arm(**{fault: {"times": 1}})

    answer = app.lambda_handler(sample("create_session"), None)

    assert problem(answer) == expected
    told = answer["headers"].get("retry-after")
    if expected[2] == "unknown":
        assert 55 <= int(told) <= 61
    else:
        assert told == retry_after


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize(
    ("first_party", "rule"),
    [
        ("+2025550100", "is a number of +20 that is not in use"),
        ("+44207946", "must have the length of a number of +44, area code included"),
        ("+9991234567", "must begin with the calling code of a country that exists"),
    ],
)
def test_a_number_that_nobody_has_is_the_callers_mistake_and_no_empty_pool(
    plivo: SimulatedPlivo, first_party: str, rule: str
) -> None:
    plivo.arm(create_pool_exhausted={"times": 1})
    body = {**PAIR, "first_party": first_party}

    answer = app.lambda_handler(http("create_session", body=body), None)

    assert problem(answer) == (400, "invalid_request", "not_created")
    [violation] = read(answer)["violations"]
    assert violation["field"] == "first_party"
    assert violation["rule"].startswith(rule)
    assert plivo.live() == []


def test_a_party_that_is_a_virtual_number_of_ours_is_refused(
    aws: EmbeddedAws, deployment: Deployment, plivo: SimulatedPlivo
) -> None:
    stream = TableStream(aws, deployment)
    ours = read(app.lambda_handler(http("create_session", body=PAIR), None))
    virtual_number = ours["session"]["virtual_number"]
    publish_app.lambda_handler({"Records": stream.new()}, None)
    asked = len(plivo.requests())

    for name in ("first_party", "second_party"):
        for written in (virtual_number, virtual_number.removeprefix("+")):
            body = {**PAIR, name: written}
            answer = app.lambda_handler(http("create_session", body=body), None)

            assert problem(answer) == (400, "invalid_request", "not_created")
            [violation] = read(answer)["violations"]
            assert violation["field"] == name
            assert violation["rule"].startswith("must be a person's number")
    assert len(plivo.requests()) == asked


def test_a_number_that_was_a_virtual_number_long_ago_may_be_a_persons(
    stores: Stores, clock: Clock
) -> None:
    number, at = "+12025550180", clock()

    stores.virtual_numbers.keep([number], at)

    assert stores.sessions.has_virtual_number(number, at + timedelta(days=29))
    assert not stores.sessions.has_virtual_number(number, at + timedelta(days=31))
    assert not stores.sessions.has_virtual_number("+12025550181", at)


# With a key an earlier request may have got further.
BY_KEY = pytest.mark.parametrize(
    ("key", "outcome"), [("", "not_created"), ("order-17", "unknown")]
)


def asked_with(key: str) -> dict[str, Any]:
    """Return the event of a create with an Idempotency-Key; "" is none."""
    return http("create_session", headers={"idempotency-key": key})


@BY_KEY
@pytest.mark.usefixtures("plivo", "deployment")
def test_a_secret_that_nobody_filled_in_is_the_operators_to_mend(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, key: str, outcome: str
) -> None:
    untouched = make_secret(
        aws.client("secretsmanager"),
        '{"auth_id": "not-set", "auth_token": "placeholder"}',
    )
    monkeypatch.setenv("CARRIER_SECRET_ARN", untouched)

    answer = app.lambda_handler(asked_with(key), None)

    assert problem(answer) == (502, "carrier_credentials_refused", outcome)


@BY_KEY
@pytest.mark.usefixtures("deployment", "plivo")
def test_secrets_that_cannot_be_read_are_our_storages_failure(
    monkeypatch: pytest.MonkeyPatch, key: str, outcome: str
) -> None:
    monkeypatch.setenv("CARRIER_SECRET_ARN", "no-such-secret")

    answer = app.lambda_handler(asked_with(key), None)

    assert problem(answer) == (503, "storage_unavailable", outcome)


@pytest.mark.usefixtures("deployment", "plivo")
def test_what_the_request_itself_breaks_creates_nothing_with_a_key_either() -> None:
    answer = app.lambda_handler(asked_with("order-17") | {"body": "{"}, None)

    assert problem(answer) == (400, "malformed_body", "not_created")


@pytest.mark.usefixtures("deployment", "plivo")
def test_an_unexpected_failure_says_nothing_but_that_the_outcome_is_unknown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RETENTION_DAYS", "call +12025550100")

    answer = app.lambda_handler(sample("create_session"), None)

    assert problem(answer) == (500, "internal_error", "unknown")
    assert "2025550100" not in answer["body"] + capsys.readouterr().out


@pytest.mark.usefixtures("deployment")
def test_neither_logs_nor_metrics_nor_problems_hold_numbers_or_pins(
    plivo: SimulatedPlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    pins = {
        "is_pin_authentication_required": True,
        "first_party_pin": "73310042",
        "second_party_pin": "73310043",
        "pin_prompt_play": "https://app.example.com/prompt.mp3",
    }
    plivo.arm(create_5xx_before_commit={"times": 1}, list_5xx={"times": 1})
    problems = [
        app.lambda_handler(http("create_session", body={**PAIR, **pins}), None),
        app.lambda_handler(
            http("create_session", body={**PAIR, "first_party_pin": "733100420" * 2}),
            None,
        ),
        app.lambda_handler(http("create_session", body="+12025550100"), None),
    ]
    app.lambda_handler(http("create_session", body={**PAIR, **pins}), None)

    emitted = capsys.readouterr()
    shown = emitted.out + emitted.err + "".join(p["body"] for p in problems)
    for secret in ("2025550100", "2025550101", "7331004"):
        assert secret not in shown
    assert "CarrierFailure" in emitted.out


def test_a_hanging_plivo_is_given_up_in_time(
    flow: CreateSession, plivo: SimulatedPlivo, wire: HttpListener
) -> None:
    wire.answers(hang())
    carrier = Carrier(
        auth_id=plivo.auth_id,
        auth_token=plivo.auth_token,
        base_url=wire.origin,
        timeout=(0.3, 0.3),
    )

    with pytest.raises(CarrierTimeoutError) as unknown:
        create(replace(flow, carrier=carrier))

    assert outcome_of(unknown.value) == "unknown"
    assert [asked.method for asked in wire.requests] == ["POST", "GET"]
