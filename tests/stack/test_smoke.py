"""A deployment is checked, and walked from a create to an end, on a stack."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from masking.tenants import api_keys
from operate.smoke import SCOPES, TENANT
from stack.aws.listeners import listening_queue
from stack.running import RunningStack
from tests.support.maskline import Command, Here
from tests.support.plivo_callbacks import Caller


@pytest.fixture
def stack(lone_stack: RunningStack) -> RunningStack:
    """Return a stack of one's own: its simulator is looked at and broken."""
    return lone_stack


def keys_of(stack: RunningStack) -> list[api_keys.Key]:
    """Return the keys that were made for walks."""
    with httpx.Client(trust_env=False) as http:
        return api_keys.listed(Caller(stack, http).stores, TENANT)


def live(simulator: httpx.Client) -> list[Any]:
    """Return the sessions that are alive at Plivo."""
    found = simulator.get("/_sim/sessions").json()["sessions"]
    return [each for each in found if each["status"] != "expired"]


def test_a_walk_leaves_no_session_and_no_key_that_opens(
    stack: RunningStack, simulator: httpx.Client
) -> None:
    ended = Command(stack).run("smoke")

    assert (ended.status, ended.err) == (0, "")
    steps = re.findall(
        r"^ *\d+ ms  ([A-Za-z ,]+?)(?:, [0-9a-f]|$)", ended.out, re.MULTILINE
    )
    assert steps == [
        "the API answers",
        "a key is made",
        "a session is created",
        "sent again, it is not made twice",
        "it is active",
        "it is ended, here and at Plivo",
        "the key is revoked",
    ]
    assert ended.out.endswith("all is well\n")
    [session] = simulator.get("/_sim/sessions").json()["sessions"]
    assert session["status"] == "expired"
    *_, key = keys_of(stack)
    assert key.revoked_at
    assert key.scopes == SCOPES
    assert key.expires_at


def test_a_walk_that_fails_says_where_and_leaves_nothing(
    stack: RunningStack, simulator: httpx.Client
) -> None:
    arm = {"create_401": {"times": 1}}
    simulator.put("/_sim/faults", json=arm).raise_for_status()

    ended = Command(stack).run("smoke", "--json")

    assert ended.status == 1
    assert ended.err.startswith(
        "Error: a session is created: POST /v1/sessions answered 502: "
    )
    assert "carrier_credentials_refused" in ended.err
    assert live(simulator) == []
    assert all(key.revoked_at for key in keys_of(stack))


def test_a_session_that_could_not_be_ended_is_tried_once_more(
    stack: RunningStack, simulator: httpx.Client
) -> None:
    # As often as our client tries it for one request.
    arm = {"delete_5xx_before_commit": {"times": 2}}
    simulator.put("/_sim/faults", json=arm).raise_for_status()

    ended = Command(stack).run("smoke")

    assert ended.status == 1, ended.out
    assert "Error: it is ended: DELETE /v1/sessions/" in ended.err
    assert live(simulator) == []


@pytest.mark.usefixtures("simulator")
def test_a_stack_is_ready_once_its_numbers_are_answered_and_its_alarms_heard(
    stack: RunningStack,
) -> None:
    command = Command(stack)
    before = command.run("check")
    command.run("numbers", "attach")
    _, arn = listening_queue(stack.aws, "hears-alarms")
    stack.aws.client("sns").subscribe(
        TopicArn=stack.outputs["AlarmsTopicArn"], Protocol="sqs", Endpoint=arn
    )

    after = json.loads(command.run("check", "--json").out)["checks"]

    assert before.status == 1
    assert {each["check"]: each["verdict"] for each in after} == dict.fromkeys(
        (each["check"] for each in after), "ok"
    ), after


@pytest.mark.usefixtures("simulator")
def test_a_base_url_that_leads_to_another_deployment_is_noticed(
    stack: RunningStack,
) -> None:
    other = stack.aws.client("secretsmanager").create_secret(
        Name="the-root-of-another-deployment", SecretString="another root"
    )
    outputs = {**stack.outputs, "SigningSecretArn": other["ARN"]}

    ended = Command(Here(outputs, stack.aws)).run("check", "--json")

    said = {each["check"]: each["said"] for each in json.loads(ended.out)["checks"]}
    assert said["base URL"].endswith("leads to another deployment; see PublicBaseUrl")
