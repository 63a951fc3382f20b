"""Whatever hangs, each function answers or hands its messages back before it is killed.

An endpoint hangs that takes the connection and says nothing, or answers a byte at a
time. `tests/unit/test_time_budgets.py` does the sums of the real time limits.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from masking.core.errors import OutOfTimeError
from masking.core.time_limits import RESERVE_SECONDS
from masking.wiring import Services
from stack.aws.package import read_template
from stack.environments import ROOT
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment
from tests.support.payloads import Context, problem, sample
from tests.support.sessions_there import planted
from tests.support.signed_callbacks import callback
from tests.support.slow_receivers import drip, hang, receiver

# On a busy machine a function is interrupted while it still reads descriptions of AWS,
# whose files are closed by nobody then.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

# What a function has to work with in these tests, beside what it keeps for its end.
LEFT = 0.25

TEMPLATE = read_template(ROOT / "template.yaml")["Resources"]
FUNCTIONS = sorted(
    each["Properties"]["CodeUri"].removeprefix("functions/")
    for each in TEMPLATE.values()
    if each["Type"] == "AWS::Serverless::Function"
)

# Of each service, the variable by which its endpoint is found.
ENDPOINTS = {
    "dynamodb": "AWS_ENDPOINT_URL_DYNAMODB",
    "s3": "AWS_ENDPOINT_URL_S3",
    "sqs": "AWS_ENDPOINT_URL_SQS",
    "events": "AWS_ENDPOINT_URL_EVENTBRIDGE",
    "secretsmanager": "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "plivo": "CARRIER_BASE_URL",
}

# What API Gateway calls, but for what answers in another way, and for callbacks: their
# samples are not signed.
CALLBACKS = ("on_session_event", "on_recording_event")
ROUTES = [
    name
    for name in FUNCTIONS
    if "http" in sample(name).get("requestContext", {})
    and name not in (*CALLBACKS, "answer_call", "authorize")
]
OTHERS = [
    name for name in FUNCTIONS if name not in {*ROUTES, *CALLBACKS, "answer_call"}
]
HAS_NO_ENDPOINT = "get_health"
OUTCOMES = {
    "create_session": {"unknown", "not_created"},
    "update_session": {"unknown", "not_updated"},
    "expire_session": {"unknown", "not_expired"},
}

DRIPS = drip(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n", b" ")
HANGS = {
    **{f"{service}, dripping": (service, DRIPS) for service in ENDPOINTS},
    "dynamodb, dripping headers": (
        "dynamodb",
        drip(b"HTTP/1.1 200 OK\r\n", b"x-more: y\r\n"),
    ),
    "dynamodb, silent": ("dynamodb", hang),
}


# How late they may be on a busy machine; what hangs here never ends.
SOON = 10.0

# Seconds that functions keep for their end, where that is more.
RESERVES = {"store_recording": 20.0}


class Running(Context):
    """A function whose time runs."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._ends = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left."""
        return max(0, round(1_000 * (self._ends - time.monotonic())))


@pytest.fixture(params=HANGS)
def hung(
    request: pytest.FixtureRequest,
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """Let a service hang in a deployment; return its name."""
    service, receive = HANGS[request.param]
    assert deployment.environment["AWS_ENDPOINT_URL"]
    with receiver(receive) as port:
        monkeypatch.setenv(ENDPOINTS[service], f"http://127.0.0.1:{port}")
        yield service


def call(name: str, event: Mapping[str, Any], seconds: float) -> Any:
    """Call a function that has so many seconds; see that it ends by itself."""
    handler: Callable[..., Any]
    handler = importlib.import_module(f"functions.{name}.app").lambda_handler
    started = time.monotonic()
    try:
        return handler(dict(event), Running(seconds))
    finally:
        assert time.monotonic() - started < seconds + SOON


@pytest.mark.parametrize("name", ROUTES)
def test_a_route_answers_that_something_is_not_available(name: str, hung: str) -> None:
    answer = call(name, sample(name), RESERVE_SECONDS + LEFT)

    if answer["statusCode"] < 500:
        # It needs nothing of that.
        assert hung != "dynamodb" or name == HAS_NO_ENDPOINT
        return
    status, code, outcome = problem(answer)
    assert (status, code) == (503, "storage_unavailable")
    assert int(answer["headers"]["retry-after"]) > 0
    assert outcome in OUTCOMES.get(name, {None})


@pytest.fixture
def callbacks(services: Services, clock: Clock) -> dict[str, dict[str, Any]]:
    """Return the event of a signed callback for each function that takes them."""
    session = planted(services.stores, clock)
    return {
        name: callback(session, services.callback_key, kind=kind)
        for name, kind in zip(CALLBACKS, ("events", "recordings"), strict=True)
    }


@pytest.mark.parametrize("name", CALLBACKS)
def test_a_callback_is_answered_too(
    callbacks: Mapping[str, Mapping[str, Any]], name: str, hung: str
) -> None:
    answer = call(name, callbacks[name], RESERVE_SECONDS + LEFT)

    if answer["statusCode"] < 500:
        assert hung not in ("dynamodb", "secretsmanager")
        return
    assert problem(answer)[:2] == (503, "storage_unavailable")


@pytest.mark.usefixtures("hung")
def test_a_caller_is_answered_whatever_hangs() -> None:
    answer = call("answer_call", sample("answer_call"), RESERVE_SECONDS + LEFT)

    assert answer["statusCode"] == 200
    assert "<Hangup" in answer["body"]


@pytest.mark.parametrize("name", OTHERS)
def test_any_other_function_ends_by_itself(name: str, hung: str) -> None:
    """It returns what comes again, or fails: either way its messages come again."""
    event = sample(name)
    context_seconds = RESERVES.get(name, RESERVE_SECONDS) + LEFT

    with suppress(OutOfTimeError, BotoCoreError, ClientError):
        answer = call(name, event, context_seconds)
        if hung == "dynamodb" and "Records" in event:
            failed = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
            assert failed


def test_a_create_on_a_silent_table_is_refused_within_the_real_time_limits(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client gives up by itself: nothing was created, and that is known.

    With a key it would not be: who sent it before might have got further.
    """
    seconds = 28.0
    event = sample("create_session")
    del event["headers"]["idempotency-key"]
    with receiver(hang) as port:
        monkeypatch.setenv(ENDPOINTS["dynamodb"], f"http://127.0.0.1:{port}")
        started = time.monotonic()
        answer = call("create_session", event, seconds)
        took = time.monotonic() - started

    assert deployment.table_name
    assert problem(answer) == (503, "storage_unavailable", "not_created")
    assert took < seconds - RESERVE_SECONDS
