"""Make the calls of a plan through the running stack: its API and the simulator's."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from proofs.calls_chaos.plan import (
    FIRST,
    HELD,
    SECOND,
    STRANGER,
    WAVE,
    Script,
    SessionPlan,
    faults,
)
from proofs.faults import arm
from proofs.harness import (
    api_client,
    get_json,
    place_call,
    services_of,
    simulator_client,
    wait_for_call,
)
from proofs.runner import Progress, ProofError, wait_for
from stack.running import RunningStack

# Requests to the API at a time.
AT_ONCE = 4

DELIVERED_WITHIN = 300.0

# A request that failed on a busy machine is sent again; a create under its key.
ANSWERED_WITHIN = 120.0

LIMITS = {"session_expiry": 7200, "call_time_limit": 600, "ring_timeout": 20}


@dataclass(frozen=True)
class Session:
    """A session that is called: its plan, both UUIDs, its number, and who calls it."""

    plan: SessionPlan
    session_uuid: str
    carrier_session_uuid: str
    virtual_number: str
    callers: dict[str, str]


@dataclass
class Caller:
    """Create sessions and make calls, as clients of the API and of the simulator.

    *webhook* is the app's URL; *silent* are the sessions that lost every callback.
    """

    stack: RunningStack
    webhook: str
    progress: Progress
    sessions: list[Session] = field(default_factory=list)
    silent: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.api = api_client(self.stack)
        self.simulator = simulator_client(self.stack)

    def make_calls(self, plans: Sequence[SessionPlan]) -> None:
        """Make all calls, wave by wave.

        In the first no callback arrives, in the last some are held until `let_late_in`.
        """
        wave = min(WAVE, -(-len(plans) // 3))
        starts = range(0, len(plans), wave)
        for number, start in enumerate(starts, 1):
            chosen = plans[start : start + wave]
            with ThreadPoolExecutor(AT_ONCE) as pool:
                made = list(pool.map(self._create, chosen))
            self.sessions += made
            if number == 1:
                self.silent = frozenset(each.session_uuid for each in made)
                arm(self.simulator, {"webhook_dropped": {"rate": 1}})
            else:
                arm(self.simulator, faults(held=number == len(starts)))
            with ThreadPoolExecutor(len(made)) as pool:
                list(pool.map(self._play, made))
            # No more is sent than one machine can take.
            self._wait_for_callbacks(but=HELD)
            calls = sum(script.calls for plan in chosen for script in plan.scripts)
            self.progress(f"wave {number}: {calls} calls are over")
        arm(self.simulator, {})

    def let_late_in(self) -> int:
        """Let the callbacks in that have been held back; return how many there were."""
        late = len(self._callbacks_left())
        self.simulator.post("/_sim/callbacks/release").raise_for_status()
        self._wait_for_callbacks()
        return late

    def end_sessions(self) -> None:
        """End every session; none is called any more."""

        def end(session: Session) -> None:
            path = f"/v1/sessions/{session.session_uuid}"
            wait_for(
                "a session to be ended",
                lambda: self.api.delete(path).status_code == httpx.codes.OK,
                ANSWERED_WITHIN,
                pause=2,
            )

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(end, self.sessions))

    def are_settled(self) -> bool:
        """Return whether every session is settled, by its item in the table."""
        sessions = services_of(self.stack).stores.sessions
        found = [sessions.load(each.session_uuid) for each in self.sessions]
        return all(each and each.settled and not each.settle_at for each in found)

    def true_calls(self) -> dict[str, list[dict[str, Any]]]:
        """Return the simulator's calls by our UUID of their session, oldest first."""
        found = get_json(self.simulator, "/_sim/calls")["calls"]
        found.sort(key=lambda call: call["started_at"])
        return {
            session.session_uuid: [
                call
                for call in found
                if call["session_uuid"] == session.carrier_session_uuid
            ]
            for session in self.sessions
        }

    def struck(self) -> dict[str, int]:
        """Return how often each fault has struck."""
        faults = get_json(self.simulator, "/_sim/faults")["faults"]
        return {fault["name"]: fault["fired"] for fault in faults}

    def told(self) -> dict[str, dict[str, Any]]:
        """Return each session as the API tells it, with its calls, by our UUID."""
        paths = [f"/v1/sessions/{each.session_uuid}" for each in self.sessions]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(lambda path: get_json(self.api, path), paths))
        return {each["session"]["session_uuid"]: each["session"] for each in answers}

    def sent(self, *states: str) -> dict[str, int]:
        """Return how many different callbacks are in *states*, by our UUID.

        What was `delivered` is acknowledged; what has `failed` may have been kept.
        """
        told: dict[str, set[str]] = {}
        for each in get_json(self.simulator, "/_sim/callbacks")["callbacks"]:
            if each["state"] in states:
                words = json.dumps(each["attributes"], sort_keys=True)
                told.setdefault(each["session_uuid"], set()).add(words)
        return {
            session.session_uuid: len(told.get(session.carrier_session_uuid, ()))
            for session in self.sessions
        }

    def kept(self) -> dict[str, list[dict[str, Any]]]:
        """Return the callbacks of each session as the API tells them, by our UUID."""
        names = [each.session_uuid for each in self.sessions]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            pages = list(pool.map(lambda name: list(self._events_of(name)), names))
        return dict(zip(names, pages, strict=True))

    def close(self) -> None:
        """Close the clients."""
        self.api.close()
        self.simulator.close()

    def _events_of(self, session_uuid: str) -> Iterator[dict[str, Any]]:
        path = f"/v1/sessions/{session_uuid}/events?limit=100"
        cursor = ""
        for _ in itertools.count():
            page = get_json(self.api, f"{path}{cursor}")
            yield from page["objects"]
            if not page["meta"]["next"]:
                return
            cursor = f"&cursor={page['meta']['next']}"

    def _wait_for_callbacks(self, but: str = "") -> None:
        wait_for(
            "callbacks to be delivered or given up",
            lambda: all(each["fault"] == but for each in self._callbacks_left()),
            DELIVERED_WITHIN,
        )

    def _callbacks_left(self) -> list[dict[str, Any]]:
        path = "/_sim/callbacks?state=pending"
        left: list[dict[str, Any]] = get_json(self.simulator, path)["callbacks"]
        return left

    def _create(self, plan: SessionPlan) -> Session:
        callers = {
            # Ofcom's numbers for drama, of which there are enough.
            name: f"+4477009{3 * plan.number + place:05d}"
            for place, name in enumerate((FIRST, SECOND, STRANGER))
        }
        asked = {
            "first_party": callers[FIRST],
            "second_party": callers[SECOND],
            "callback_url": self.webhook,
            **LIMITS,
            **plan.settings,
        }
        if plan.kind == "pin":
            prompt = f"{self.stack.addresses.plivo_url}/prompts/notice.wav"
            asked |= {
                "first_party_pin": f"1{plan.number:06d}",
                "second_party_pin": _second_pin(plan),
                "pin_prompt_play": prompt,
            }
        headers = {"idempotency-key": f"calls-{plan.number}"}

        def create() -> httpx.Response | None:
            answer = self.api.post("/v1/sessions", json=asked, headers=headers)
            return None if answer.is_server_error else answer

        answer = wait_for("a session to be created", create, ANSWERED_WITHIN, pause=2)
        if answer.status_code not in (200, 201):
            raise ProofError(f"creating a session answered {answer.text}")
        session = answer.json()["session"]
        return Session(
            plan,
            session["session_uuid"],
            session["carrier_session_uuid"],
            session["virtual_number"],
            callers,
        )

    def _play(self, session: Session) -> None:
        for script in session.plan.scripts:
            call_uuid = self._place(session, script)
            if script.beside:
                wait_for_call(self.simulator, call_uuid, "talking")
                beside = self._place(session, script.beside)
                wait_for_call(self.simulator, beside, "ended")
            wait_for_call(self.simulator, call_uuid, "ended")

    def _place(self, session: Session, script: Script) -> str:
        entered = {"digits": [_second_pin(session.plan)]}
        return place_call(
            self.simulator,
            {
                "from": session.callers[script.caller],
                "to": session.virtual_number,
                **(entered if script.caller == STRANGER else {}),
                **script.play,
            },
        )


def _second_pin(plan: SessionPlan) -> str:
    return f"2{plan.number:06d}"
