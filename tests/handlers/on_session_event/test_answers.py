"""Plivo's session callbacks: proven, kept once, acknowledged."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from functions.on_session_event import app
from masking.core.settings import Settings
from masking.domain import sessions, transitions
from masking.domain.sessions import Session
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.embedded_aws import (
    Deployment,
    EmbeddedAws,
    carrier_secret,
    make_secret,
)
from tests.support.payloads import problem, sample
from tests.support.sessions_there import planted
from tests.support.signed_callbacks import ANSWERED, FORM, callback

REFUSED = (403, "webhook_refused", None)


@pytest.fixture
def services(deployment: Deployment) -> Services:
    """Return services that are not the handler's, which reads its settings later."""
    return Services(Settings(dict(deployment.environment)))


@pytest.fixture
def session(stores: Stores, clock: Clock) -> Session:
    """Return an active session."""
    return planted(stores, clock)


@pytest.fixture
def key(services: Services) -> bytes:
    """Return the key of callback tokens."""
    return services.callback_key


def kept(stores: Stores, session: Session) -> list[dict[str, Any]]:
    """Return the attributes of all callbacks that were kept."""
    return [
        item["attributes"] for item in stores.callbacks.of_session(session.session_uuid)
    ]


def everything(aws: EmbeddedAws, deployment: Deployment) -> list[Any]:
    """Return all items of the table."""
    items = aws.client("dynamodb").scan(TableName=deployment.table_name)["Items"]
    return sorted(items, key=json.dumps)


# What is kept


def test_a_signed_callback_is_kept_and_acknowledged(
    stores: Stores, session: Session, key: bytes
) -> None:
    answer = app.lambda_handler(callback(session, key), None)

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == {}
    assert kept(stores, session) == [ANSWERED]
    [item] = stores.callbacks.of_session(session.session_uuid)
    assert item["kind"] == "events"
    assert item["tenant_id"] == "acme"
    assert item["attempt"] == 1


def test_a_repeated_callback_is_acknowledged_and_changes_nothing(
    session: Session, key: bytes, aws: EmbeddedAws, deployment: Deployment
) -> None:
    app.lambda_handler(callback(session, key), None)
    before = everything(aws, deployment)

    answer = app.lambda_handler(callback(session, key), None)

    assert answer["statusCode"] == 200
    assert everything(aws, deployment) == before


def test_the_same_callback_ten_times_at_once_is_kept_once(
    stores: Stores, session: Session, key: bytes
) -> None:
    event = callback(session, key)
    app.lambda_handler(
        callback(session, key, {**ANSWERED, "SequenceNumber": "1"}), None
    )

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: app.lambda_handler(event, None), range(10)))

    assert {answer["statusCode"] for answer in answers} == {200}
    assert len(kept(stores, session)) == 2


@pytest.mark.parametrize("content_type", [FORM, "application/json; charset=utf-8"])
def test_form_and_json_are_both_taken(
    stores: Stores, session: Session, key: bytes, content_type: str
) -> None:
    answer = app.lambda_handler(callback(session, key, content_type=content_type), None)

    assert answer["statusCode"] == 200
    assert kept(stores, session) == [ANSWERED]


def test_a_get_is_taken_from_its_query(
    stores: Stores, session: Session, key: bytes
) -> None:
    answer = app.lambda_handler(callback(session, key, method="GET"), None)

    assert answer["statusCode"] == 200
    assert kept(stores, session) == [ANSWERED]


def test_a_query_beside_the_body_is_part_of_what_is_signed(
    stores: Stores, session: Session, key: bytes
) -> None:
    event = callback(session, key, query="tenant=a%20b")
    assert app.lambda_handler(event, None)["statusCode"] == 200

    event["rawQueryString"] = "tenant=c"

    assert problem(app.lambda_handler(event, None)) == REFUSED
    assert len(kept(stores, session)) == 1


def test_unknown_events_and_attributes_are_kept(
    stores: Stores, session: Session, key: bytes
) -> None:
    fields = {
        "EventName": "SessionSomethingNew",
        "Surprise": "é & ü",
        "Leg": ["b", "a"],
    }

    answer = app.lambda_handler(callback(session, key, fields), None)

    assert answer["statusCode"] == 200
    assert kept(stores, session) == [
        {"EventName": "SessionSomethingNew", "Surprise": "é & ü", "Leg": "a\nb"}
    ]


@pytest.mark.parametrize(
    "state",
    [
        lambda session, now: transitions.expire(session, now),
        lambda session, now: transitions.begin_ending(session, now),
        lambda session, now: transitions.begin_update(session, {"record": True}, now),
    ],
    ids=["expired", "ending", "updating"],
)
def test_a_callback_is_kept_in_whatever_state_its_session_is(
    stores: Stores, session: Session, key: bytes, clock: Clock, state: Any
) -> None:
    stores.sessions.replace(session, state(session, clock()))

    assert app.lambda_handler(callback(session, key), None)["statusCode"] == 200
    assert kept(stores, session) == [ANSWERED]


def test_a_callback_of_an_earlier_attempt_is_kept_with_its_attempt(
    stores: Stores, session: Session, key: bytes
) -> None:
    app.lambda_handler(callback(session, key, attempt=7), None)

    [item] = stores.callbacks.of_session(session.session_uuid)
    assert item["attempt"] == 7


# Who sent it


def test_the_main_accounts_signature_is_right_too(
    stores: Stores, session: Session, key: bytes
) -> None:
    event = callback(session, key, header="x-plivo-signature-ma-v3")

    assert app.lambda_handler(event, None)["statusCode"] == 200
    assert kept(stores, session) == [ANSWERED]


def test_one_right_signature_in_a_list_with_spaces_is_enough(
    session: Session, key: bytes
) -> None:
    event = callback(session, key, signature="bm9uc2Vuc2U=, {} ,bW9yZQ==")

    assert app.lambda_handler(event, None)["statusCode"] == 200


def test_a_token_that_is_being_replaced_signs_too(
    session: Session, key: bytes, aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = carrier_secret(previous_auth_token="the-one-before")
    arn = make_secret(aws.client("secretsmanager"), secret)
    monkeypatch.setenv("CARRIER_SECRET_ARN", arn)

    event = callback(session, key, auth_token="the-one-before")

    assert app.lambda_handler(event, None)["statusCode"] == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"signature": ""},
        {"signature": "bm9uc2Vuc2U="},
        {"signature": "{}x"},
        {"auth_token": "another token"},
        {"header": "x-plivo-signature-v2"},
    ],
    ids=repr,
)
def test_a_wrong_or_missing_signature_is_refused_and_nothing_is_written(
    session: Session,
    key: bytes,
    aws: EmbeddedAws,
    deployment: Deployment,
    capsys: pytest.CaptureFixture[str],
    wrong: dict[str, Any],
) -> None:
    before = everything(aws, deployment)

    answer = app.lambda_handler(callback(session, key, **wrong), None)

    assert problem(answer) == REFUSED
    assert json.loads(answer["body"])["detail"] == "Refused."
    assert everything(aws, deployment) == before
    unsigned = wrong in ({"signature": ""}, {"header": "x-plivo-signature-v2"})
    metric = "WebhookUnsigned" if unsigned else "WebhookSignatureRefused"
    assert metric in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "value"),
    [
        ("body", b"EventName=SessionPartiesHangup"),
        ("nonce", "1"),
        ("token", "A" * 24),
        ("session_uuid", "0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f"),
        ("attempt", "2"),
        ("path", "/v1/plivo/nonsense"),
    ],
)
def test_whatever_is_changed_on_the_way_is_refused(
    session: Session,
    key: bytes,
    aws: EmbeddedAws,
    deployment: Deployment,
    changed: str,
    value: Any,
) -> None:
    before = everything(aws, deployment)
    event = callback(session, key)
    if changed == "body":
        event |= {"body": value.decode(), "isBase64Encoded": False}
    elif changed == "nonce":
        event["headers"]["x-plivo-signature-v3-nonce"] = value
    elif changed == "path":
        event |= {"rawPath": value, "pathParameters": {}}
    else:
        old = event["pathParameters"][changed]
        event["rawPath"] = event["rawPath"].replace(f"/{old}/", f"/{value}/")
        event["pathParameters"][changed] = value

    assert problem(app.lambda_handler(event, None)) == REFUSED
    assert everything(aws, deployment) == before


def test_a_callback_for_another_sessions_address_is_refused(
    stores: Stores, session: Session, key: bytes, clock: Clock
) -> None:
    other = planted(stores, clock)
    event, foreign = callback(session, key), callback(other, key)
    event |= {
        "rawPath": foreign["rawPath"],
        "pathParameters": foreign["pathParameters"],
    }

    assert problem(app.lambda_handler(event, None)) == REFUSED


def test_a_session_of_which_nothing_is_kept_is_not_found(
    session: Session, key: bytes
) -> None:
    gone = replace(session, session_uuid=sessions.session_uuid_for("acme", "gone"))

    answer = app.lambda_handler(callback(gone, key), None)

    assert problem(answer) == (404, "session_not_found", None)


def test_what_is_signed_and_yet_no_callback_is_malformed(
    stores: Stores, session: Session, key: bytes
) -> None:
    answer = app.lambda_handler(callback(session, key, {"Event": "A"}), None)

    assert problem(answer) == (400, "malformed_body", None)
    assert kept(stores, session) == []


def test_what_cannot_be_read_is_refused_if_it_is_not_signed_and_malformed_if_it_is(
    session: Session, key: bytes
) -> None:
    unsigned = callback(session, key, content_type="application/json")
    unsigned |= {"body": "{", "isBase64Encoded": False}
    signed = callback(session, key, {}, content_type="application/json")
    signed |= {"body": "{", "isBase64Encoded": False}

    assert problem(app.lambda_handler(unsigned, None)) == REFUSED
    assert problem(app.lambda_handler(signed, None)) == (400, "malformed_body", None)


def test_a_stage_before_the_path_is_taken_off(
    stores: Stores, session: Session, key: bytes
) -> None:
    event = callback(session, key)
    event["rawPath"] = "/stage" + event["rawPath"]

    assert app.lambda_handler(event, None)["statusCode"] == 200
    assert kept(stores, session) == [ANSWERED]


def test_a_public_address_with_a_path_is_what_is_signed(
    stores: Stores, clock: Clock, key: bytes
) -> None:
    session = planted(stores, clock)
    moved = replace(session, base_url="https://masks.example.com/api")
    stores.sessions.replace(session, replace(moved, version=session.version + 1))

    assert app.lambda_handler(callback(moved, key), None)["statusCode"] == 200


def test_storage_that_fails_is_our_fault_so_that_plivo_may_try_again(
    session: Session, key: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = callback(session, key)
    monkeypatch.setenv("TABLE_NAME", "no-such-table")

    assert problem(app.lambda_handler(event, None)) == (
        503,
        "storage_unavailable",
        None,
    )


def test_nothing_personal_and_no_token_is_logged(
    session: Session, key: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    event = callback(session, key)
    for sent in (event, event, callback(session, key, signature="bm8=")):
        app.lambda_handler(sent, None)

    emitted = capsys.readouterr().out
    assert '"callback":"kept"' in emitted
    assert '"callback":"repeated"' in emitted
    for secret in ("2025550100", "2025550101", event["pathParameters"]["token"]):
        assert secret not in emitted


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize("name", ["on_session_event", "on_session_event.json_body"])
def test_the_samples_are_refused_because_nobody_can_sign_for_every_stack(
    name: str,
) -> None:
    assert problem(app.lambda_handler(sample(name), None)) == REFUSED
