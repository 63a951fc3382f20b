"""Where the demo looks: the API, the simulator, the table, the bucket and the logs."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from masking.core.key_space import STATE, Item, session_key
from masking.storage.table import read_item
from stack.demo.step import UnexpectedError
from stack.running import RunningStack

POLL_SECONDS = 0.2

T = TypeVar("T")


class Sources:
    """A running stack, seen from outside and from behind the scenes."""

    def __init__(self, stack: RunningStack, clock: Callable[[], float]) -> None:
        self._stack = stack
        self._clock = clock
        self._api = _client(
            stack.addresses.api_url, {"Authorization": f"Bearer {stack.api_key}"}
        )
        self._simulator = _client(stack.addresses.plivo_url, {})
        self._table = stack.aws.client("dynamodb")
        self._bucket = stack.aws.client("s3")
        self._logs = stack.aws.client("logs")

    def __enter__(self) -> Self:
        """Return itself; leaving the block closes the connections."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self._api.close()
        self._simulator.close()

    def create_session(self, asked: Mapping[str, Any]) -> httpx.Response:
        """Ask the API for a session, as an app's backend does."""
        key = {"Idempotency-Key": str(uuid.uuid4())}
        return self._api.post("/v1/sessions", json=dict(asked), headers=key)

    def update_session(
        self, session_uuid: str, changes: Mapping[str, Any]
    ) -> httpx.Response:
        """Ask the API to change a session."""
        return self._api.patch(f"/v1/sessions/{session_uuid}", json=dict(changes))

    def session(self, session_uuid: str) -> dict[str, Any]:
        """Read a session through the API."""
        answer = self._api.get(f"/v1/sessions/{session_uuid}").raise_for_status()
        session: dict[str, Any] = answer.json()["session"]
        return session

    def place_call(self, caller: str, to: str, talk_seconds: float) -> str:
        """Let *caller* dial *to* on the simulator; return the call's id."""
        call = {"from": caller, "to": to, "talk_seconds": talk_seconds, "answer": True}
        # Whoever has the simulator's page open has claimed the parties' phones.
        script = call | {"digits": [], "manual_caller": False}
        placed = self._simulator.post("/_sim/calls", json=script)
        return str(placed.raise_for_status().json()["call_uuid"])

    def lose_timeout(self, carrier_session_uuid: str) -> None:
        """Lose the callback in which Plivo says that a session has timed out."""
        facts = {"event": "SessionTimeout", "session_uuid": carrier_session_uuid}
        fault = {"webhook_dropped": {"times": 1, "match": facts}}
        self._simulator.patch("/_sim/faults", json=fault).raise_for_status()

    def call(self, call_uuid: str) -> dict[str, Any]:
        """Read a call as the simulator knows it."""
        answer = self._simulator.get(f"/_sim/calls/{call_uuid}").raise_for_status()
        call: dict[str, Any] = answer.json()
        return call

    def at_plivo(self, carrier_session_uuid: str) -> dict[str, Any]:
        """Read a session as the simulator has it."""
        answer = self._simulator.get("/_sim/sessions").raise_for_status()
        for session in answer.json()["sessions"]:
            if session["session_uuid"] == carrier_session_uuid:
                found: dict[str, Any] = session["session"]
                return found
        raise UnexpectedError(f"Plivo has no session {carrier_session_uuid}.")

    def at_origin(self, url: str) -> bytes:
        """Fetch a recording from where Plivo keeps it."""
        return self._simulator.get(url).raise_for_status().content

    def in_bucket(self, bucket: str, key: str) -> bytes:
        """Read an object."""
        body: bytes = self._bucket.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def callbacks(self, session_uuid: str) -> list[Item]:
        """Read the callbacks that are stored for a session."""
        return [item for item in self._items(session_uuid) if item["sk"][0] == "E"]

    def recordings(self, session_uuid: str) -> list[Item]:
        """Read the recordings that are known of a session."""
        return [item for item in self._items(session_uuid) if item["sk"][0] == "R"]

    def stored_state(self, session_uuid: str) -> Item:
        """Read a session's state as the table has it."""
        for item in self._items(session_uuid):
            if item["sk"] == STATE:
                return item
        raise UnexpectedError(f"The table has no session {session_uuid}.")

    def _items(self, session_uuid: str) -> list[Item]:
        answer = self._table.query(
            TableName=self._stack.outputs["TableName"],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": session_key(session_uuid)}},
            ConsistentRead=True,
        )
        return [read_item(item) for item in answer["Items"]]

    def invocations_since(self, began: datetime) -> dict[str, int]:
        """Count, from the log groups, how often each function has run."""
        return {
            folder: self._starts(group, began)
            for folder, group in sorted(self._stack.log_groups().items())
        }

    def _starts(self, log_group: str, began: datetime) -> int:
        events = self._logs.filter_log_events(
            logGroupName=log_group, startTime=int(began.timestamp() * 1000)
        )["events"]
        return sum(event["message"].startswith("START ") for event in events)

    def wait_for(self, what: str, look: Callable[[], T | None], seconds: float) -> T:
        """Return the result of *look* as soon as it is true.

        Raises:
            UnexpectedError: It gave nothing for *seconds*.
        """
        deadline = self._clock() + seconds
        while True:
            found = look()
            if found is not None:
                return found
            if self._clock() > deadline:
                raise UnexpectedError(f"Waited {seconds:.0f} s in vain for {what}.")
            time.sleep(POLL_SECONDS)


def _client(url: str, headers: dict[str, str]) -> httpx.Client:
    # An environment's proxy is not for 127.0.0.1.
    return httpx.Client(base_url=url, headers=headers, timeout=30.0, trust_env=False)
