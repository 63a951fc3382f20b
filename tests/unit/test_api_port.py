"""The API's port: raw requests in, API Gateway's limits around them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from stack.aws.admission import Admission
from stack.aws.api_port import BODY_LIMIT_BYTES, Answer, ApiPort, Receive, Scope, Send

API_ID = "a1b2c3d4"


@dataclass
class Gateway:
    """Stands for the emulator: keeps what it was asked, answers what it was told."""

    answer: Answer = (200, {"Content-Type": "application/json"}, b"{}")
    seconds: float = 0.0
    failure: Exception | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def execute(
        self,
        api_id: str,
        stage: str,
        path: str,
        method: str,
        headers: dict[str, str],
        body: bytes,
        query_parameters: dict[str, list[str]],
        raw_query: str,
    ) -> Answer:
        """Run one request."""
        self.asked.append(
            {
                "api_id": api_id,
                "stage": stage,
                "path": path,
                "method": method,
                "headers": headers,
                "body": body,
                "query_parameters": query_parameters,
                "raw_query": raw_query,
            }
        )
        await asyncio.sleep(self.seconds)
        if self.failure:
            raise self.failure
        return self.answer


@pytest.fixture(name="gateway")
def _gateway() -> Gateway:
    return Gateway()


@pytest.fixture(name="api_id_file")
def _api_id_file(tmp_path: Path) -> Path:
    path = tmp_path / "api-id"
    path.write_text(API_ID)
    return path


def _request(
    gateway: Gateway,
    api_id_file: Path,
    method: str = "GET",
    path: str = "/",
    *,
    integration_seconds: float = 5.0,
    **options: Any,
) -> httpx.Response:
    entry = ApiPort(
        gateway.execute,
        lambda raw_path: raw_path,
        api_id_file,
        integration_seconds=integration_seconds,
    )
    return _send(entry, method, path, **options)


def _send(entry: ApiPort, method: str, path: str, **options: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(entry, client=("127.0.0.1", 50000))
        origin = "http://127.0.0.1:8000"
        async with httpx.AsyncClient(transport=transport, base_url=origin) as client:
            return await client.request(method, path, **options)

    return asyncio.run(send())


def test_a_request_reaches_the_default_stage_with_its_raw_path_and_query(
    gateway: Gateway, api_id_file: Path
) -> None:
    _request(
        gateway, api_id_file, "POST", "/v1/a%2Fb%20c?x=1&x=%2B2&empty=", content=b"body"
    )

    asked = gateway.asked[0]
    assert (asked["api_id"], asked["stage"]) == (API_ID, "$default")
    assert (asked["method"], asked["path"]) == ("POST", "/v1/a%2Fb%20c")
    assert asked["raw_query"] == "x=1&x=%2B2&empty="
    assert asked["query_parameters"] == {"x": ["1", "+2"], "empty": [""]}
    assert asked["body"] == b"body"


def test_the_event_names_the_host_that_was_asked_and_who_asked(
    gateway: Gateway, api_id_file: Path
) -> None:
    _request(gateway, api_id_file)

    headers = gateway.asked[0]["headers"]
    assert headers["host"] == "127.0.0.1:8000"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-port"] == "8000"
    assert headers["x-forwarded-proto"] == "http"


def test_repeated_headers_are_joined_by_commas(
    gateway: Gateway, api_id_file: Path
) -> None:
    _request(gateway, api_id_file, headers=[("X-Label", "a"), ("X-Label", "b")])

    assert gateway.asked[0]["headers"]["x-label"] == "a,b"


def test_status_headers_and_body_are_the_functions(
    gateway: Gateway, api_id_file: Path
) -> None:
    headers = {"Content-Type": "text/plain", "Set-Cookie": ["a=1", "b=2"]}
    gateway.answer = (418, headers, b"short and stout")

    response = _request(gateway, api_id_file)

    assert response.status_code == 418
    assert response.headers["content-type"] == "text/plain"
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert response.content == b"short and stout"


def test_head_has_the_length_of_the_body_and_no_body(
    gateway: Gateway, api_id_file: Path
) -> None:
    gateway.answer = (200, {}, b"1234")

    response = _request(gateway, api_id_file, "HEAD")

    assert (response.headers["content-length"], response.content) == ("4", b"")


def test_before_anything_is_deployed_every_path_is_503(
    gateway: Gateway, tmp_path: Path
) -> None:
    response = _request(gateway, tmp_path / "no-api-id", path="/v1/sessions")

    assert response.status_code == 503
    assert "still starting" in response.json()["message"]
    assert gateway.asked == []


def test_a_body_at_the_limit_is_passed_on(gateway: Gateway, api_id_file: Path) -> None:
    response = _request(gateway, api_id_file, "POST", content=b"x" * BODY_LIMIT_BYTES)

    assert response.status_code == 200
    assert len(gateway.asked[0]["body"]) == BODY_LIMIT_BYTES


def test_a_body_over_the_limit_is_413(gateway: Gateway, api_id_file: Path) -> None:
    response = _request(
        gateway, api_id_file, "POST", content=b"x" * (BODY_LIMIT_BYTES + 1)
    )

    assert response.status_code == 413
    assert response.json() == {"message": "Request Entity Too Large"}
    assert gateway.asked == []


def test_a_body_over_the_limit_that_does_not_say_so_is_413_as_well(
    gateway: Gateway, api_id_file: Path
) -> None:
    async def unending() -> Any:
        for _ in range(11):
            yield b"x" * (1024 * 1024)

    response = _request(gateway, api_id_file, "POST", content=unending())

    assert response.status_code == 413
    assert gateway.asked == []


def test_an_integration_that_takes_too_long_is_503(
    gateway: Gateway, api_id_file: Path
) -> None:
    gateway.seconds = 5.0

    response = _request(gateway, api_id_file, integration_seconds=0.05)

    assert response.status_code == 503
    assert response.json() == {"message": "Service Unavailable"}


def test_a_failure_of_the_gateway_says_nothing_about_itself(
    gateway: Gateway, api_id_file: Path
) -> None:
    gateway.failure = RuntimeError("secret detail")

    response = _request(gateway, api_id_file)

    assert response.status_code == 500
    assert response.json() == {"message": "Internal Server Error"}


def test_a_page_of_the_stack_is_served_beside_the_api(
    gateway: Gateway, api_id_file: Path
) -> None:
    async def docs(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        body = f"docs for {scope['path']}".encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    entry = ApiPort(gateway.execute, str, api_id_file, pages={"docs": docs})

    assert _send(entry, "GET", "/docs/api").text == "docs for /docs/api"
    assert _send(entry, "GET", "/document").json() == {}


def test_a_web_socket_is_turned_away(gateway: Gateway, api_id_file: Path) -> None:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    entry = ApiPort(gateway.execute, str, api_id_file)
    asyncio.run(entry({"type": "websocket", "path": "/"}, receive, send))

    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_a_client_that_hangs_up_is_not_answered(
    gateway: Gateway, api_id_file: Path
) -> None:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    asyncio.run(ApiPort(gateway.execute, str, api_id_file)(scope, receive, send))

    assert sent == []
    assert gateway.asked == []


def test_messages_are_json(gateway: Gateway, tmp_path: Path) -> None:
    response = _request(gateway, tmp_path / "no-api-id")

    assert response.headers["content-type"] == "application/json"
    assert json.loads(response.content)


def _at_once(
    gateway: Gateway, api_id_file: Path, admission: Admission, *paths: str
) -> list[int]:
    """Send requests at the same time; return the statuses."""
    entry = ApiPort(gateway.execute, str, api_id_file, admission=admission)

    async def send() -> list[int]:
        transport = httpx.ASGITransport(app=entry)
        url = "http://127.0.0.1:8000"
        async with httpx.AsyncClient(transport=transport, base_url=url) as client:
            answers = await asyncio.gather(*(client.get(path) for path in paths))
        return [answer.status_code for answer in answers]

    return asyncio.run(send())


def test_what_finds_no_place_is_refused_at_once_and_executed_never(
    gateway: Gateway, api_id_file: Path
) -> None:
    gateway.seconds = 0.05
    admission = Admission({"/": 2})

    first = _at_once(gateway, api_id_file, admission, *["/v1/sessions"] * 5)
    gateway.failure = ValueError("no such function")
    failed = _at_once(gateway, api_id_file, admission, *["/v1/sessions"] * 2)
    gateway.failure = None
    after = _at_once(gateway, api_id_file, admission, *["/v1/sessions"] * 2)

    assert sorted(first) == [200, 200, 429, 429, 429]
    assert failed == [500, 500]
    assert after == [200, 200]
    assert len(gateway.asked) == 6


def test_callbacks_have_places_of_their_own(
    gateway: Gateway, api_id_file: Path
) -> None:
    gateway.seconds = 0.05
    admission = Admission({"/v1/plivo/": 1, "/": 1})

    found = _at_once(
        gateway,
        api_id_file,
        admission,
        *("/v1/sessions", "/v1/sessions", "/v1/plivo/sessions/1/1/t/events"),
    )

    assert sorted(found) == [200, 200, 429]
    assert found[2] == 200
