"""Make calls by Plivo's Python SDK at the simulator: hang one up, transfer another.

Run it beside `python -m plivo_simulator`. PLIVO_SIMULATOR names another address.
The application that answers is a few lines of the standard library, in this process.
"""

from __future__ import annotations

import os
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import plivo
from plivo.rest import client as rest_client

ORIGIN = os.environ.get("PLIVO_SIMULATOR", "http://127.0.0.1:8001")
for name in (
    "PLIVO_API_BASE_URI",
    "API_VOICE_BASE_URI",
    "API_VOICE_BASE_URI_FALLBACK_1",
    "API_VOICE_BASE_URI_FALLBACK_2",
):
    setattr(rest_client, name, f"{ORIGIN}/v1/Account")

PAGES = {
    "/hold": "<Speak>Please hold.</Speak><Wait length='600'/>",
    "/bye": "<Speak>Goodbye.</Speak>",
}


class Application(BaseHTTPRequestHandler):
    """Answers with the document of a path."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        document = f"<Response>{PAGES[self.path]}</Response>".encode()
        self.send_response(200)
        self.send_header("content-type", "application/xml")
        self.send_header("content-length", str(len(document)))
        self.end_headers()
        self.wfile.write(document)

    def log_message(self, format: str, *args: object) -> None:
        pass


def main() -> None:
    """Make two calls."""
    server = HTTPServer(("127.0.0.1", 0), Application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    app = f"http://127.0.0.1:{server.server_port}"
    client = plivo.RestClient(
        "MALOCALDEVELOPMENT00", "not-a-secret-local-development-token-000"
    )

    first = client.calls.create("+12025550180", "+12025550101", f"{app}/hold")
    print(first.message)
    wait_for(client, first.request_uuid, "in-progress")
    client.calls.hangup(first.request_uuid)
    print("hung up by", ended(client, first.request_uuid).hangup_source)

    second = client.calls.create("+12025550180", "+12025550102", f"{app}/hold")
    wait_for(client, second.request_uuid, "in-progress")
    moved = client.calls.transfer(
        second.request_uuid, legs="aleg", aleg_url=f"{app}/bye"
    )
    print(moved.message)
    print("ended:", ended(client, second.request_uuid).hangup_cause_name)
    server.shutdown()


def wait_for(client: plivo.RestClient, call_uuid: str, status: str) -> None:
    """Return when a call has *status*."""
    for _ in range(400):
        try:
            if client.live_calls.get(call_uuid).call_status == status:
                return
        except plivo.exceptions.ResourceNotFoundError:
            pass
        time.sleep(0.05)
    raise TimeoutError(status)


def ended(client: plivo.RestClient, call_uuid: str) -> plivo.base.ResponseObject:
    """Return the record of a call when it is over."""
    for _ in range(400):
        record = client.calls.get(call_uuid)
        if record.end_time:
            return record
        time.sleep(0.05)
    raise TimeoutError("the call goes on")


if __name__ == "__main__":
    main()
