"""What an app and its users do with a session, and whether all of it came out true.

An app creates a session and later updates and reads it; in some, one party calls the
other, which is recorded. Each of these is due at its own time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from proofs.benches.load.arrivals import Arrival
from proofs.creates.plan import pair
from proofs.harness import api_client, get_json, place_call, simulator_client
from proofs.runner import wait_for
from stack.running import RunningStack

# Seconds from a session's create until the rest is due.
UPDATED_AFTER, CALLED_AFTER, READ_AFTER = 2.0, 2.5, 4.0

# One session of so many has a call.
CALLED = 5

# What a call lasts, in seconds.
TALK_SECONDS = 1

# Within so many seconds of the last request all that follows is there.
SETTLED_WITHIN = 60.0

# What is asked was not created, so nothing more is asked of it.
SKIPPED = "skipped"


@dataclass
class Journeys:
    """Sessions of one step; *first* is the number of its first pair of people."""

    stack: RunningStack
    first: int
    crossed: list[str] = field(default_factory=list)
    _created: dict[int, dict[str, Any]] = field(default_factory=dict, init=False)
    _called: dict[int, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.api = api_client(self.stack)
        self.simulator = simulator_client(self.stack)

    def arrivals(self, rate: float, count: int) -> Iterator[Arrival]:
        """Yield what *count* sessions do, of which *rate* are created each second."""
        for number in range(count):
            at = number / rate
            yield self.create(number, at)
            yield Arrival(at + UPDATED_AFTER, "update", partial(self._update, number))
            if number % CALLED == 0:
                yield Arrival(at + CALLED_AFTER, "call", partial(self._call, number))
            yield Arrival(at + READ_AFTER, "read", partial(self._read, number))

    def create(self, number: int, at: float) -> Arrival:
        """Return the create of a session."""
        return Arrival(at, "create", partial(self._create, number))

    def callbacks(self) -> list[dict[str, Any]]:
        """Return the callbacks of the sessions once none is on its way any more."""

        def all_sent() -> bool:
            path = "/_sim/callbacks?state=pending"
            return not get_json(self.simulator, path)["callbacks"]

        def all_ended() -> bool:
            calls = get_json(self.simulator, "/_sim/calls")["calls"]
            return all(call["state"] == "ended" for call in calls)

        wait_for("calls to end", all_ended, SETTLED_WITHIN)
        wait_for("callbacks to be sent", all_sent, SETTLED_WITHIN)
        ours = {each["carrier_session_uuid"] for each in self._created.values()}
        found = get_json(self.simulator, "/_sim/callbacks")["callbacks"]
        return [each for each in found if each["session_uuid"] in ours]

    def lost(self, callbacks: list[dict[str, Any]]) -> tuple[int, int]:
        """Return how many events and recordings of calls there are, and are not here.

        An event is a callback of the session's channel, a recording one of the other.
        """
        told: dict[str, set[str]] = {}
        for each in callbacks:
            told.setdefault(each["session_uuid"], set()).add(str(each["attributes"]))
        missing = 0
        for number in self._called:
            session = self._created[number]
            expected = len(told.get(session["carrier_session_uuid"], ()))
            missing += not self._has_all(session["session_uuid"], expected)
        return len(self._called), missing

    def close(self) -> None:
        """Close the clients."""
        self.api.close()
        self.simulator.close()

    def _has_all(self, session_uuid: str, expected: int) -> bool:
        path = f"/v1/sessions/{session_uuid}"

        def look() -> bool:
            events = get_json(self.api, f"{path}/events?limit=100")["objects"]
            recordings = get_json(self.api, f"{path}/recordings")["objects"]
            stored = sum(each["status"] == "stored" for each in recordings)
            return expected > 0 and len(events) + stored >= expected and stored > 0

        try:
            return wait_for("events and recordings", look, SETTLED_WITHIN)
        except Exception:
            return False

    def _create(self, number: int) -> str:
        body = self._body(number)
        answer = self.api.post("/v1/sessions", json=body)
        if answer.status_code == 201:
            self._created[number] = answer.json()["session"]
            self._compare(number, answer.json()["session"], body)
        return str(answer.status_code)

    def _update(self, number: int) -> str:
        if number not in self._created:
            return SKIPPED
        path = f"/v1/sessions/{self._created[number]['session_uuid']}"
        body = {"ring_timeout": 1_000 + number}
        answer = self.api.patch(path, json=body)
        if answer.status_code == 200:
            self._compare(number, answer.json()["session"], self._body(number) | body)
        return str(answer.status_code)

    def _call(self, number: int) -> str:
        if number not in self._created:
            return SKIPPED
        session = self._created[number]
        script = {
            "from": session["first_party"],
            "to": session["virtual_number"],
            "talk_seconds": TALK_SECONDS,
        }
        place_call(self.simulator, script)
        self._called[number] = session["session_uuid"]
        return "200"

    def _read(self, number: int) -> str:
        if number not in self._created:
            return SKIPPED
        path = f"/v1/sessions/{self._created[number]['session_uuid']}"
        answer = self.api.get(path)
        if answer.status_code == 200:
            self._compare(number, answer.json()["session"], self._body(number))
        return str(answer.status_code)

    def _body(self, number: int) -> dict[str, Any]:
        first, second = pair(self.first + number)
        return {
            "first_party": first,
            "second_party": second,
            "record": number % CALLED == 0,
            "labels": {"order_id": f"order-{self.first + number}"},
        }

    def _compare(
        self, number: int, session: Mapping[str, Any], asked: Mapping[str, Any]
    ) -> None:
        """Note what belongs to another session."""
        for name, value in asked.items():
            if session[name] != value:
                self.crossed.append(f"session {number}: {name} is {session[name]}")
