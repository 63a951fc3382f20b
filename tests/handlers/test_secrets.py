"""Secrets: derived or cached for minutes, rotated by an operator, logged by nobody."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import boto3
import pytest

from functions.authorize import app as authorize_app
from functions.create_session import app as create_app
from masking import keys, telemetry, tenants, webhook_signing
from masking.errors import StaleStateError
from masking.settings import Settings
from masking.table import Table
from masking.wiring import SECRET_SECONDS, Services
from operate import __main__ as command
from operate.deployment import Deployment
from proofs.http_listener import HttpListener
from tests.handlers import test_samples as samples
from tests.handlers.clock import Clock
from tests.handlers.embedded_aws import SIGNING_SECRET, EmbeddedAws, make_secret
from tests.handlers.embedded_aws import Deployment as Made
from tests.handlers.payloads import http, problem, sample
from tests.handlers.simulated_plivo import SimulatedPlivo

usual_world = samples.usual_world


@pytest.fixture
def say(
    aws: EmbeddedAws, deployment: Made, capsys: pytest.CaptureFixture[str]
) -> Callable[..., list[str]]:
    """Give the operator's command for webhooks; it gives the lines printed."""
    outputs = {
        "TableName": deployment.table_name,
        "SigningSecretArn": deployment.environment["SIGNING_SECRET_ARN"],
    }

    def run(doing: str, tenant: str = "acme") -> list[str]:
        capsys.readouterr()
        found = Deployment(outputs, aws)
        assert command.main(["webhooks", doing, tenant], lambda _: found) == 0
        return capsys.readouterr().out.splitlines()

    return run


# Secrets of webhooks


def test_the_command_shows_what_functions_sign_with(
    say: Callable[..., list[str]], services: Services
) -> None:
    assert say("show") == services.webhook_secrets_of("acme")
    assert say("show") != say("show", "other")


def test_a_rotation_has_two_secrets_until_the_old_one_is_retired(
    say: Callable[..., list[str]],
) -> None:
    [first] = say("show")

    both = say("rotate")
    alone = say("retire")

    assert len(both) == 2
    assert both[1] == first
    assert alone == both[:1]
    assert say("rotate")[1:] == alone


def test_rotating_twice_leaves_the_last_two(say: Callable[..., list[str]]) -> None:
    [first] = say("show")
    say("rotate")

    assert first not in say("rotate")
    assert len(say("show")) == 2


def test_the_table_holds_no_secret(
    say: Callable[..., list[str]], aws: EmbeddedAws, deployment: Made
) -> None:
    secrets = say("rotate")

    kept = str(aws.client("dynamodb").scan(TableName=deployment.table_name)["Items"])

    assert "WEBHOOKS" in kept
    for secret in secrets:
        assert secret.removeprefix("whsec_") not in kept


def test_of_two_rotations_at_once_one_happens(table: Table) -> None:
    def overtaken(before: webhook_signing.Generations) -> webhook_signing.Generations:
        tenants.change_generations(table, "acme", webhook_signing.rotated)
        return webhook_signing.rotated(before)

    for _ in range(2):
        with pytest.raises(StaleStateError):
            tenants.change_generations(table, "acme", overtaken)

    assert tenants.generations_of(table, "acme").newest == 3


def test_a_rotation_that_was_overtaken_is_one_sentence(
    table: Table,
    aws: EmbeddedAws,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Overtaking:
        """Clients of an operator whom another overtakes."""

        def client(self, service: str) -> object:
            assert service == "dynamodb"
            made = boto3.client("dynamodb")
            made.meta.events.register(
                "before-call.dynamodb.UpdateItem",
                lambda **_: tenants.change_generations(
                    table, "acme", webhook_signing.rotated
                ),
            )
            return made

    assert aws.url
    found = Deployment({"TableName": table._name}, Overtaking())

    assert command.main(["webhooks", "rotate", "acme"], lambda _: found) == 1
    assert capsys.readouterr().err == "somebody else changed it at the same time\n"


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
    """Give all that was printed and logged, at every level of our own logger."""
    caplog.set_level("DEBUG", logger="maskline")
    text: list[str] = []

    def everything() -> str:
        telemetry.flush()
        printed = capsys.readouterr()
        text.extend([printed.out, printed.err, caplog.text])
        return "".join(text)

    return everything


def secrets_of(services: Services, *more: str) -> list[str]:
    """Give every secret that a function can come to know, in each form."""
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
        for secret in secrets_of(services, key, tenants.digest_of(key))
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


def test_no_secret_is_logged_that_cannot_be_read(
    aws: EmbeddedAws,
    services: Services,
    said: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = '{"auth_id": "MAX", "auth_token": "half a secret'
    arn = make_secret(aws.client("secretsmanager"), broken)
    monkeypatch.setenv("CARRIER_SECRET_ARN", arn)

    answer = create_app.lambda_handler(http("create_session"), None)

    assert problem(answer) == (500, "internal_error", "unknown")
    everything = said()
    assert "unexpected error" in everything
    assert "half a secret" not in everything
    assert not any(secret in everything for secret in secrets_of(services))


def test_no_key_is_logged_whether_it_opens_or_not(
    table: Table, clock: Clock, plivo: SimulatedPlivo, said: Callable[[], str]
) -> None:
    assert plivo.sessions() == []
    made = keys.create(table, "acme", ["admin"], clock())
    revoked = keys.create(table, "acme", ["admin"], clock())
    keys.revoke(table, "acme", revoked.key_id, clock())
    for secret in (made.secret, revoked.secret, "maskline_nobody-has-this"):
        event = sample("authorize")
        event["headers"]["authorization"] = f"Bearer {secret}"
        authorize_app.lambda_handler(event, None)

    everything = said()

    assert "key refused" in everything
    assert "maskline_" not in everything
