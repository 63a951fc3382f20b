"""The Plivo simulator as tests use it: arm faults, set switches, look inside."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from local.plivo import account


class SimulatedPlivo:
    """A running simulator at *origin*."""

    auth_id = account.AUTH_ID
    auth_token = account.AUTH_TOKEN

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def reset(self) -> None:
        """Forget everything that happened and every fault and switch."""
        self._send("POST", "reset", {})

    def arm(self, **faults: dict[str, Any]) -> None:
        """Arm exactly these faults, such as `create_5xx_after_commit={"times": 1}`."""
        self._send("PUT", "faults", faults)

    def switch(self, **switches: str) -> None:
        """Set switches, such as `duplicate_pair="same"`."""
        self._send("PUT", "switches", switches)

    def sessions(self) -> list[dict[str, Any]]:
        """Give every session, the newest first."""
        found: list[dict[str, Any]] = self._send("GET", "sessions")["sessions"]
        return found

    def live(self) -> list[dict[str, Any]]:
        """Give every session that has not ended."""
        return [s for s in self.sessions() if s["status"] != "expired"]

    def requests(self, operation: str | None = None) -> list[dict[str, Any]]:
        """Give every request to the masking API, or those of one operation."""
        made: list[dict[str, Any]] = self._send("GET", "ledger")["requests"]
        return [r for r in made if operation in (None, r["operation"])]

    def call(self, caller: str, number: str, **plan: Any) -> dict[str, Any]:
        """Let *caller* call a virtual number; wait for its end and its callbacks."""
        placed = self._send("POST", "calls", {"from": caller, "to": number, **plan})
        call: dict[str, Any] = self._send("GET", f"calls/{placed['call_uuid']}?wait=20")
        return call

    def recordings(self) -> list[dict[str, Any]]:
        """Give every recording with its bytes and SHA-256."""
        found: list[dict[str, Any]]
        found = self._send("GET", "recordings?truth=1")["recordings"]
        return found

    def end(self, session_uuid: str) -> None:
        """End a session at Plivo, behind Maskline's back."""
        path = f"/v1/Account/{self.auth_id}/Masking/Session/{session_uuid}/"
        request = urllib.request.Request(
            self.origin + path, method="DELETE", headers=self._authorization()
        )
        with self._opener.open(request, timeout=5) as response:
            response.read()

    def _authorization(self) -> dict[str, str]:
        import base64

        text = base64.b64encode(f"{self.auth_id}:{self.auth_token}".encode()).decode()
        return {"Authorization": f"Basic {text}"}

    def _send(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.origin}/_sim/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with self._opener.open(request, timeout=30) as response:
            answer: dict[str, Any] = json.loads(response.read())
        return answer
