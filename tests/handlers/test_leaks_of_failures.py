"""Whatever fails below a function, nothing that it says holds a number or a PIN.

Every sample event goes through its handler while AWS or Plivo fails: what is printed,
logged, counted, answered and raised is searched.
"""

from __future__ import annotations

import importlib
import json
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import plivo as plivo_sdk
import pytest
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from masking.plivo.client import Carrier
from masking.plivo.errors import CarrierError
from proofs.attack import pii_scan
from tests.support.embedded_aws import Deployment
from tests.support.payloads import EVENTS, Context, sample
from tests.support.simulated_plivo import SimulatedPlivo

PARTIES = [pii_scan.number(ordinal) for ordinal in (0, 1, 2, 77)]
PIN = "730518264937"
SECRETS = [*PARTIES, PIN]
# What a rule of ours tells everybody.
EXAMPLE = "such as +12025550100"
SAMPLES = sorted(path.name.removesuffix(".json") for path in EVENTS.glob("*.json"))

# What a function's environment says while something below it fails.
FAILURES = {
    "no table": {"TABLE_NAME": "there-is-no-such-table"},
    "no DynamoDB": {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9"},
    "no secrets": {"CARRIER_SECRET_ARN": "none", "SIGNING_SECRET_ARN": "none"},
    "no Plivo": {"CARRIER_BASE_URL": "http://127.0.0.1:9"},
    "no bus and no queues": {
        "BUS_NAME": "there-is-no-such-bus",
        "CHECK_QUEUE_URL": "http://127.0.0.1:9/none",
        "WEBHOOK_QUEUE_URL": "http://127.0.0.1:9/none",
    },
    "no settings": dict.fromkeys(("TABLE_NAME", "CARRIER_BASE_URL", "BUS_NAME"), ""),
}


def _found(source: str, text: str) -> list[str]:
    return [
        f"{each.source}: {each.form}: {each.around}"
        for each in pii_scan.found_in(source, text.replace(EXAMPLE, ""), SECRETS)
    ]


def _said_by(run: Callable[[], Any], capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a function answers or raises, and all that it printed."""
    capsys.readouterr()
    try:
        answer = run()
        text = json.dumps(answer, default=str)
        if isinstance(answer, dict) and answer.get("statusCode", 500) < 300:
            # An owner's own session.
            text = ""
    except Exception:
        # Lambda logs what a function raises.
        text = traceback.format_exc()
    printed = capsys.readouterr()
    return f"{text}\n{printed.out}\n{printed.err}"


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_no_failure_says_a_number(
    deployment: Deployment,
    plivo: SimulatedPlivo,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    failure: dict[str, str],
) -> None:
    assert deployment.table_name
    assert plivo.sessions() == []
    for variable, value in failure.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    app = importlib.import_module(f"functions.{name.partition('.')[0]}.app")

    said = _said_by(lambda: app.lambda_handler(sample(name), Context()), capsys)

    assert _found(name, said) == []


@pytest.mark.parametrize("name", SAMPLES)
def test_no_event_that_makes_no_sense_is_repeated(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert deployment.table_name
    app = importlib.import_module(f"functions.{name.partition('.')[0]}.app")
    event = {
        "Records": [{"body": PARTIES[0], "messageId": "1", "dynamodb": PARTIES[1]}],
        "body": f'{{"first_party": "{PARTIES[2]}", "pin": "{PIN}"',
        "headers": {"authorization": PARTIES[3]},
        "rawQueryString": PARTIES[0],
    }

    said = _said_by(lambda: app.lambda_handler(event, Context()), capsys)

    assert _found(name, said) == []


ASKED = {"first_party": PARTIES[0], "second_party": PARTIES[1], "first_party_pin": PIN}
URLS = {
    "callback_url": "https://masks.example.com/a",
    "recording_callback_url": "https://masks.example.com/b",
}


UUID = "a0ba4b07-0000-4000-8000-000000000001"
NOW = datetime(2026, 11, 23, tzinfo=UTC)

ASKS: dict[str, Callable[[Carrier], Any]] = {
    "create": lambda carrier: carrier.create(ASKED, URLS),
    "update": lambda carrier: carrier.update(UUID, {"second_party": PARTIES[1]}),
    "list": lambda carrier: carrier.listing(
        first_party=PARTIES[0],
        second_party=PARTIES[1],
        created_from=NOW,
        created_to=NOW + timedelta(minutes=1),
    ),
}


@pytest.mark.parametrize("operation", ASKS)
@pytest.mark.parametrize("failure", ["unreachable", "5xx"])
def test_the_sdk_prints_no_url_and_no_error_holds_one(
    plivo: SimulatedPlivo,
    capsys: pytest.CaptureFixture[str],
    operation: str,
    failure: str,
) -> None:
    effect = "5xx" if operation == "list" else "5xx_before_commit"
    plivo.arm(**{f"{operation}_{effect}": {"times": 9}})
    base_url = plivo.origin if failure == "5xx" else "http://127.0.0.1:9"
    carrier = Carrier(
        auth_id=plivo.auth_id, auth_token=plivo.auth_token, base_url=base_url
    )
    capsys.readouterr()

    with pytest.raises(CarrierError) as failed:
        ASKS[operation](carrier)

    printed = capsys.readouterr()
    told = "".join(traceback.format_exception(failed.value))
    assert (printed.out, printed.err) == ("", "")
    assert _found("the error", f"{told} {failed.value.members}") == []


class _Down(HTTPAdapter):
    """Answers every request with 503."""

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        answer = Response()
        answer.status_code = 503
        answer.url = str(request.url)
        return answer


def test_the_sdk_as_it_is_would_print_it(capsys: pytest.CaptureFixture[str]) -> None:
    client = plivo_sdk.RestClient("MAXXXXXXXXXXXXXXXXXX", "a-token")
    client.session.mount("https://", _Down())

    with suppress(plivo_sdk.exceptions.PlivoRestError):
        client.masking_sessions.list_masking_session(first_party=PARTIES[0])

    assert _found("what it prints", capsys.readouterr().out)
