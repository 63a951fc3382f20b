"""Make the calls of a plan through the running stack: its API and the simulator's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from proofs.chaos_recordings.plan import LARGE, WAVE, Plan, aimed
from stack.running import RunningStack

T = TypeVar("T")

# What a call lasts, in seconds.
TALK_SECONDS = 2
CALL_WAIT = 120.0
STORE_WAIT = 300.0
POLL_SECONDS = 0.3

# The shortest that are worth testing: when these are over, Plivo is asked what it has.
LIMITS = {"session_expiry": 3600, "call_time_limit": 60, "ring_timeout": 20}


class ChaosError(Exception):
    """The run itself went wrong; the message says what did not happen."""


@dataclass(frozen=True)
class Pair:
    """A session that is used: our name of it, Plivo's, and the numbers."""

    session_uuid: str
    carrier_session_uuid: str
    caller: str
    virtual_number: str


@dataclass
class Caller:
    """Who makes calls: clients of the API and of the simulator."""

    stack: RunningStack
    say: Callable[[str], None]
    large_mebibytes: int = 250
    pairs: list[Pair] = field(default_factory=list)

    def __post_init__(self) -> None:
        key = {"Authorization": f"Bearer {self.stack.api_key}"}
        self.api = _client(self.stack.addresses.api_url, key)
        self.simulator = _client(self.stack.addresses.plivo_url, {})

    def open_sessions(self) -> list[Pair]:
        """Create the sessions of a wave, all at once."""
        with ThreadPoolExecutor(4) as pool:
            pairs = list(pool.map(self._open, range(WAVE)))
        self.pairs += pairs
        return pairs

    def play(self, plan: Plan) -> list[Pair]:
        """Make the calls of *plan* but the large ones; return the sessions that had
        no webhook at all, which have ended already."""
        silent: list[Pair] = []
        pairs = self.open_sessions()
        was_silent = None
        for number, (without_webhooks, kinds) in enumerate(plan.waves(), 1):
            if was_silent and not without_webhooks:
                silent = pairs
                self.end(pairs)
                pairs = self.open_sessions()
            was_silent = without_webhooks
            used = pairs[: len(kinds)]
            named = zip(used, kinds, strict=True)
            self._arm(
                aimed(
                    {pair.carrier_session_uuid: kind for pair, kind in named},
                    without_webhooks=without_webhooks,
                )
            )
            self._call_all(used)
            self.say(f"wave {number}: {len(used)} calls are over")
        self._arm({})
        return silent

    def play_large(self, plan: Plan) -> Iterable[str]:
        """Make the calls with large files one by one; yield each one's recording."""
        pair = self.pairs[-1]
        fault = {"match": {"session_uuid": pair.carrier_session_uuid}}
        for _ in range(plan.large):
            self._arm({LARGE: {**fault, "mebibytes": self.large_mebibytes}})
            call = self._call(pair)
            yield call["recording"]["recording_id"]
        self._arm({})

    def end(self, pairs: Iterable[Pair]) -> None:
        """End sessions."""
        for pair in pairs:
            answer = self.api.delete(f"/v1/sessions/{pair.session_uuid}")
            if answer.status_code != 200:
                raise ChaosError(f"ending a session answered {answer.text}")

    def recordings(self, *, truth: bool = False) -> list[dict[str, Any]]:
        """Return what the simulator has recorded; with *truth*, each file's hash."""
        answer = self.simulator.get(
            "/_sim/recordings", params={"truth": "1"} if truth else {}
        )
        found: list[dict[str, Any]] = answer.raise_for_status().json()["recordings"]
        return found

    def is_telling(self) -> bool:
        """Return whether some callback has not been delivered or given up yet."""
        answer = self.simulator.get("/_sim/callbacks", params={"state": "pending"})
        return bool(answer.raise_for_status().json()["callbacks"])

    def fired(self) -> dict[str, int]:
        """Return how often each fault was drawn."""
        faults = self.simulator.get("/_sim/faults").raise_for_status().json()["faults"]
        return {fault["name"]: fault["fired"] for fault in faults}

    def close(self) -> None:
        """Close the clients."""
        self.api.close()
        self.simulator.close()

    def _open(self, number: int) -> Pair:
        caller = f"+120255501{number:02d}"
        asked = {
            "first_party": caller,
            # Ofcom's numbers for drama: as many as one likes of them.
            "second_party": f"+4477009{len(self.pairs) + number:05d}",
            "record": True,
            "record_file_format": ("mp3", "wav")[number % 2],
            **LIMITS,
        }
        answer = self.api.post("/v1/sessions", json=asked)
        if answer.status_code != 201:
            raise ChaosError(f"creating a session answered {answer.text}")
        session = answer.json()["session"]
        return Pair(
            session["session_uuid"],
            session["carrier_session_uuid"],
            caller,
            session["virtual_number"],
        )

    def _call_all(self, pairs: Iterable[Pair]) -> None:
        with ThreadPoolExecutor(WAVE) as pool:
            list(pool.map(self._call, pairs))

    def _call(self, pair: Pair) -> dict[str, Any]:
        script = {
            "from": pair.caller,
            "to": pair.virtual_number,
            "talk_seconds": TALK_SECONDS,
        }
        placed = self.simulator.post("/_sim/calls", json=script).raise_for_status()
        call_uuid = placed.json()["call_uuid"]

        def over() -> dict[str, Any] | None:
            answer = self.simulator.get(f"/_sim/calls/{call_uuid}")
            call: dict[str, Any] = answer.raise_for_status().json()
            return call if call["state"] == "ended" else None

        ended = wait_for("a call to end", over, CALL_WAIT)
        if ended["outcome"] != "connected":
            raise ChaosError(f"a call ended as {ended['outcome']}")
        return ended

    def _arm(self, faults: dict[str, Any]) -> None:
        self.simulator.put("/_sim/faults", json=faults).raise_for_status()


def wait_for(what: str, look: Callable[[], T | None], seconds: float) -> T:
    """Look again and again until there is an answer. Raise ChaosError in the end."""
    deadline = time.monotonic() + seconds
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise ChaosError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(POLL_SECONDS)
    return found


def _client(url: str, headers: dict[str, str]) -> httpx.Client:
    # An environment's proxy is not for 127.0.0.1.
    return httpx.Client(base_url=url, headers=headers, timeout=90.0, trust_env=False)
