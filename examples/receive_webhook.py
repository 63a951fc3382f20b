"""Receive webhooks: verify, remember the id, act. Needs package standardwebhooks."""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

seen: dict[str, dict[str, Any]] = {}  # your database: the same id may come again


class Hooks(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            Webhook(os.environ["WEBHOOK_SECRET"]).verify(body, headers)
        except WebhookVerificationError:
            self.send_error(401)
            return
        event = json.loads(body)
        seen.setdefault(event["id"], event)
        self.send_response(204)  # within five seconds; work on it afterwards
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(
        ("127.0.0.1", int(os.environ.get("PORT", "8080"))), Hooks
    ).serve_forever()
