"""Walk the main job through a running stack, and check every step of it.

A session is created, called, recorded, updated; a second one runs out and the rule
ends it. Each step is what it saw (`facts`), the same as lines to read (`lines`), and
what must be so (`checks`). The first step that is not as expected ends the demo.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
import uuid
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx

from local.stack import RunningStack
from masking.items import STATE, Item, read, session_key

FIRST_PARTY = "+12025550100"
SECOND_PARTY = "+12025550101"
THIRD_PARTY = "+12025550102"

TALK_SECONDS = 3
SHORT_LIFE_SECONDS = 4
RECORDING_TOLERANCE_SECONDS = 0.25

# Bounds of the waits, in seconds. The rule fires every 60 s.
CALL_WAIT = 30.0
STORE_WAIT = 30.0
RULE_WAIT = 80.0
POLL = 0.2

EXPECTED_FUNCTIONS = (
    *("authorize", "create_session", "get_session", "update_session"),
    *("on_session_event", "on_recording_event", "publish_changes"),
    *("store_recording", "expire_sessions"),
)

T = TypeVar("T")


class UnexpectedError(Exception):
    """Something did not come in time or came wrong; the message says what."""


@dataclass(frozen=True)
class Check:
    """What was expected of a step, and what was."""

    what: str
    expected: Any
    actual: Any

    @property
    def holds(self) -> bool:
        """Say whether it was as expected."""
        return bool(self.expected == self.actual)


@dataclass
class Step:
    """One step of the demo, *at* seconds after its start."""

    name: str
    title: str
    at: float
    facts: dict[str, Any] = field(default_factory=dict)
    lines: list[tuple[str, str]] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Say whether all of it was as expected."""
        return all(check.holds for check in self.checks)

    def expect(self, what: str, expected: Any, actual: Any) -> None:
        """Note a check."""
        self.checks.append(Check(what, expected, actual))


class Demo:
    """The main job on one stack; *started* is its clock's zero."""

    def __init__(
        self, stack: RunningStack, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stack = stack
        self._clock = clock
        self._started = clock()
        self._began = datetime.now(UTC)
        self._api = _client(
            stack.addresses.api_url, {"Authorization": f"Bearer {stack.api_key}"}
        )
        self._simulator = _client(stack.addresses.plivo_url, {})
        self._table = stack.aws.client("dynamodb")
        self._session: dict[str, Any] = {}
        self._call: dict[str, Any] = {}

    def steps(self) -> Iterator[Step]:
        """Play; give each step when it is done.

        Raises:
            UnexpectedError: Something that the next step needs did not come.
            httpx.HTTPError: The stack can't be reached.
        """
        with self._api, self._simulator:
            yield self._create()
            yield self._place_call()
            yield self._read_callbacks()
            yield self._compare_recording()
            yield self._update()
            short = self._step("short_session", "A second session, of few seconds")
            second = self._post_session(
                short, THIRD_PARTY, session_expiry=SHORT_LIFE_SECONDS
            )
            yield short
            yield self._read_as_expired(second)
            yield self._await_the_rule(second)
            yield self._count_invocations()

    def _create(self) -> Step:
        step = self._step("create", "A session for two numbers")
        self._session = self._post_session(
            step,
            SECOND_PARTY,
            record=True,
            record_file_format="wav",
            call_time_limit=1800,
        )
        step.expect("records", True, self._session["record"])
        return step

    def _post_session(
        self, step: Step, second_party: str, **settings: Any
    ) -> dict[str, Any]:
        asked = {"first_party": FIRST_PARTY, "second_party": second_party, **settings}
        answer = self._api.post(
            "/v1/sessions", json=asked, headers={"Idempotency-Key": str(uuid.uuid4())}
        )
        step.expect("status code", 201, answer.status_code)
        if answer.status_code != 201:
            raise UnexpectedError(f"POST /v1/sessions answered {answer.text}")
        session: dict[str, Any] = answer.json()["session"]
        step.expect("status", "active", session["status"])
        step.expect("first party", FIRST_PARTY, session["first_party"])
        step.expect("second party", second_party, session["second_party"])
        step.facts = session
        step.lines = [
            ("session", session["session_uuid"]),
            ("first party", FIRST_PARTY),
            ("virtual number", session["virtual_number"]),
            ("second party", second_party),
            ("until", session["expiry_time"]),
        ]
        return session

    def _place_call(self) -> Step:
        step = self._step("call", "The first party calls the virtual number")
        virtual_number = self._session["virtual_number"]
        placed = self._simulator.post(
            "/_sim/calls",
            json={
                "from": FIRST_PARTY,
                "to": virtual_number,
                "talk_seconds": TALK_SECONDS,
                "answer": True,
                "digits": [],
            },
        )
        call_uuid = placed.raise_for_status().json()["call_uuid"]

        def finished() -> dict[str, Any] | None:
            call: dict[str, Any] = (
                self._simulator.get(f"/_sim/calls/{call_uuid}")
                .raise_for_status()
                .json()
            )
            sent = [each["status"] for each in call["callbacks"]]
            over = call["state"] == "ended" and sent and None not in sent
            return call if over else None

        self._call = self._await("the call to end", finished, CALL_WAIT)
        legs = self._call["legs"]
        step.facts = self._call
        step.lines = [
            (leg["number"], f"saw {leg['caller_id']}, {leg['duration']} s, {cause}")
            for leg in legs
            for cause in [leg["hangup_cause"]]
        ]
        step.expect("outcome", "connected", self._call["outcome"])
        step.expect(
            "who was on the line",
            [FIRST_PARTY, SECOND_PARTY],
            [leg["number"] for leg in legs],
        )
        step.expect("caller id of the second leg", virtual_number, legs[1]["caller_id"])
        return step

    def _read_callbacks(self) -> Step:
        step = self._step("callbacks", "Every callback of Plivo, as stored")
        sent = self._call["callbacks"]

        def stored() -> list[Item] | None:
            items = [item for item in self._items() if item["sk"].startswith("E#")]
            return items if len(items) >= len(sent) else None

        items = self._await("the callbacks to be stored", stored, STORE_WAIT)
        attributes = [item["attributes"] for item in items]
        attributes.sort(key=lambda each: int(each["SequenceNumber"]))
        step.facts = {"stored": attributes}
        step.lines = [
            (f"{each['SequenceNumber']:>2}  {each['EventTimestamp'][11:]}", _said(each))
            for each in attributes
        ]
        step.expect("answers", [200] * len(sent), [each["status"] for each in sent])
        step.expect(
            "what is stored is what was sent",
            sorted(_as_text(each["attributes"]) for each in sent),
            sorted(_as_text(each) for each in attributes),
        )
        return step

    def _compare_recording(self) -> Step:
        step = self._step("recording", "The recording, in the bucket")

        def stored() -> Item | None:
            for item in self._items():
                if item["sk"].startswith("R#") and item["status"] == "stored":
                    return item
            return None

        item = self._await("the recording to be stored", stored, STORE_WAIT)
        bucket = self._stack.aws.client("s3")
        kept = bucket.get_object(Bucket=item["bucket"], Key=item["key"])["Body"].read()
        origin_url = self._call["recording"]["url"]
        origin = self._simulator.get(origin_url).raise_for_status().content
        duration = _wav_seconds(kept)
        step.facts = {
            "bucket": item["bucket"],
            "key": item["key"],
            "bytes": len(kept),
            "sha256": _sha256(kept),
            "duration_seconds": duration,
            "origin": {
                "url": origin_url,
                "bytes": len(origin),
                "sha256": _sha256(origin),
            },
        }
        step.lines = [
            ("object", f"s3://{item['bucket']}/{item['key']}"),
            ("bytes", f"{len(kept):,}"),
            ("duration", f"{duration:.2f} s"),
            ("sha256", _sha256(kept)),
            ("at Plivo", _sha256(origin)),
        ]
        step.expect("bytes", len(origin), len(kept))
        step.expect("checksum", _sha256(origin), _sha256(kept))
        step.expect("checksum in the table", _sha256(origin), item["sha256"])
        drift = abs(duration - self._call["recording"]["milliseconds"] / 1000)
        step.expect("as long as the talk", True, drift <= RECORDING_TOLERANCE_SECONDS)
        return step

    def _update(self) -> Step:
        step = self._step("update", "call_time_limit=3600, record=true")
        path = f"/v1/sessions/{self._session['session_uuid']}"
        answer = self._api.patch(path, json={"call_time_limit": 3600, "record": True})
        step.expect("status code", 200, answer.status_code)
        if answer.status_code != 200:
            raise UnexpectedError(f"PATCH {path} answered {answer.text}")
        updated = answer.json()
        at_plivo = self._at_plivo(updated["session"]["carrier_session_uuid"])
        step.facts = updated
        step.lines = [
            ("message", updated["message"]),
            ("call_time_limit", f"1800 -> {updated['session']['call_time_limit']}"),
            ("at Plivo", f"{at_plivo['call_time_limit']}"),
        ]
        step.expect("message", "Session updated", updated["message"])
        step.expect("call_time_limit", 3600, updated["session"]["call_time_limit"])
        step.expect("record", True, updated["session"]["record"])
        step.expect("call_time_limit at Plivo", 3600, at_plivo["call_time_limit"])
        step.expect(
            "expiry stays",
            self._session["expiry_time"],
            updated["session"]["expiry_time"],
        )
        return step

    def _read_as_expired(self, session: dict[str, Any]) -> Step:
        path = f"/v1/sessions/{session['session_uuid']}"
        expiry = datetime.fromisoformat(session["expiry_time"])

        def expired() -> tuple[dict[str, Any], datetime] | None:
            answer: dict[str, Any] = self._api.get(path).raise_for_status().json()
            over = answer["session"]["status"] == "expired"
            return (answer["session"], datetime.now(UTC)) if over else None

        read_back, seen = self._await("the expiry", expired, SHORT_LIFE_SECONDS + 5.0)
        step = self._step("expired", "It reads as expired from that second")
        late = (seen - expiry).total_seconds()
        step.facts = read_back | {"seconds_after_expiry": late}
        step.lines = [
            ("expiry", session["expiry_time"]),
            ("read as expired", f"{late:+.1f} s"),
        ]
        # Times are given to the second; the true one is up to a second later.
        step.expect("within a second and a half", True, 0 <= late < 1.5)
        return step

    def _await_the_rule(self, session: dict[str, Any]) -> Step:
        def flipped() -> tuple[Item, datetime] | None:
            for item in self._items(session["session_uuid"]):
                if item["sk"] == STATE and item["status"] == "expired":
                    return item, datetime.now(UTC)
            return None

        state, seen = self._await("the rule to expire it", flipped, RULE_WAIT)
        step = self._step("rule", "The rule, every minute, ended it")
        expiry = datetime.fromisoformat(session["expiry_time"])
        late = (seen - expiry).total_seconds()
        step.facts = {
            "session_uuid": session["session_uuid"],
            "status": state["status"],
            "version": state["version"],
            "seconds_after_expiry": late,
        }
        step.lines = [
            ("stored status", state["status"]),
            ("after", f"{late:.1f} s"),
            ("version", f"{session['version']} -> {state['version']}"),
        ]
        step.expect("within two minutes", True, late <= 120)
        step.expect("version", session["version"] + 1, state["version"])
        return step

    def _count_invocations(self) -> Step:
        step = self._step("functions", "Which functions of the template ran")
        logs = self._stack.aws.client("logs")
        began = int(self._began.timestamp() * 1000)
        counts = {}
        for folder, name in sorted(self._stack.function_names().items()):
            events = logs.filter_log_events(
                logGroupName=f"/aws/lambda/{name}",
                startTime=began,
                filterPattern='"START RequestId"',
            )["events"]
            counts[folder] = sum(
                event["message"].startswith("START") for event in events
            )
        step.facts = counts
        step.lines = [(folder, f"{count} times") for folder, count in counts.items()]
        idle = [name for name in EXPECTED_FUNCTIONS if not counts.get(name)]
        step.expect("functions that should have run and did not", [], idle)
        return step

    def _items(self, session_uuid: str | None = None) -> list[Item]:
        key = session_key(session_uuid or self._session["session_uuid"])
        answer = self._table.query(
            TableName=self._stack.outputs["TableName"],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": key}},
            ConsistentRead=True,
        )
        return [read(item) for item in answer["Items"]]

    def _at_plivo(self, carrier_session_uuid: str) -> dict[str, Any]:
        sessions = self._simulator.get("/_sim/sessions").raise_for_status().json()
        for session in sessions["sessions"]:
            if session["session_uuid"] == carrier_session_uuid:
                found: dict[str, Any] = session["session"]
                return found
        raise UnexpectedError(f"Plivo has no session {carrier_session_uuid}")

    def _step(self, name: str, title: str) -> Step:
        return Step(name, title, self._clock() - self._started)

    def _await(self, what: str, look: Callable[[], T | None], seconds: float) -> T:
        deadline = self._clock() + seconds
        while True:
            found = look()
            if found is not None:
                return found
            if self._clock() > deadline:
                raise UnexpectedError(f"Waited {seconds:.0f} s in vain for {what}.")
            time.sleep(POLL)


def _client(url: str, headers: dict[str, str]) -> httpx.Client:
    # An environment's proxy is not for 127.0.0.1.
    return httpx.Client(base_url=url, headers=headers, timeout=30.0, trust_env=False)


def _said(attributes: dict[str, str]) -> str:
    told = [attributes["EventName"]]
    told += [f"{attributes['Duration']} s"] if "Duration" in attributes else []
    told += [attributes["PlivoHangupCause"]] if "PlivoHangupCause" in attributes else []
    return ", ".join(told)


def _as_text(attributes: dict[str, Any]) -> str:
    return json.dumps({name: str(value) for name, value in sorted(attributes.items())})


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _wav_seconds(content: bytes) -> float:
    try:
        with wave.open(io.BytesIO(content)) as audio:
            return audio.getnframes() / audio.getframerate()
    except (wave.Error, EOFError) as error:
        raise UnexpectedError(f"The recording is not a wav file: {error}") from error
