"""Stand in for the app that the page is connected to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from plivo_simulator.prompt_tunes import tune

# The UUIDs of the app's one session and of its recording.
SESSION = "00000000-0000-4000-8000-0000000000a1"
RECORDING = "00000000-0000-4000-8000-0000000000b2"

REFUSAL = {
    "title": "Bad Request",
    "status": 400,
    "code": "invalid_request",
    "violations": [
        {"field": "session_expiry", "rule": "must be at least 60"},
        {"field": "first_party", "rule": "is no valid number in its country"},
    ],
}


class _App(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        host = self.headers["host"]
        stored = {
            "recording_uuid": RECORDING,
            "status": "stored",
            "format": "wav",
            "duration": 2,
            "bytes": 4096,
            "failure": None,
        }
        match self.path:
            case "/audio":
                self._say(200, tune("greeting"), "audio/wav")
            case path if path == f"/v1/recordings/{RECORDING}":
                self._say_json(200, {"url": f"http://{host}/audio"})
            case path if path == f"/v1/sessions/{SESSION}/recordings":
                self._say_json(200, {"objects": [stored]})
            case _:
                self._say_json(404, {"title": "Not Found"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self._say_json(400, REFUSAL)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _say_json(self, status: int, body: object) -> None:
        self._say(status, json.dumps(body).encode(), "application/json")

    def _say(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def app_double() -> Iterator[str]:
    """Serve the app while the block runs; return its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _App)
    work = threading.Thread(target=server.serve_forever, args=(0.02,))
    work.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        work.join()
        server.server_close()
