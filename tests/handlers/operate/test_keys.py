"""The command creates, lists, rotates and revokes keys."""

from __future__ import annotations

import json

import pytest

from functions.authorize import app
from masking.storage.stores import Stores
from masking.tenants import authorize
from operate.keys import COLUMNS
from tests.support import embedded_aws as made
from tests.support.embedded_aws import EmbeddedAws
from tests.support.maskline import Command
from tests.support.payloads import sample


def authorized(key: str) -> bool:
    """Return whether a key opens the API."""
    event = sample("authorize")
    event["headers"]["authorization"] = f"Bearer {key}"
    return bool(app.lambda_handler(event, None)["isAuthorized"])


def test_a_key_has_a_life_in_commands(command: Command) -> None:
    create = ("keys", "create", "acme", "--scopes", "sessions:read", "--days", "90")
    first = command.json(*create)
    rotate = ("keys", "rotate", "acme", first["key_id"], "--hours", "0.5")
    second = command.json(*rotate)
    assert authorized(first["key"])
    assert authorized(second["key"])
    revoked = command.json("keys", "revoke", "acme", first["key_id"])
    assert revoked == {"revoked": first["key_id"]}

    listed = command.json("keys", "list", "acme")

    states = {line["key_id"]: line["state"] for line in listed}
    assert states == {first["key_id"]: "revoked", second["key_id"]: "open"}
    assert all(line["scopes"] == ["sessions:read"] for line in listed)
    assert all(line["expires_at"].endswith("Z") for line in listed)
    assert not authorized(first["key"])
    assert first["key"] not in json.dumps(listed)


def test_the_commands_are_readable_without_json(command: Command) -> None:
    created = command.lines("keys", "create", "acme")
    key_id = created[0].split()[1]

    listed = command.lines("keys", "list", "acme")
    revoked = command.lines("keys", "revoke", "acme", key_id)

    assert created[-1] == "It is not shown again."
    assert listed[0].split() == list(COLUMNS)
    assert listed[1].startswith(key_id)
    assert listed[1].endswith(" ".join(sorted(authorize.SCOPES)))
    assert revoked == [f"revoked  {key_id}"]


def test_an_expired_key_is_listed_as_ended(command: Command) -> None:
    made_key = command.json("keys", "create", "acme")
    command.json("keys", "rotate", "acme", made_key["key_id"], "--hours", "0")

    states = {
        line["key_id"]: line["state"] for line in command.json("keys", "list", "acme")
    }

    assert states.pop(made_key["key_id"]) == "ended"
    assert list(states.values()) == ["open"]


@pytest.mark.parametrize("doing", ["revoke", "rotate"])
def test_an_unknown_key_is_one_sentence(command: Command, doing: str) -> None:
    ended = command.run("keys", doing, "acme", "nothing")

    assert (ended.status, ended.out) == (1, "")
    assert ended.err == (
        "Error: acme has no key nothing that opens anything; see: "
        "maskline keys list acme\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", "a#b"],
        ["create", ""],
        ["create", "acme", "--scopes", "everything"],
        ["create", "acme", "--scopes", ","],
        ["create", "acme", "--days", "0"],
        ["revoke", "acme"],
    ],
    ids=" ".join,
)
def test_what_breaks_a_rule_is_not_done(
    command: Command, stores: Stores, arguments: list[str]
) -> None:
    ended = command.run("keys", *arguments)

    assert (ended.status, ended.out) == (2, "")
    assert "Traceback" not in ended.err
    assert not stores.tenants.is_known("acme")


def test_the_local_stacks_first_key_has_every_scope_and_is_listed(
    aws: EmbeddedAws, stores: Stores, command: Command
) -> None:
    from stack.aws.clients import LocalAws
    from stack.aws.initial_data import API_KEY, write_initial_data

    secret = made.make_secret(aws.client("secretsmanager"), "{}")
    outputs = {
        "TableName": stores.table.name,
        "CarrierSecretArn": secret,
        "RetentionDays": "400",
    }

    write_initial_data(LocalAws(aws.url, aws.ca_file), outputs)

    [line] = command.json("keys", "list", "local")
    assert line["scopes"] == sorted(authorize.SCOPES)
    assert line["key_id"] == authorize.key_id_of(authorize.digest_of(API_KEY))
    assert authorized(API_KEY)
