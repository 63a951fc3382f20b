"""The Plivo simulator as tests use it: arm faults, set switches, look inside."""

from __future__ import annotations

from typing import Any

import httpx

from plivo_simulator import account


class SimulatedPlivo:
    """A running simulator at *origin*."""

    auth_id = account.AUTH_ID
    auth_token = account.AUTH_TOKEN

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._http = httpx.Client(base_url=origin, timeout=30, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

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
        """Return every session, the newest first."""
        found: list[dict[str, Any]] = self._send("GET", "sessions")["sessions"]
        return found

    def live(self) -> list[dict[str, Any]]:
        """Return every session that has not ended."""
        return [s for s in self.sessions() if s["status"] != "expired"]

    def requests(self, operation: str | None = None) -> list[dict[str, Any]]:
        """Return every request to the masking API, or those of one operation."""
        made: list[dict[str, Any]] = self._send("GET", "ledger")["requests"]
        return [r for r in made if operation in (None, r["operation"])]

    def call(self, caller: str, number: str, **plan: Any) -> dict[str, Any]:
        """Let *caller* call a virtual number; wait for its end and its callbacks."""
        placed = self._send("POST", "calls", {"from": caller, "to": number, **plan})
        call: dict[str, Any] = self._send("GET", f"calls/{placed['call_uuid']}?wait=20")
        return call

    def recordings(self) -> list[dict[str, Any]]:
        """Return every recording with its bytes and SHA-256."""
        found: list[dict[str, Any]]
        found = self._send("GET", "recordings?truth=1")["recordings"]
        return found

    def end(self, session_uuid: str) -> None:
        """End a session at Plivo, behind Maskline's back."""
        path = f"/v1/Account/{self.auth_id}/Masking/Session/{session_uuid}/"
        answer = self._http.delete(path, auth=(self.auth_id, self.auth_token))
        answer.raise_for_status()

    def _send(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = self._http.request(method, f"/_sim/{path}", json=body)
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document
