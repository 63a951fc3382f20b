"""Let time pass for the embedded AWS, and show what was measured of it meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from stack.aws.api_port import Receive, Scope, Send
from stack.aws.measured import Measured

ScopedKey = tuple[str, str, str]


@dataclass(frozen=True)
class PassingTime:
    """Moves what waits for a time into the past, by ministack's own private names.

    *rules* are those of EventBridge, *fired* says when each last ran, *queues* are
    SQS's, guarded by *lock*, *records* those of tables' streams, *pauses* say until
    when what failed is not tried again. *tick* runs the rules whose time has come;
    *in_flight* says how many functions run; *late_logs* takes the lines that functions
    printed too late for the logs of their runs.
    """

    measured: Measured
    rules: Mapping[ScopedKey, MutableMapping[str, Any]]
    fired: MutableMapping[Any, float]
    queues: Mapping[ScopedKey, Mapping[str, Any]]
    lock: AbstractContextManager[Any]
    records: Mapping[ScopedKey, Iterable[Mapping[str, Any]]]
    pauses: MutableMapping[Any, float]
    tick: Callable[[], None]
    late_logs: Callable[[], Iterable[str]]
    in_flight: Callable[[], int]

    def skip(self, seconds: float) -> None:
        """Let time pass. Queues are looked at first, then rules run if it is time."""
        for line in self.late_logs():
            self.measured.read(line)
        with self.lock:
            self.measured.look_at(list(self.queues.values()))
            for queue in list(self.queues.values()):
                for message in queue["messages"]:
                    for name in ("sent_at", "visible_at", "first_receive_at"):
                        if message.get(name):
                            message[name] -= seconds
        for records in list(self.records.values()):
            for record in list(records):
                record["dynamodb"]["ApproximateCreationDateTime"] -= seconds
        for rule in list(self.rules.values()):
            rule["CreationTime"] = rule.get("CreationTime", 0) - seconds
        for moments in (self.fired, self.pauses):
            for key in list(moments):
                moments[key] -= seconds
        self.measured.skipped += seconds
        self.tick()

    async def page(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer with the points after a number; POST changes something before.

        ``?after=12`` is it, ``&skip=60`` lets a minute pass before, ``&throttle=Write``
        has DynamoDB refuse writes of items until ``&throttle=none``.
        """
        asked = {
            name: values[-1]
            for name, values in parse_qs(scope["query_string"].decode()).items()
        }
        if scope["method"] == "POST":
            if "throttle" in asked:
                self.measured.throttled = frozenset(asked["throttle"].split(","))
            if "skip" in asked:
                await asyncio.to_thread(self.skip, float(asked["skip"]))
        shown = {
            "now": self.measured.now(),
            "in_flight": self.in_flight(),
            "points": self.measured.after(int(asked.get("after", 0))),
        }
        body = json.dumps(shown).encode()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
