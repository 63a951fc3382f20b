"""What a function may wait for fits into the time that it has, by the template.

Each sum is of the worst that one endpoint can do by hanging while all others answer:
`tests/handlers/test_hung_endpoints.py` lets each hang.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.config import Config

from functions.erase_number import app as erase_number
from functions.expire_sessions import app as expire_sessions
from functions.publish_changes import app as publish_changes
from functions.reconcile_sessions import app as reconcile_sessions
from functions.republish_changes import app as republish_changes
from functions.store_recording import app as store_recording
from masking.core.time_limits import RESERVE_SECONDS
from masking.domain import deliveries
from masking.lifecycle import reconcile_sessions as runs
from masking.plivo import client, media, rate_limit
from masking.storage import bus
from masking.webhooks import deliver_webhook, shares
from masking.wiring import connections
from stack.aws.package import read_template
from stack.environments import ROOT

TEMPLATE = read_template(ROOT / "template.yaml")
RESOURCES = TEMPLATE["Resources"]
USUAL = TEMPLATE["Globals"]["Function"]["Timeout"]

# The end of API Gateway's patience with a function, and with an authorizer (seconds).
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
GATEWAY = 30
GATEWAY_AUTHORIZER = 10

# The most that the SDK waits between two tries of a request that hung: it waits longer
# for what is throttled, and that answers.
PAUSE = 0.1


def seconds_of(config: Config) -> float:
    """Return for how long one request of a client may hang, with its other tries."""
    set_to: Any = config
    tries = set_to.retries["total_max_attempts"]
    waits = set_to.connect_timeout + set_to.read_timeout
    return float(tries * waits + (tries - 1) * PAUSE)


AWS = seconds_of(connections.QUICK)
BEST_EFFORT = seconds_of(connections.BEST_EFFORT)
PLIVO = client.CONNECT_SECONDS + client.READ_SECONDS
UNSENT = 2 * client.CONNECT_SECONDS
FILE = seconds_of(connections.STREAMING)
MEDIA = media.CONNECT_SECONDS + media.READ_SECONDS

# For each function the longest wait: a request of AWS's that hangs ends whatever asked.
WAITS = {
    "answer_call": AWS + BEST_EFFORT,
    "authorize": AWS + BEST_EFFORT,
    "check_sessions": 2 * PLIVO + AWS,
    # A create that hangs, and the listing that clears it up.
    "create_session": max(2 * PLIVO, UNSENT + PLIVO),
    # Lanes and messages are given back when the last attempt has ended.
    "deliver_webhook": (
        deliver_webhook.BEGIN_WITHIN.total_seconds() + deliveries.SECONDS + AWS
    ),
    "delete_recording": PLIVO + AWS,
    "erase_number": 2 * PLIVO + AWS,
    "expire_session": 2 * PLIVO,
    "expire_sessions": AWS,
    "publish_changes": 2 * AWS + sum(bus.PAUSES),
    "reconcile_sessions": 2 * PLIVO + AWS,
    "republish_changes": 2 * AWS + sum(bus.PAUSES),
    "store_recording": 2 * (media.MOST_REDIRECTS + 1) * MEDIA + FILE + AWS,
    "update_session": 2 * PLIVO,
}

# What each keeps of its time to begin with another session, record or message: longer
# than that may take.
RESERVES = {
    "erase_number": erase_number.RESERVE / 1_000,
    "expire_sessions": expire_sessions.RESERVE / 1_000,
    "publish_changes": publish_changes.RESERVE,
    "reconcile_sessions": reconcile_sessions.RESERVE,
    "republish_changes": republish_changes.RESERVE,
    "store_recording": store_recording.RESERVE,
}


def functions() -> dict[str, int]:
    """Return the time-out of each function of the template, by its folder (seconds)."""
    return {
        each["Properties"]["CodeUri"].removeprefix("functions/"): each[
            "Properties"
        ].get("Timeout", USUAL)
        for each in RESOURCES.values()
        if each["Type"] == "AWS::Serverless::Function"
    }


def of_route(name: str) -> bool:
    """Return whether API Gateway calls a function for a route."""
    events = [
        each["Properties"].get("Events", {})
        for each in RESOURCES.values()
        if each["Type"] == "AWS::Serverless::Function"
        and each["Properties"]["CodeUri"] == f"functions/{name}"
    ]
    return any(each["Type"] == "HttpApi" for found in events for each in found.values())


@pytest.mark.parametrize("name", functions())
def test_what_hangs_is_given_up_before_the_function_is_killed(name: str) -> None:
    wait = WAITS.get(name, AWS)

    assert wait < functions()[name] - RESERVE_SECONDS


@pytest.mark.parametrize("name", [name for name in functions() if of_route(name)])
def test_a_function_of_a_route_answers_before_its_gateway_gives_up(name: str) -> None:
    assert functions()[name] < GATEWAY


def test_the_authorizer_answers_before_its_gateway_gives_up() -> None:
    assert functions()["authorize"] <= GATEWAY_AUTHORIZER


@pytest.mark.parametrize("name", RESERVES)
def test_what_is_begun_is_ended(name: str) -> None:
    left = RESERVES[name] - RESERVE_SECONDS

    # A request may have been begun just before, and what it was for is put away.
    assert left > AWS
    if name in ("publish_changes", "republish_changes"):
        assert left > WAITS[name]


def test_a_request_to_plivo_is_not_begun_too_late() -> None:
    assert rate_limit.ASK_SECONDS > PLIVO + AWS
    assert rate_limit.ASK_SECONDS < reconcile_sessions.RESERVE
    assert RESERVE_SECONDS < AWS < runs.NOTE_SECONDS < runs.LEAVE_SECONDS
    assert runs.LEAVE_SECONDS < rate_limit.ASK_SECONDS


def test_leases_outlive_what_holds_them() -> None:
    timeouts = functions()

    assert runs.LEASE.total_seconds() > timeouts["reconcile_sessions"]
    assert shares.LEASE.total_seconds() >= timeouts["deliver_webhook"]
