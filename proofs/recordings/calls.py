"""Make the calls of a plan through the running stack: its API and the simulator's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from proofs.faults import LARGE, aimed, arm
from proofs.harness import api_client, get_json, make_call, simulator_client
from proofs.recordings.plan import WAVE, Plan
from proofs.runner import Progress, ProofError
from stack.running import RunningStack

# What a call lasts, in seconds.
TALK_SECONDS = 2

# Sessions that are created at a time.
CREATED_AT_ONCE = 4

# The shortest allowed: when these are over, Plivo is asked what it has.
LIMITS = {"session_expiry": 3600, "call_time_limit": 60, "ring_timeout": 20}


@dataclass(frozen=True)
class Session:
    """A session that is called: our UUID of it, Plivo's, and the numbers."""

    session_uuid: str
    carrier_session_uuid: str
    caller: str
    virtual_number: str


@dataclass
class Caller:
    """Create sessions and make calls, as clients of the API and of the simulator."""

    stack: RunningStack
    progress: Progress
    large_mebibytes: int = 250
    sessions: list[Session] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api = api_client(self.stack)
        self.simulator = simulator_client(self.stack)

    def create_sessions(self) -> list[Session]:
        """Create the sessions of a wave."""
        with ThreadPoolExecutor(CREATED_AT_ONCE) as pool:
            created = list(pool.map(self._create, range(WAVE)))
        self.sessions += created
        return created

    def make_calls(self, plan: Plan) -> list[Session]:
        """Make the calls of *plan* except the large ones.

        Return the sessions whose webhooks were all dropped; they have ended already.
        """
        silent: list[Session] = []
        sessions = self.create_sessions()
        was_silent = None
        for number, (without_webhooks, kinds) in enumerate(plan.waves(), 1):
            if was_silent and not without_webhooks:
                silent = sessions
                self.end(sessions)
                sessions = self.create_sessions()
            was_silent = without_webhooks
            called = sessions[: len(kinds)]
            aims = {
                session.carrier_session_uuid: kind
                for session, kind in zip(called, kinds, strict=True)
            }
            arm(self.simulator, aimed(aims, without_webhooks=without_webhooks))
            with ThreadPoolExecutor(WAVE) as pool:
                list(pool.map(self._call, called))
            self.progress(f"wave {number}: {len(called)} calls are over")
        arm(self.simulator, {})
        return silent

    def make_large_calls(self, plan: Plan) -> Iterator[str]:
        """Make the calls with large files one by one; yield each one's recording."""
        session = self.sessions[-1]
        match = {"session_uuid": session.carrier_session_uuid}
        fault = {LARGE: {"match": match, "mebibytes": self.large_mebibytes}}
        for _ in range(plan.large):
            arm(self.simulator, fault)
            call = self._call(session)
            yield call["recording"]["recording_id"]
        arm(self.simulator, {})

    def end(self, sessions: Iterable[Session]) -> None:
        """End sessions."""
        for session in sessions:
            answer = self.api.delete(f"/v1/sessions/{session.session_uuid}")
            if answer.status_code != 200:
                raise ProofError(f"ending a session answered {answer.text}")

    def recordings(self, *, truth: bool = False) -> list[dict[str, Any]]:
        """Return what the simulator has recorded; with *truth*, each file's hash."""
        path = f"/_sim/recordings{'?truth=1' if truth else ''}"
        found: list[dict[str, Any]] = get_json(self.simulator, path)["recordings"]
        return found

    def has_callbacks_left(self) -> bool:
        """Return whether some callback has not been delivered or given up yet."""
        path = "/_sim/callbacks?state=pending"
        return bool(get_json(self.simulator, path)["callbacks"])

    def struck(self) -> dict[str, int]:
        """Return how often each fault has struck."""
        faults = get_json(self.simulator, "/_sim/faults")["faults"]
        return {fault["name"]: fault["fired"] for fault in faults}

    def close(self) -> None:
        """Close the clients."""
        self.api.close()
        self.simulator.close()

    def _create(self, number: int) -> Session:
        caller = f"+120255501{number:02d}"
        asked = {
            "first_party": caller,
            # Ofcom's numbers for drama, of which there are enough.
            "second_party": f"+4477009{len(self.sessions) + number:05d}",
            "record": True,
            "record_file_format": ("mp3", "wav")[number % 2],
            **LIMITS,
        }
        answer = self.api.post("/v1/sessions", json=asked)
        if answer.status_code != 201:
            raise ProofError(f"creating a session answered {answer.text}")
        session = answer.json()["session"]
        return Session(
            session["session_uuid"],
            session["carrier_session_uuid"],
            caller,
            session["virtual_number"],
        )

    def _call(self, session: Session) -> dict[str, Any]:
        script = {
            "from": session.caller,
            "to": session.virtual_number,
            "talk_seconds": TALK_SECONDS,
        }
        ended = make_call(self.simulator, script)
        if ended["outcome"] != "connected":
            raise ProofError(f"a call ended as {ended['outcome']}")
        return ended
