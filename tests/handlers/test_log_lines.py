"""Each invocation ends in one line; what the documents ask of the logs is in it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.answer_call import app as answer_app
from functions.create_session import app as create_app
from functions.deliver_webhook import app as deliver_app
from functions.get_session import app as get_app
from functions.on_session_event import app as event_app
from functions.store_recording import app as store_app
from masking.core import telemetry
from masking.storage.stores import Stores
from masking.webhooks import ssrf_guard
from masking.wiring import Services
from proofs.http_listener import HttpListener, reply
from tests.handlers import test_samples as samples
from tests.handlers.test_answer_call import signed_call
from tests.support.documents import blocks_of
from tests.support.embedded_aws import Deployment, EmbeddedAws, make_secret
from tests.support.payloads import Context, http, read, sample
from tests.support.signed_callbacks import callback
from tests.support.simulated_plivo import SimulatedPlivo

usual_world = samples.usual_world

ROOT = Path(__file__).resolve().parents[2]

# What the line of each function says, beside those of requests.
LINES = {
    "answer_call": "call answered",
    "authorize": "key checked",
    "check_sessions": "session checked",
    "deliver_webhook": "deliveries worked off",
    "erase_number": "erasure worked on",
    "expire_sessions": "sessions swept",
    "publish_changes": "changes published",
    "reconcile_sessions": "sessions reconciled",
    "republish_changes": "changes published again",
    "store_recording": "recording worked on",
}
REQUEST = "request answered"

# Of each sample the ids that its line has.
IDS = {
    "answer_call": {"request_id"},
    "authorize": {"request_id", "tenant_id"},
    "check_sessions": {"session_uuid"},
    "create_session": {"request_id", "tenant_id", "session_uuid"},
    "erase_number": {"erasure_id"},
    "get_recording": {"recording_uuid"},
    "get_session": {"request_id", "tenant_id", "session_uuid"},
    "publish_changes": {"sessions"},
    "store_recording": {"session_uuid", "recording_uuid"},
    "update_session": {"session_uuid", "carrier_session_uuid", "carrier_api_id"},
    "expire_session": {"session_uuid", "carrier_session_uuid"},
}

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Return what was logged since the last call; metrics are left out."""

    def logged() -> list[dict[str, Any]]:
        printed = capsys.readouterr().out.splitlines()
        # Pytest gives a test another stream than its fixtures: begin a logger anew.
        telemetry.logger.cache_clear()
        logging.Logger.manager.loggerDict.pop("maskline", None)
        found = [json.loads(line) for line in printed if line.startswith("{")]
        return [each for each in found if "message" in each]

    return logged


def ends(logged: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines that invocations ended in."""
    return [each for each in logged if "milliseconds" in each]


@pytest.mark.parametrize("name", samples.EXPECTED)
def test_an_invocation_ends_in_one_line_without_a_person(
    lines: Lines, usual_world: None, name: str
) -> None:
    del usual_world
    lines()

    samples.invoke(name)

    [line] = ends(lines())
    function = name.partition(".")[0]
    assert line["message"] == LINES.get(function, REQUEST)
    assert line["level"] == "INFO"
    assert line["invocation_id"] == Context.aws_request_id
    assert line["milliseconds"] >= 0
    assert not re.search(r"20255501\d\d", json.dumps(line))
    assert all(line.get(each) for each in IDS.get(name, ())), line
    if line["message"] == REQUEST:
        assert line["route"] == sample(name)["routeKey"]
        assert line["status"]
        assert line["request_id"] == sample(name)["requestContext"]["requestId"]


@pytest.mark.parametrize(("level", "logged"), [("INFO", 1), ("WARNING", 0)])
def test_the_level_of_the_template_goes_before_what_lambda_lets_through(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, level: str, logged: int
) -> None:
    lines()
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", "INFO")
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", level)
    with telemetry.invocation("request answered", Context()):
        pass

    assert len(ends(lines())) == logged


def test_the_ids_of_a_create_lead_to_plivo_and_back(
    lines: Lines, services: Services, stores: Stores, plivo: SimulatedPlivo
) -> None:
    event = http("create_session")
    session_uuid = read(create_app.lambda_handler(event, Context()))["session"][
        "session_uuid"
    ]
    [created] = ends(lines())
    [at_plivo] = plivo.sessions()
    [asked] = plivo.requests("create")
    session = stores.sessions.load(session_uuid)
    assert session

    event_app.lambda_handler(callback(session, services.callback_key), Context())

    [kept] = ends(lines())
    assert created["request_id"] == event["requestContext"]["requestId"]
    assert created["session_uuid"] == kept["session_uuid"] == session_uuid
    ids = {each["carrier_session_uuid"] for each in (created, kept)}
    assert ids == {at_plivo["session_uuid"]}
    assert created["carrier_api_id"]
    assert asked
    assert kept["callback"] == "kept"
    assert len(kept["digest"]) == 64


def test_a_failed_invocation_ends_in_a_line_too_with_the_errors_type_alone(
    lines: Lines,
) -> None:
    @telemetry.one_line("work done")
    def handler(_event: dict[str, Any], _context: object) -> None:
        telemetry.note(session_uuid="0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f")
        telemetry.count("Begun")
        raise ValueError("about +12025550100")

    with pytest.raises(ValueError, match="about"):
        handler({}, Context())

    [line] = ends(lines())
    assert line["failed"] == "ValueError"
    assert line["session_uuid"] == "0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f"
    assert "2025550100" not in json.dumps(line)
    assert not telemetry.metrics().metric_set


def test_what_is_noted_is_of_one_invocation_and_outside_of_any_of_none(
    lines: Lines,
) -> None:
    telemetry.note(session_uuid="outside")
    for number in range(2):
        with telemetry.invocation("work done", None):
            telemetry.note(**{f"number_{number}": number})

    first, second = ends(lines())

    assert "session_uuid" not in first
    assert first["number_0"] == 0
    assert "number_0" not in second
    assert "invocation_id" not in second


@pytest.mark.parametrize("text", ["+12025550100", "", None, 12025550100, "x" * 36])
def test_an_id_that_is_no_uuid_is_not_noted(lines: Lines, text: object) -> None:
    with telemetry.invocation("work done", None):
        telemetry.note_ids(call_uuid=text)

    [line] = ends(lines())
    assert "call_uuid" not in line


def test_a_session_in_a_path_that_is_a_number_is_not_noted(
    lines: Lines, deployment: Deployment
) -> None:
    assert deployment.table_name
    event = http("get_session")
    event["pathParameters"] = {"session_uuid": "12025550100"}

    get_app.lambda_handler(event, Context())

    [line] = ends(lines())
    assert line["code"] == "session_not_found"
    assert "12025550100" not in json.dumps(line)


# Questions to the logs

QUERIES = [
    block for block in blocks_of("docs/operations.md") if block.language == "insights"
]
# Words of the query language, and what CloudWatch itself has.
WORDS = frozenset(
    re.findall(
        r"\w+",
        "fields filter stats sort limit asc desc as by or and like count pct ispresent",
    )
)
WORD = re.compile(r"@?[a-z_]+(?:\.[a-z_]+)?", re.ASCII)


def fields_of(query: str) -> set[str]:
    """Return the fields that a query names."""
    bare = re.sub(r'"[^"]*"|/[^/]*/|\bbin\([^)]*\)', "", query)
    named = set(re.findall(r"\bas (\w+)", bare))
    words = {word for word in WORD.findall(bare) if not word.startswith("@")}
    return {word.partition(".")[0] for word in words - WORDS - named}


def messages_of(query: str) -> set[str]:
    """Return the messages of the lines that a query is about; empty for any."""
    return set(re.findall(r'message = "([^"]+)"', query))


@pytest.fixture
def everything(
    lines: Lines,
    usual_world: None,
    deployment: Deployment,
    services: Services,
    stores: Stores,
    wire: HttpListener,
    aws: EmbeddedAws,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[list[dict[str, Any]]]:
    """Return the lines of all that works, and of what fails in each way."""
    del usual_world
    lines()
    wire.answers(reply(404, b""))
    # No queue has this message, and so it can't be put off.
    with suppress(ClientError):
        samples.invoke("store_recording")
    wire.answers(reply(200, samples.MP3))
    for name in samples.EXPECTED:
        samples.invoke(name)
    made = http("create_session")
    made["body"] = json.dumps(
        json.loads(made["body"]) | {"callback_url": f"{wire.origin}/hooks"}
    )
    made["headers"]["idempotency-key"] = "another"
    session_uuid = read(create_app.lambda_handler(made, None))["session"][
        "session_uuid"
    ]
    session = stores.sessions.load(session_uuid)
    assert session
    event_app.lambda_handler(callback(session, services.callback_key), None)
    answer_app.lambda_handler(signed_call(deployment), None)
    wire.answers(reply(503, b""))
    with monkeypatch.context() as patched:
        patched.setenv("WEBHOOK_TARGETS", ssrf_guard.PUBLIC_AND_LOOPBACK)
        _forget_services()
        deliver_app.lambda_handler(_delivery_of(session_uuid), None)
        patched.setenv("RECORDING_HOSTS", "nowhere.example.com")
        _forget_services()
        store_app.lambda_handler(_unknown_recording(), None)
        patched.setenv("TABLE_NAME", "no-such-table")
        _forget_services()
        samples.invoke("publish_changes")
        patched.setenv("TABLE_NAME", deployment.table_name)
        arn = make_secret(aws.client("secretsmanager"), "{")
        patched.setenv("CARRIER_SECRET_ARN", arn)
        _forget_services()
        create_app.lambda_handler(http("create_session"), None)
        handler = telemetry.one_line("work done")(lambda event, _: event["x"])
        with pytest.raises(KeyError):
            handler({}, None)
    yield lines()
    _forget_services()


def _forget_services() -> None:
    from masking import wiring
    from masking.core import settings

    wiring.services.cache_clear()
    settings.settings.cache_clear()


def _delivery_of(session_uuid: str) -> dict[str, Any]:
    event: dict[str, Any] = sample("deliver_webhook")
    [record] = event["Records"]
    body = json.loads(record["body"])
    body["detail"] |= {"session_uuid": session_uuid, "webhook": "callback_url"}
    record["body"] = json.dumps(body)
    return event


def _unknown_recording() -> dict[str, Any]:
    event: dict[str, Any] = sample("store_recording")
    [record] = event["Records"]
    body = json.loads(record["body"])
    body["detail"]["recording_uuid"] = "99999999-2c1e-4f7a-9b8c-7d6e5f4a3b2c"
    record["body"] = json.dumps(body)
    return event


def test_what_a_question_names_is_in_the_lines_that_it_asks(
    everything: list[dict[str, Any]],
) -> None:
    assert len(QUERIES) > 10
    for block in QUERIES:
        messages = messages_of(block.text)
        asked = [
            each for each in everything if not messages or each["message"] in messages
        ]
        assert messages <= {each["message"] for each in asked}, block
        known = {name for each in asked for name in each}
        assert fields_of(block.text) <= known, (str(block), sorted(known))


def test_the_table_of_lines_names_each_function_and_its_fields(
    everything: list[dict[str, Any]],
) -> None:
    text = (ROOT / "docs/operations.md").read_text()
    table = text.partition("## Logs\n")[2].partition("\n### ")[0]
    known = {name for each in everything for name in each}

    rows = re.findall(r"^\| `([a-z ]+)` \| ([^|]+) \|", table, re.MULTILINE)
    named = dict(rows)

    assert named.keys() == {REQUEST, *LINES.values()}
    assert all(f"`{name}`" in named[message] for name, message in LINES.items())
    words = set(re.findall(r"`([a-z_]+)`", table))
    assert words - known - LINES.keys() <= {"kept", "repeated", "instance"}
