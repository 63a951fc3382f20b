"""The Python client, as it is built: against a running stack, and against failures."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from masking.domain import deliveries, webhook_signing
from stack.environments import CLIENTS, ROOT, interpreter
from stack.running import RunningStack
from tests.support import published_events
from tests.support.documents import blocks_of
from tests.support.people import number_of, pair_of

FOLDER = ROOT / "clients" / "python"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Build the package, and import it from its wheel."""
    if not interpreter(CLIENTS).exists():
        pytest.skip("`make clients` has not been run: the Python client was NOT tested")
    folder = tmp_path_factory.mktemp("client")
    # A copy, because building writes beside the source.
    source = folder / "clients" / "python"
    shutil.copytree(FOLDER, source, ignore=shutil.ignore_patterns("generated"))
    shutil.copyfile(ROOT / "openapi.yaml", folder / "openapi.yaml")
    subprocess.run(
        [
            *(str(interpreter(CLIENTS)), "-m", "hatchling", "build"),
            *("-t", "wheel", "-d", str(folder)),
        ],
        cwd=source,
        check=True,
        capture_output=True,
    )
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("maskline_client")
    sys.path.remove(str(folder))


@pytest.fixture
def maskline(client: Any, stack: RunningStack) -> Iterator[Any]:
    """Return a client of the running stack."""
    with client.Maskline(
        stack.addresses.api_url, key=stack.api_key, trust_env=False
    ) as made:
        yield made


def models() -> Any:
    """Return the models of the package that was built."""
    return importlib.import_module("maskline_client.models")


def test_a_session_is_created_read_changed_and_ended(maskline: Any) -> None:
    created = maskline.create_session(models().CreateSession(**pair_of(9_000)))
    uuid = created.session_uuid
    changed = maskline.update_session(uuid, models().UpdateSession(ring_timeout=30))

    assert created.session.virtual_number == created.virtual_number
    assert maskline.get_session(uuid).status == "active"
    assert changed.ring_timeout == 30
    assert maskline.expire_session(uuid, if_version=changed.version).status == "expired"
    assert maskline.get_session(str(uuid)).ended_by == "request"
    assert maskline.list_recordings(uuid) == []
    assert maskline.list_deliveries(session_uuid=uuid).objects == []
    assert maskline.get_health().version


def test_a_key_of_ones_own_makes_the_whole_call_repeatable(maskline: Any) -> None:
    asked = models().CreateSession(**pair_of(9_001))
    first, again = (
        maskline.create_session(asked, idempotency_key="client-order-1") for _ in "12"
    )

    assert first.session_uuid == again.session_uuid
    maskline.expire_session(first.session_uuid)


def test_what_the_api_refuses_is_an_error_with_its_code(
    client: Any, maskline: Any
) -> None:
    with pytest.raises(client.MasklineError) as refused:
        maskline.create_session(models().CreateSession(first_party="+12025550100"))

    assert refused.value.code == "invalid_request"
    assert refused.value.outcome == "not_created"
    assert refused.value.problem.violations[0].field == "second_party"


# Failures

Answer = Callable[[httpx.Request], httpx.Response]

DONE = {
    "api_id": "8d6f3c1e-52f0-4a57-9c0a-3f4b2a1d6e70",
    "delivery": {
        "id": "GpEyI4Y0VbKy6y4skndCBczHy7a2FUHBjbvLDQjc8VI",
        "event_id": "d4c7cbaf-b615-41c1-8dbb-cb0d08dcf124",
        "type": "session.created",
        "session_uuid": None,
        "erasure_id": None,
        "sent_to": "callback_url",
        "status": "waiting",
        "attempts": 0,
        "first_at": "2026-03-01T12:00:00Z",
        "last_at": None,
        "next_at": None,
        "deadline": "2026-03-02T12:00:00Z",
        "last_status": None,
        "last_error": None,
    },
}


def problem(status: int, code: str, outcome: str | None, after: int | None) -> Answer:
    """Return an answer that is a problem."""
    document = {
        "type": f"urn:maskline:problem:{code}",
        "title": "x",
        "status": status,
        "code": code,
        "detail": "x",
        "instance": "urn:maskline:request:1",
        **({"outcome": outcome} if outcome else {}),
    }
    headers = {"content-type": "application/problem+json"}
    if after is not None:
        headers["retry-after"] = str(after)
    return lambda _: httpx.Response(status, json=document, headers=headers)


def message(status: int) -> Answer:
    """Return an answer of API Gateway's own."""
    return lambda _: httpx.Response(status, json={"message": "x"})


def lost(_request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("lost")


def refused(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


class Server:
    """Answers each request with the next of *answers*, and the last again."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        self.requests.append(request)
        first, *rest = self.answers
        self.answers = rest or [first]
        return first(request)

    def client(self, module: Any) -> Any:
        """Return a client of this server, whose pauses take no time."""
        return module.Maskline(
            "http://test",
            key="k",
            transport=httpx.MockTransport(self),
            sleep=self.pauses.append,
        )


def done(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(202, json=DONE)


UUID = "1a913223-8634-55b2-b2eb-2e2c92742605"

CALLS: dict[str, Callable[[Any], Any]] = {
    "create": lambda c: c.create_session(models().CreateSession(**pair_of(1))),
    "update": lambda c: c.update_session(UUID, models().UpdateSession(record=True)),
    "expire": lambda c: c.expire_session(UUID),
    "read": lambda c: c.get_session(UUID),
    "replay": lambda c: c.replay_delivery(str(DONE["delivery"])),
}


@pytest.mark.parametrize(
    ("answer", "repeated"),
    [
        (refused, {"create", "update", "expire", "read", "replay"}),
        (lost, {"create", "expire", "read"}),
        (message(429), {"create", "update", "expire", "read", "replay"}),
        (message(500), {"create", "expire", "read"}),
        (message(503), {"create", "expire", "read"}),
        (message(403), set()),
        (
            problem(503, "storage_unavailable", "unknown", 2),
            {"create", "expire", "read"},
        ),
        (
            problem(503, "carrier_throttled", "not_updated", 1),
            {"create", "update", "expire", "read", "replay"},
        ),
        (
            problem(504, "carrier_timeout", "unknown", None),
            {"create", "expire", "read"},
        ),
        (
            problem(409, "create_in_progress", "unknown", 1),
            {"create", "expire", "read"},
        ),
        (problem(502, "carrier_forbidden", "not_created", None), set()),
        (problem(422, "carrier_refused_request", "not_created", None), set()),
        (problem(503, "storage_unavailable", "unknown", 3600), set()),
    ],
)
def test_a_request_is_repeated_only_where_that_is_safe(
    client: Any, answer: Answer, repeated: set[str]
) -> None:
    for name, call in CALLS.items():
        server = Server(answer)
        with pytest.raises((client.MasklineError, client.NoAnswerError)):
            call(server.client(client))

        assert len(server.requests) == (5 if name in repeated else 1), name


def test_retries_follow_retry_after_and_end_with_success(client: Any) -> None:
    throttled = problem(503, "carrier_throttled", "not_updated", 7)
    server = Server(throttled, message(429), done)
    delivery = server.client(client).replay_delivery("x")

    assert delivery.status == "waiting"
    assert server.pauses[0] == 7
    assert 0.5 <= server.pauses[1] <= 1.5


def test_retries_of_a_create_have_one_key(client: Any) -> None:
    server = Server(lost)
    with pytest.raises(client.NoAnswerError):
        CALLS["create"](server.client(client))
    other = Server(message(403))
    with pytest.raises(client.MasklineError):
        CALLS["create"](other.client(client))

    keys = {each.headers["idempotency-key"] for each in server.requests}
    assert len(keys) == 1
    assert keys != {other.requests[0].headers["idempotency-key"]}


# Webhooks

SECRETS = [webhook_signing.secret_of(b"k", "acme", number) for number in (1, 2)]


def signed(payload: bytes, secrets: list[str]) -> dict[str, str]:
    """Return the headers with which the product signs now."""
    return webhook_signing.headers_for("an-id", payload, secrets, datetime.now(UTC))


def test_every_event_is_verified_and_read_as_its_model(client: Any) -> None:
    for detail in published_events.details():
        if "webhook" not in detail or detail["type"] == "recording.announced":
            continue
        body = deliveries.payload_of(detail)
        event = client.verify(body, signed(body, SECRETS), SECRETS[1])
        model = client.event_in(event)

        assert event == json.loads(body)
        assert model.type_ == detail["type"]
        assert str(model.id) == detail["id"]


def test_an_event_in_a_query_is_read_as_one_in_a_body(client: Any) -> None:
    for detail in published_events.details():
        if detail["type"] in ("session.settled", "call.ended", "recording.stored"):
            query = deliveries.query_of(detail)
            event = client.verify(query, signed(query.encode(), SECRETS), SECRETS)

            whole = json.loads(deliveries.payload_of(detail))
            assert event == {k: v for k, v in whole.items() if v is not None}


@pytest.mark.parametrize("spoil", ["body", "id", "secret", "time", "header"])
def test_a_webhook_that_is_not_signed_so_is_refused(client: Any, spoil: str) -> None:
    body = b'{"type":"session.created"}'
    headers = signed(body, SECRETS)
    secret, now = SECRETS[0], float(headers["webhook-timestamp"])
    if spoil == "body":
        body += b" "
    elif spoil == "id":
        headers["webhook-id"] = "another"
    elif spoil == "secret":
        secret = webhook_signing.secret_of(b"k", "other", 1)
    elif spoil == "time":
        now += 301
    else:
        del headers["webhook-signature"]

    with pytest.raises(client.WebhookRefusedError):
        client.verify(body, headers, secret, now=now)


def test_the_readme_shows_what_there_is(client: Any) -> None:
    text = (FOLDER / "README.md").read_text()

    assert all(name in text for name in client.__all__ if name != "NoAnswerError")
    assert Path(client.__file__).with_name("py.typed").exists()


# What the documents show of it

# Other tests create sessions on the same stack, some from the same documents.
OF_ONE_S_OWN = {
    "order-A-17": f"order-{uuid.uuid4()}",
    "+12025550100": number_of(60_000),
    "+12025550101": number_of(60_001),
}


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("document", ["docs/quickstart.md", "clients/python/README.md"])
def test_what_a_document_shows_of_the_client_runs(
    document: str,
    stack: RunningStack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    shown: dict[str, Any] = {}
    blocks = blocks_of(document)
    programs = [block for block in blocks if block.language == "python"]

    assert programs
    for block in programs:
        text = block.text.replace("http://127.0.0.1:8000", stack.addresses.api_url)
        for common, own in OF_ONE_S_OWN.items():
            text = text.replace(common, own)
        exec(compile(text, str(block), "exec"), shown)  # noqa: S102
        printed = capsys.readouterr().out
        following = blocks[blocks.index(block) + 1 :]
        if following and following[0].language == "text":
            assert printed.split() == following[0].text.split()
