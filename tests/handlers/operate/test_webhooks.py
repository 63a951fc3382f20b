"""The command shows, rotates and retires the secret of a tenant's webhooks."""

from __future__ import annotations

import boto3
import pytest

from masking.domain import webhook_signing
from masking.storage.stores import Stores
from masking.tenants import webhook_secrets
from masking.wiring import Services
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.maskline import Command, command_on

pytestmark = pytest.mark.usefixtures("acme")


def test_the_command_shows_what_functions_sign_with(
    command: Command, services: Services
) -> None:
    shown = command.lines("webhooks", "show", "acme")

    assert shown == services.webhook_secrets_of("acme")
    assert command.json("webhooks", "show", "acme") == shown
    command.lines("keys", "create", "other")
    assert shown != command.lines("webhooks", "show", "other")


def test_a_rotation_has_two_secrets_until_the_old_one_is_retired(
    command: Command,
) -> None:
    [first] = command.lines("webhooks", "show", "acme")

    both = command.lines("webhooks", "rotate", "acme")
    alone = command.lines("webhooks", "retire", "acme")

    assert len(both) == 2
    assert both[1] == first
    assert alone == both[:1]
    assert command.lines("webhooks", "rotate", "acme")[1:] == alone


def test_rotating_twice_leaves_the_last_two(command: Command) -> None:
    [first] = command.lines("webhooks", "show", "acme")
    command.lines("webhooks", "rotate", "acme")

    assert first not in command.lines("webhooks", "rotate", "acme")
    assert len(command.lines("webhooks", "show", "acme")) == 2


def test_the_table_holds_no_secret(
    command: Command, aws: EmbeddedAws, deployment: Deployment
) -> None:
    secrets = command.lines("webhooks", "rotate", "acme")

    kept = str(aws.client("dynamodb").scan(TableName=deployment.table_name)["Items"])

    assert "WEBHOOKS" in kept
    for secret in secrets:
        assert secret.removeprefix("whsec_") not in kept


def test_a_rotation_that_was_overtaken_is_one_sentence(
    stores: Stores, deployment: Deployment
) -> None:
    class Overtaking:
        """Clients of an operator whom another overtakes."""

        def client(self, service: str) -> object:
            assert service == "dynamodb"
            made = boto3.Session().client("dynamodb")
            made.meta.events.register(
                "before-call.dynamodb.UpdateItem",
                lambda **_: webhook_secrets.change_generations(
                    stores, "acme", webhook_signing.rotated
                ),
            )
            return made

    ended = command_on(deployment, Overtaking()).run("webhooks", "rotate", "acme")

    assert (ended.status, ended.out) == (1, "")
    assert ended.err == (
        "Error: Somebody else changed it at the same time; repeat the command.\n"
    )


@pytest.mark.parametrize("doing", ["show", "rotate", "retire"])
def test_a_bad_tenant_is_refused(command: Command, doing: str) -> None:
    assert command.run("webhooks", doing, "a#b").status == 2
