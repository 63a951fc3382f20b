"""Secrets: derived or cached for minutes, rotated by an operator, logged by nobody."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest

from functions.authorize import app as authorize_app
from functions.create_session import app as create_app
from functions.on_session_event import app as event_app
from functions.reconcile_sessions import app as reconcile_app
from masking import wiring
from masking.core import telemetry
from masking.core.errors import StaleStateError
from masking.core.settings import Settings
from masking.domain import webhook_signing
from masking.plivo.errors import CarrierSecretUnreadableError
from masking.storage.stores import Stores
from masking.tenants import api_keys, authorize, webhook_secrets
from masking.wiring import Services
from masking.wiring.connections import SECRET_SECONDS
from proofs.http_listener import HttpListener
from tests.handlers import test_samples as samples
from tests.support.clock import Clock
from tests.support.embedded_aws import (
    SIGNING_SECRET,
    EmbeddedAws,
    carrier_secret,
    make_secret,
)
from tests.support.embedded_aws import Deployment as Made
from tests.support.payloads import Context, http, problem, sample
from tests.support.simulated_plivo import SimulatedPlivo

usual_world = samples.usual_world


# Secrets of webhooks


def test_of_two_rotations_at_once_one_happens(stores: Stores) -> None:
    def overtaken(before: webhook_signing.Generations) -> webhook_signing.Generations:
        webhook_secrets.change_generations(stores, "acme", webhook_signing.rotated)
        return webhook_signing.rotated(before)

    for _ in range(2):
        with pytest.raises(StaleStateError):
            webhook_secrets.change_generations(stores, "acme", overtaken)

    assert webhook_secrets.generations_of(stores, "acme").newest == 3


# Plivo's credentials


def test_credentials_are_read_once_in_minutes_and_two_tokens_hold_in_a_rotation(
    aws: EmbeddedAws, deployment: Made
) -> None:
    secrets = aws.client("secretsmanager")
    arn = make_secret(secrets, '{"auth_id": "MAX", "auth_token": "old"}')
    settings = Settings({**deployment.environment, "CARRIER_SECRET_ARN": arn})
    running = Services(settings)
    assert running.auth_tokens == ("old",)

    secrets.put_secret_value(
        SecretId=arn,
        SecretString='{"auth_id": "MAX", "auth_token": "new", '
        '"previous_auth_token": "old"}',
    )

    assert running.auth_tokens == ("old",)
    assert Services(settings).auth_tokens == ("new", "old")
    assert 60 <= SECRET_SECONDS <= 900


# Logs


@pytest.fixture
def said(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Callable[[], str]:
    """Return all that was printed and logged, at every level of our own logger."""
    caplog.set_level("DEBUG", logger="maskline")
    text: list[str] = []

    def everything() -> str:
        telemetry.flush()
        printed = capsys.readouterr()
        text.extend([printed.out, printed.err, caplog.text])
        return "".join(text)

    return everything


def secrets_of(services: Services, *more: str) -> list[str]:
    """Return every secret that a function can come to know, in each form."""
    keys_of_ours = (services.callback_key, services.number_key, services.webhook_key)
    return [
        SIGNING_SECRET,
        *services.auth_tokens,
        *services.webhook_secrets_of("local"),
        *(secret[6:] for secret in services.webhook_secrets_of("local")),
        *(key.hex() for key in keys_of_ours),
        *(base64.b64encode(key).decode() for key in keys_of_ours),
        *(base64.urlsafe_b64encode(key).decode().rstrip("=") for key in keys_of_ours),
        *more,
    ]


@pytest.mark.usefixtures("usual_world")
def test_no_function_logs_a_secret(services: Services, said: Callable[[], str]) -> None:
    for name in samples.EXPECTED:
        samples.invoke(name)
    key = sample("authorize")["headers"]["authorization"].split()[-1]

    everything = said()

    assert "maskline" in everything
    found = [
        secret
        for secret in secrets_of(services, key, authorize.digest_of(key))
        if secret in everything
    ]
    assert found == []


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_no_secret_is_logged_when_plivo_refuses_or_fails(
    services: Services,
    wire: HttpListener,
    monkeypatch: pytest.MonkeyPatch,
    said: Callable[[], str],
    status: int,
) -> None:
    from proofs.http_listener import reply

    monkeypatch.setenv("CARRIER_BASE_URL", wire.origin)
    told = json.dumps({"error": f"token {services.auth_tokens[0]} refused"})
    wire.answers(reply(status, told.encode()))

    answer = create_app.lambda_handler(http("create_session"), None)

    assert answer["statusCode"] >= 400
    everything = said()
    assert "Plivo did not do as asked" in everything
    assert not any(secret in everything for secret in secrets_of(services))


@pytest.fixture
def malformed(
    aws: EmbeddedAws, deployment: Made, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Have the functions find a secret that nobody can read; return its name."""
    del deployment
    broken = '{"auth_id": "MAX", "auth_token": "half a secret'
    arn = make_secret(aws.client("secretsmanager"), broken)
    monkeypatch.setenv("CARRIER_SECRET_ARN", arn)
    return arn


def tells_of(everything: str, name: str) -> bool:
    """Return whether it is told, and counted, which secret is malformed."""
    return (
        "carrier secret not readable" in everything
        and name in everything
        and "it is not JSON" in everything
        and '"CarrierSecretUnreadable":[1.0]' in everything
    )


def test_a_create_without_readable_credentials_is_not_created_and_the_secret_is_named(
    malformed: str, services: Services, said: Callable[[], str], plivo: SimulatedPlivo
) -> None:
    answer = create_app.lambda_handler(http("create_session"), None)

    assert problem(answer) == (502, "carrier_credentials_refused", "not_created")
    assert "can't be read" in json.loads(answer["body"])["detail"]
    assert malformed not in answer["body"]
    everything = said()
    assert tells_of(everything, malformed)
    assert "half a secret" not in everything
    assert not any(secret in everything for secret in secrets_of(services))
    assert plivo.sessions() == []


def test_a_create_goes_through_once_its_secret_is_mended(
    malformed: str, aws: EmbeddedAws, plivo: SimulatedPlivo
) -> None:
    event = http("create_session")
    create_app.lambda_handler(event, None)
    aws.client("secretsmanager").put_secret_value(
        SecretId=malformed, SecretString=carrier_secret()
    )
    wiring.services.cache_clear()

    answer = create_app.lambda_handler(event, None)

    assert answer["statusCode"] == 201
    assert len(plivo.sessions()) == 1


def test_a_callback_that_cannot_be_checked_is_our_fault_and_names_the_secret(
    malformed: str, said: Callable[[], str]
) -> None:
    answer = event_app.lambda_handler(sample("on_session_event"), None)

    assert answer["statusCode"] == 502
    assert tells_of(said(), malformed)


def test_a_run_of_the_reconciler_fails_by_a_malformed_secret_and_names_it(
    malformed: str, said: Callable[[], str]
) -> None:
    with pytest.raises(CarrierSecretUnreadableError) as failed:
        reconcile_app.lambda_handler({}, Context())

    assert tells_of(said(), malformed)
    assert "half a secret" not in str(failed.value)


def test_no_key_is_logged_whether_it_opens_or_not(
    stores: Stores, clock: Clock, plivo: SimulatedPlivo, said: Callable[[], str]
) -> None:
    assert plivo.sessions() == []
    made = api_keys.create(stores, "acme", ["admin"], clock())
    revoked = api_keys.create(stores, "acme", ["admin"], clock())
    api_keys.revoke(stores, "acme", revoked.key_id, clock())
    for secret in (made.secret, revoked.secret, "maskline_nobody-has-this"):
        event = sample("authorize")
        event["headers"]["authorization"] = f"Bearer {secret}"
        authorize_app.lambda_handler(event, None)

    everything = said()

    assert '"opens":false' in everything
    assert "maskline_" not in everything
