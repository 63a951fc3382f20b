"""The main job, step by step.

A session is created, called, recorded and updated; a second one runs out, and the rule
ends it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from masking.core.key_space import Item
from stack.demo.evidence import canonical, sha256, summary, wav_seconds
from stack.demo.sources import Sources
from stack.demo.step import Step, UnexpectedError
from stack.running import RunningStack

FIRST_PARTY = "+12025550100"
SECOND_PARTY = "+12025550101"
THIRD_PARTY = "+12025550102"

TALK_SECONDS = 3
SHORT_LIFE_SECONDS = 4
RECORDING_TOLERANCE_SECONDS = 0.25

# Bounds of the waits, in seconds; the rule fires every 60.
CALL_WAIT = 30.0
STORE_WAIT = 30.0
EXPIRY_WAIT = SHORT_LIFE_SECONDS + 5.0
RULE_WAIT = 80.0

# The API asks the authorizer again after this; see template.yaml.
AUTHORIZER_CACHE = timedelta(seconds=60)

# All that the main job needs; reconcile_sessions runs every quarter of an hour.
NEEDED_FUNCTIONS = (
    *("authorize", "create_session", "get_session", "update_session"),
    *("on_session_event", "on_recording_event", "publish_changes"),
    *("store_recording", "expire_sessions"),
)


def play(
    stack: RunningStack,
    announce: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[Step]:
    """Play on *stack*; yield each step when it is done, and report each wait.

    Raises:
        UnexpectedError: Something that the next step needs did not come.
        httpx.HTTPError: The stack can't be reached, or failed.
    """
    started, began = clock(), now()
    with Sources(stack, clock) as sources:
        scenario = Scenario(sources, announce, now)
        for step in scenario.steps(began):
            step.at = clock() - started
            yield step


class Scenario:
    """The steps, and what a later one needs of an earlier."""

    def __init__(
        self,
        sources: Sources,
        announce: Callable[[str], None],
        now: Callable[[], datetime],
    ) -> None:
        self._sources = sources
        self._announce = announce
        self._now = now

    def steps(self, began: datetime) -> Iterator[Step]:
        """Play everything; *began* is when log entries become the demo's."""
        created = self._create_session()
        yield created
        called = self._place_call(created.facts["virtual_number"])
        yield called
        session_uuid = created.facts["session_uuid"]
        yield self._read_callbacks(session_uuid, called.facts["callbacks"])
        yield self._compare_recording(session_uuid, called.facts["recording"])
        yield self._update(created.facts)
        short = self._create_short_session()
        yield short
        yield self._read_as_expired(short.facts)
        yield self._await_rule(short.facts)
        yield self._count_invocations(began)

    def _create_session(self) -> Step:
        step = Step("create", "A session for two numbers is created")
        settings = {
            "record": True,
            "record_file_format": "wav",
            "call_time_limit": 1800,
        }
        self._create(step, SECOND_PARTY, settings)
        step.expect("records", True, step.facts["record"])
        return step

    def _create_short_session(self) -> Step:
        title = f"A second session gets {SHORT_LIFE_SECONDS} seconds to live"
        step = Step("create_short", title)
        self._create(step, THIRD_PARTY, {"session_expiry": SHORT_LIFE_SECONDS})
        step.expect("duration", SHORT_LIFE_SECONDS, step.facts["duration"])
        self._sources.lose_timeout(step.facts["carrier_session_uuid"])
        step.lines.append(("SessionTimeout", "lost on purpose: the rule is left alone"))
        return step

    def _create(self, step: Step, second_party: str, settings: dict[str, Any]) -> None:
        parties = {"first_party": FIRST_PARTY, "second_party": second_party}
        answer = self._sources.create_session(parties | settings)
        if answer.status_code != 201:
            raise UnexpectedError(f"POST /v1/sessions: {answer.text}")
        session = answer.json()["session"]
        step.expect("status", "active", session["status"])
        step.expect("parties", parties, {name: session[name] for name in parties})
        step.facts = session
        step.lines = [
            ("first party", FIRST_PARTY),
            ("virtual number", session["virtual_number"]),
            ("second party", second_party),
            ("session", session["session_uuid"]),
            ("expires", session["expiry_time"]),
        ]

    def _place_call(self, virtual_number: str) -> Step:
        step = Step("call", "The first party calls the virtual number")
        self._announce(f"{FIRST_PARTY} and {SECOND_PARTY} are talking")
        call_uuid = self._sources.place_call(FIRST_PARTY, virtual_number, TALK_SECONDS)

        def over() -> dict[str, Any] | None:
            call = self._sources.call(call_uuid)
            waiting = [each for each in call["callbacks"] if each["status"] is None]
            return call if call["state"] == "ended" and not waiting else None

        call = self._sources.wait_for("the call to end", over, CALL_WAIT)
        legs = call["legs"]
        step.facts = call
        step.lines = [
            (
                leg["number"],
                f"sees {leg['caller_id']}   {leg['duration']} s   "
                f"{leg['hangup_cause']} ({leg['hangup_cause_code']})",
            )
            for leg in legs
        ]
        step.expect("outcome", "connected", call["outcome"])
        numbers = [leg["number"] for leg in legs]
        step.expect("both legs", [FIRST_PARTY, SECOND_PARTY], numbers)
        seen = {leg["caller_id"] for leg in legs}
        step.expect("all that a phone shows", {virtual_number}, seen)
        statuses = {each["status"] for each in call["callbacks"]}
        step.expect("answers to callbacks", {200}, statuses)
        return step

    def _read_callbacks(self, session_uuid: str, sent: list[dict[str, Any]]) -> Step:
        step = Step("callbacks", "Every callback is stored")

        def stored() -> list[Item] | None:
            items = self._sources.callbacks(session_uuid)
            return items if len(items) >= len(sent) else None

        items = self._sources.wait_for("the callbacks", stored, STORE_WAIT)
        kept = [item["attributes"] for item in items]
        kept.sort(key=lambda attributes: int(attributes["SequenceNumber"]))
        step.facts = {"sent": len(sent), "stored": kept}
        step.lines = [
            (
                f"{each['SequenceNumber']:>2}  {each['EventTimestamp'][11:]}",
                summary(each),
            )
            for each in kept
        ]
        step.expect(
            "stored as sent",
            sorted(canonical(each["attributes"]) for each in sent),
            sorted(canonical(each) for each in kept),
        )
        return step

    def _compare_recording(self, session_uuid: str, recording: dict[str, Any]) -> Step:
        step = Step("recording", "The recording is in the bucket")
        self._announce("the recording is on its way into the bucket")

        def stored() -> Item | None:
            items = self._sources.recordings(session_uuid)
            ready = [item for item in items if item["status"] == "stored"]
            return ready[0] if ready else None

        item = self._sources.wait_for("the recording", stored, STORE_WAIT)
        kept = self._sources.in_bucket(item["bucket"], item["key"])
        origin = self._sources.at_origin(recording["url"])
        seconds = wav_seconds(kept)
        step.facts = {
            "bucket": item["bucket"],
            "key": item["key"],
            "bytes": len(kept),
            "sha256": sha256(kept),
            "duration_seconds": seconds,
            "origin_url": recording["url"],
            "origin_bytes": len(origin),
            "origin_sha256": sha256(origin),
        }
        step.lines = [
            ("object", item["key"].rpartition("/")[2]),
            ("size", f"{len(kept):,} bytes, {seconds:.2f} s of sound"),
            ("sha256", f"{sha256(kept)[:40]}..."),
            ("at its origin", f"{sha256(origin)[:40]}..."),
        ]
        step.expect("bytes", len(origin), len(kept))
        step.expect("checksum", sha256(origin), sha256(kept))
        step.expect("checksum in the table", sha256(origin), item["sha256"])
        drift = abs(seconds - recording["milliseconds"] / 1000)
        step.expect("as long as the talk", True, drift <= RECORDING_TOLERANCE_SECONDS)
        return step

    def _update(self, created: dict[str, Any]) -> Step:
        step = Step("update", "It is updated: call_time_limit=3600, record=true")
        changes = {"call_time_limit": 3600, "record": True}
        answer = self._sources.update_session(created["session_uuid"], changes)
        if answer.status_code != 200:
            raise UnexpectedError(f"PATCH /v1/sessions/...: {answer.text}")
        step.facts = answer.json()
        session = step.facts["session"]
        plivos = self._sources.at_plivo(session["carrier_session_uuid"])
        step.lines = [
            ("answer", step.facts["message"]),
            (
                "call_time_limit",
                f"{created['call_time_limit']} -> {session['call_time_limit']}, "
                f"at Plivo {plivos['call_time_limit']}",
            ),
            ("version", f"{created['version']} -> {session['version']}"),
        ]
        step.expect("message", "Session updated", step.facts["message"])
        step.expect("changes", changes, {name: session[name] for name in changes})
        step.expect("at Plivo", changes, {name: plivos[name] for name in changes})
        step.expect("expiry", created["expiry_time"], session["expiry_time"])
        return step

    def _read_as_expired(self, created: dict[str, Any]) -> Step:
        step = Step("expired", "It reads as expired from the second it ends")
        self._announce(f"the second session ends at {created['expiry_time']}")

        def expired() -> dict[str, Any] | None:
            session = self._sources.session(created["session_uuid"])
            return session if session["status"] == "expired" else None

        session = self._sources.wait_for("the expiry", expired, EXPIRY_WAIT)
        late = self._seconds_since(created["expiry_time"])
        step.facts = session | {"seconds_after_expiry": late}
        step.lines = [("seen", f"{late:.1f} s after its expiry time")]
        # The time is given to the second, so the true one is up to a second later.
        step.expect("in the second that it ends", True, 0 <= late < 2)
        return step

    def _await_rule(self, created: dict[str, Any]) -> Step:
        step = Step("rule", "The rule that fires every minute has ended it")
        self._announce("the rule fires once a minute")

        def ended() -> Item | None:
            state = self._sources.stored_state(created["session_uuid"])
            return state if state["status"] == "expired" else None

        state = self._sources.wait_for("the rule", ended, RULE_WAIT)
        late = self._seconds_since(created["expiry_time"])
        step.facts = {
            "session_uuid": created["session_uuid"],
            "status": state["status"],
            "version": state["version"],
            "seconds_after_expiry": late,
        }
        step.lines = [
            ("in the table", f"{state['status']}, {late:.1f} s after its expiry time"),
            ("version", f"{created['version']} -> {state['version']}"),
        ]
        step.expect("within two minutes", True, late <= 120)
        step.expect("changed once", created["version"] + 1, state["version"])
        return step

    def _count_invocations(self, began: datetime) -> Step:
        step = Step("functions", "All of it was done by the template's functions")
        counts = self._sources.invocations_since(began)
        # What it said before the demo began may still have been good.
        earlier = self._sources.invocations_since(began - AUTHORIZER_CACHE)
        counts |= {"authorize": earlier["authorize"]}
        step.facts = dict(counts)
        step.lines = [
            (name, f"{count} run" if count == 1 else f"{count} runs")
            for name, count in counts.items()
            if count
        ]
        idle = [name for name in NEEDED_FUNCTIONS if not counts.get(name)]
        step.expect("functions that did not run", [], idle)
        return step

    def _seconds_since(self, moment: str) -> float:
        return (self._now() - datetime.fromisoformat(moment)).total_seconds()
