"""Test the server side of the phones page: events, inbox, prompts, files, the app."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from plivo_simulator.app_proxy import AppAddress
from plivo_simulator.audio import length_ms
from plivo_simulator.page_routes import FOLDER
from plivo_simulator.prompt_tunes import TUNES
from plivo_simulator.server import running

ALICE, BOB = "+12025550100", "+12025550101"


def test_everything_that_happens_is_streamed(served: httpx.Client) -> None:
    origin = str(served.base_url).rstrip("/")
    inbox = f"{origin}/_sim/inbox/app"
    kinds: list[str] = []
    with httpx.stream("GET", f"{origin}/_sim/events", timeout=20) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "event: hello"
        body = {"first_party": ALICE, "second_party": BOB, "callback_url": inbox}
        session = served.post("/_sim/sessions", json=body).json()
        call = {"from": ALICE, "to": session["virtual_number"]}
        served.post("/_sim/calls", json=call)
        served.put("/_sim/faults", json={"get_slow": {}})
        served.put("/_sim/switches", json={"sequence": "per_call"})
        for line in lines:
            if line.startswith("event: "):
                kinds.append(line.removeprefix("event: "))
            elif line.startswith("data: "):
                news = json.loads(line.removeprefix("data: "))
                if kinds and kinds[-1] == "call" and news["state"] == "ended":
                    break

    wanted = {"session", "call", "callback", "inbox", "faults", "switches"}
    assert wanted <= set(kinds)
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_a_session_is_created_changed_and_ended_without_credentials(
    served: httpx.Client,
) -> None:
    body = {"first_party": ALICE, "second_party": BOB}

    created = served.post("/_sim/sessions", json=body)
    url = f"/_sim/sessions/{created.json()['session_uuid']}"
    changed = served.patch(url, json={"record": True})
    ended = served.delete(url)
    again = served.delete(url)
    refused = served.post("/_sim/sessions", json={"first_party": ALICE})

    assert created.status_code == 201
    assert changed.json()["session"]["record"] is True
    assert ended.json()["status"] == "expired"
    assert (again.status_code, again.json()["error"]) == (
        400,
        "Session already expired",
    )
    assert refused.json()["error"] == "second_party is missing"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_the_inbox_takes_whatever_comes(served: httpx.Client, method: str) -> None:
    content = None if method == "GET" else b'{"type": "session.created"}'

    answer = served.request(method, "/_sim/inbox/shop?tag=1", content=content)
    served.post("/_sim/inbox/other", content=b"\xff")

    (kept,) = served.get("/_sim/inbox", params={"name": "shop"}).json()["requests"]
    assert answer.status_code == 204
    assert (kept["method"], kept["query"]) == (method, "tag=1")
    assert kept["body"] == (content or b"").decode()
    assert len(served.get("/_sim/inbox").json()["requests"]) == 2


@pytest.mark.parametrize("name", list(TUNES))
def test_a_prompt_is_a_short_tune(served: httpx.Client, name: str) -> None:
    answer = served.get(f"/prompts/{name}.wav")

    assert answer.headers["content-type"] == "audio/wav"
    assert 300 < (length_ms(answer.content) or 0) < 2000


def test_an_unknown_prompt_is_404(served: httpx.Client) -> None:
    assert served.get("/prompts/../secrets.wav").status_code == 404
    assert served.get("/prompts/none.wav").status_code == 404


def test_the_page_and_its_files_are_served_and_refer_to_nothing_elsewhere(
    served: httpx.Client,
) -> None:
    page = served.get("/")
    names = [path.name for path in FOLDER.iterdir()]

    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for name in names:
        answer = served.get(f"/page/{name}")
        assert answer.status_code == 200
        foreign = answer.text.replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in foreign
        assert "https://" not in foreign


def test_a_page_of_another_origin_may_not_use_the_control_api(
    served: httpx.Client,
) -> None:
    foreign = {"origin": "https://evil.example"}
    own = {"origin": str(served.base_url).rstrip("/")}

    assert served.post("/_sim/reset", headers=foreign).status_code == 403
    assert served.get("/_sim/sessions", headers=foreign).status_code == 403
    assert served.post("/_sim/reset", headers=own).status_code == 200


def test_without_an_app_the_gateway_says_so(served: httpx.Client) -> None:
    assert served.get("/_sim/app").json() == {"url": None}
    answer = served.get("/_sim/app/v1/sessions")
    assert answer.status_code == 404
    assert "--app" in answer.json()["error"]


@pytest.fixture(name="app", scope="module")
def _app() -> Iterator[str]:
    """Serve an app whose API echoes its requests, and has one recording."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/audio":
                self._say(200, b"RIFF", "audio/wav")
            elif self.path == "/v1/recordings/known":
                link = {"url": f"http://{self.headers['host']}/audio"}
                self._say(200, json.dumps(link).encode())
            elif self.path.startswith("/v1/recordings"):
                self._say(409, b"{}")
            else:
                self.do_POST()

        def do_POST(self) -> None:
            size = int(self.headers.get("content-length", 0))
            asked = {
                "method": self.command,
                "path": self.path,
                "authorization": self.headers["authorization"],
                "idempotency_key": self.headers.get("idempotency-key"),
                "cookie": self.headers.get("cookie"),
                "body": self.rfile.read(size).decode(),
            }
            self._say(201, json.dumps(asked).encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _say(
            self, status: int, body: bytes, kind: str = "application/json"
        ) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    work = threading.Thread(target=server.serve_forever, args=(0.02,))
    work.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    work.join()
    server.server_close()


def test_the_gateway_adds_the_key_and_passes_on_the_rest(app: str) -> None:
    address = AppAddress(app, "made-up-key")
    with running(app_address=address) as server:
        shown = httpx.get(f"{server.origin}/_sim/app").json()
        answer = httpx.post(
            f"{server.origin}/_sim/app/v1/sessions?x=a%20b",
            json={"first_party": ALICE},
            headers={"idempotency-key": "k-1", "cookie": "private=1"},
        )
        stored = httpx.get(f"{server.origin}/_sim/app/recordings/known")
        missing = httpx.get(f"{server.origin}/_sim/app/recordings/other")

    assert shown == {"url": app}
    assert answer.status_code == 201
    said = answer.json()
    assert said["path"] == "/v1/sessions?x=a%20b"
    assert said["authorization"] == "Bearer made-up-key"
    assert said["idempotency_key"] == "k-1"
    assert said["cookie"] is None
    assert json.loads(said["body"]) == {"first_party": ALICE}
    assert (stored.content, stored.headers["content-type"]) == (b"RIFF", "audio/wav")
    assert missing.status_code == 404
