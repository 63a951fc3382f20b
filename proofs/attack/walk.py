"""Walk through everything that the service does, with numbers and PINs to look for.

Every function runs, every route is asked for what is right and for what is wrong, and
Plivo, apps and recordings fail in their ways. What the answers held that may hold
nothing, and what webhooks brought, is evidence; the rest is gathered from the stack.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from masking.core import key_space
from proofs.attack import marks
from proofs.attack.evidence import Piece
from proofs.attack.listener import Listener
from proofs.attack.target import JSON, Answer, Target

FIRST, SECOND, CALLER, THIRD, WRONG = (marks.number(n) for n in (31, 42, 53, 64, 75))
PINS = ("730518264937", "918273645501")
NUMBERS = (FIRST, SECOND, CALLER, THIRD, WRONG)

WAIT_SECONDS = 40.0

# At Plivo, before or after a create, an update, an ending.
FAULTS = (
    *("5xx_before_commit", "5xx_after_commit", "reset_before_commit"),
    *("reset_after_commit", "non_json", "401", "403", "429"),
)
RECORDING_FAULTS = (None, "recording_never", "recording_html", "recording_redirect")

# The one answer that may hold numbers and PINs: their owner's own session.
OWN = tuple(
    f"answer to {method} /v1/sessions" for method in ("POST", "GET", "PATCH", "DELETE")
)
CALLBACK = "answer to a callback"
HELD_BACK = ("/events", "/recordings")


@dataclass
class Walk:
    """One walk over a stack; *app* takes webhooks."""

    target: Target
    app: Listener
    secrets: list[str] = field(default_factory=lambda: [*NUMBERS, *PINS])
    tokens: list[str] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)

    def go(self) -> None:
        """Walk all the way."""
        session = self._main_job()
        self._fail_at_plivo()
        self._fail_recordings()
        self._fail_webhooks()
        self._forge(session)
        self._ask_wrongly(session)
        self._end(session)

    def seen(self) -> Iterator[Piece]:
        """Give what answers and webhooks held that may hold nothing personal."""
        yield from self.pieces
        for text in self.app.taken:
            yield Piece("webhook", text)

    # What goes well

    def _main_job(self) -> dict[str, Any]:
        session = self._create(
            record=True,
            record_file_format="wav",
            is_pin_authentication_required=True,
            first_party_pin=PINS[0],
            second_party_pin=PINS[1],
            pin_prompt_play="https://app.example.com/prompt.wav",
        )
        made = self._create(
            is_pin_authentication_required=True,
            generate_pin=True,
            generate_pin_length=15,
            pin_prompt_play="https://app.example.com/prompt.wav",
        )
        self.secrets += [made["first_party_pin"], made["second_party_pin"]]
        self._call(CALLER, made["virtual_number"], digits=[made["second_party_pin"]])
        virtual = session["virtual_number"]
        self._call(FIRST, virtual)
        self._call(CALLER, virtual, digits=[PINS[0][:-1] + "0", PINS[1]])
        self._call(CALLER, virtual, digits=["0000", "1111"])
        self._call("withheld", virtual)
        path = f"/v1/sessions/{session['session_uuid']}"
        stored = self._wait(lambda: self._stored(f"{path}/recordings"))
        self._ask("PATCH", path, {"second_party": THIRD, "call_time_limit": 60})
        self._ask("POST", "/v1/sessions/search", {"first_party": FIRST})
        self._ask("GET", "/v1/sessions?limit=50")
        deliveries = f"/v1/webhooks/deliveries?session_uuid={session['session_uuid']}"
        found = self._wait(lambda: self._ask("GET", deliveries).document()["objects"])
        self._ask("POST", f"/v1/webhooks/deliveries/{found[0]['id']}/replay")
        recording = f"/v1/recordings/{stored[0]['recording_uuid']}"
        self._ask("GET", recording)
        self._ask("DELETE", recording)
        return session

    def _end(self, session: Mapping[str, Any]) -> None:
        """End it, and let the rules and the redrive do their work."""
        self._create(session_expiry=1)
        time.sleep(1.5)
        uuid = session["session_uuid"]
        self._ask("DELETE", f"/v1/sessions/{uuid}")
        for folder in ("expire_sessions", "reconcile_sessions"):
            self.target.invoke(folder, {})
        message = {"body": json.dumps({"session_uuid": uuid, "orphans": True})}
        self.target.invoke("check_sessions", {"Records": [message]})
        parked = {
            "pk": key_space.session_key(uuid),
            "sk": key_space.STATE,
            "reason": "walked",
            "was": None,
        }
        self.target.invoke(
            "republish_changes", {"Records": [{"body": json.dumps(parked)}]}
        )
        form = [("From", CALLER), ("To", session["virtual_number"])]
        self.target.call_back("/v1/plivo/answer", form)
        self.target.send("POST", "/v1/plivo/answer", {}, b"From=\xff" + CALLER.encode())
        self._wait(self._is_given_up)
        self._forget()

    def _forget(self) -> None:
        """Forget the stranger; the queue's delay is not waited for."""
        begun = self._ask("POST", "/v1/erasures", {"phone_number": CALLER})
        erasure_id = begun.document()["erasure"]["erasure_id"]
        message = {
            "messageId": "walked",
            "receiptHandle": "walked",
            "attributes": {"ApproximateReceiveCount": "1"},
            "body": json.dumps({"erasure_id": erasure_id}),
        }
        self.target.invoke("erase_number", {"Records": [message]})
        self._ask("GET", f"/v1/erasures/{erasure_id}")

    # What fails

    def _fail_at_plivo(self) -> None:
        session = self._create()
        path = f"/v1/sessions/{session['session_uuid']}"
        for fault in FAULTS:
            for point in ("create", "update"):
                self._arm(f"{point}_{fault}")
                if point == "create":
                    self._ask("POST", "/v1/sessions", self._body())
                else:
                    self._ask("PATCH", path, {"second_party": THIRD})
        self._arm("create_timeout_after_commit", "list_5xx", seconds=12)
        self._ask("POST", "/v1/sessions", self._body())
        self._arm("create_pool_exhausted")
        self._ask("POST", "/v1/sessions", self._body())
        self._arm("delete_5xx_before_commit")
        self._ask("DELETE", path)
        self._arm()
        self._free_numbers()

    def _fail_recordings(self) -> None:
        for fault in RECORDING_FAULTS:
            self._arm(*([fault] if fault else []))
            session = self._create(record=True, record_file_format="wav")
            self._call(FIRST, session["virtual_number"])
        self._arm("recording_fails_to_start")
        session = self._create(record=True)
        self._call(FIRST, session["virtual_number"])
        self._arm()
        self._free_numbers()

    def _fail_webhooks(self) -> None:
        for place in ("500", "410", "302"):
            self._create(callback_url=f"{self.app.url}/{place}")
        self._create(callback_url="http://127.0.0.1:9/nobody")
        self._create(callback_url="http://169.254.169.254/latest")
        self._create(callback_url=f"{self.app.url}/get", callback_method="GET")

    def _forge(self, session: Mapping[str, Any]) -> None:
        """Call back in all wrong ways, and rightly about something strange."""
        path = self.target.callback_path(session["session_uuid"])
        self.tokens.append(path.split("/")[-2])
        form = [("EventName", "SessionFirstPartyAnswer"), ("From", WRONG)]
        other = [*form, ("To", THIRD)]
        self._keep(CALLBACK, self.target.call_back(path, other[1:]))
        headers = self.target.signed(path, form)
        wrong: tuple[tuple[str, str, dict[str, str], str], ...] = (
            ("POST", path, headers, f"From={quote(WRONG)}&Pin={PINS[0]}"),
            ("POST", path, {}, f"From={quote(WRONG)}"),
            ("POST", path, {**headers, **JSON}, json.dumps({"From": WRONG})),
            ("POST", path, headers, "=" + quote(WRONG)),
            ("GET", f"{path}?From={quote(WRONG)}", {}, ""),
            ("POST", path.replace("events", quote(WRONG)), headers, ""),
        )
        for method, place, given, body in wrong:
            answer = self.target.send(method, place, given, body.encode())
            self._keep(CALLBACK, answer)
        strange = [
            *(("EventName", "SessionStrange"), ("From", WRONG), ("Digits", PINS[0])),
            *(("Hint", f"call {WRONG} back"), (WRONG, "1"), ("N", WRONG[1:])),
            ("Nested", json.dumps({"number": WRONG, "spelled": "+1 202 555 0175"})),
        ]
        self._keep(CALLBACK, self.target.call_back(path, strange))

    def _ask_wrongly(self, session: Mapping[str, Any]) -> None:
        """Ask every route of the template for what is wrong, numbers in every place."""
        names = {
            "session_uuid": session["session_uuid"],
            "recording_uuid": session["session_uuid"],
            "id": f"{session['session_uuid']}.{WRONG}",
        }
        for route in self.target.routes:
            if route.scope is None:
                continue
            path = route.path.format_map(_Otherwise(names))
            bad = route.path.format_map(_Otherwise({}))
            method = route.method.upper()
            for body in wrong_bodies():
                self._send(method, path, body)
            self._send(method, bad, b"{}")
            for query in (f"n={quote(WRONG)}", f"cursor={quote(WRONG)}", WRONG):
                self._send(method, f"{path}?{query}", b"{}")
            given = {"if-match": WRONG, "idempotency-key": f"é{WRONG}"}
            self._send(method, path, b"{}", given)

    # How

    def _body(self, **more: Any) -> dict[str, Any]:
        return {
            "first_party": FIRST,
            "second_party": SECOND,
            "callback_url": f"{self.app.url}/events",
            "recording_callback_url": f"{self.app.url}/recordings",
            "labels": {"order": "A-77"},
            **more,
        }

    def _create(self, **more: Any) -> dict[str, Any]:
        answer = self._ask("POST", "/v1/sessions", self._body(**more))
        session: dict[str, Any] = answer.document()["session"]
        return session

    def _call(self, caller: str, virtual: str, **plan: Any) -> None:
        told = {"from": caller, "to": virtual, **plan}
        call = self.target.simulator("POST", "calls", told)
        self.target.simulator("GET", f"calls/{call['call_uuid']}?wait=20")

    def _arm(self, *faults: str, **parameters: float) -> None:
        armed = {
            fault: {"times": 1, **_those_of(fault, parameters)} for fault in faults
        }
        self.target.simulator("PUT", "faults", armed)

    def _free_numbers(self) -> None:
        """End what the faults have left, here and at Plivo."""
        for each in self._ask("GET", "/v1/sessions?limit=50").document()["objects"]:
            if each["status"] == "active" and each["labels"]:
                self._ask("DELETE", f"/v1/sessions/{each['session_uuid']}")

    def _stored(self, path: str) -> list[dict[str, Any]]:
        shown = self._ask("GET", path).document()["objects"]
        return [each for each in shown if each["status"] == "stored"]

    def _is_given_up(self) -> bool:
        """Say whether the recording that never comes is a dead letter by now."""
        stack = self.target.stack
        attributes = stack.aws.client("sqs").get_queue_attributes(
            QueueUrl=stack.outputs["RecordingDeadLettersUrl"], AttributeNames=["All"]
        )["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"]) > 0

    def _wait(self, look: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + WAIT_SECONDS
        while not (found := look()):
            if time.monotonic() > deadline:
                raise TimeoutError("the walk waited in vain")
            time.sleep(0.3)
        return found

    def _ask(self, method: str, path: str, body: object = None) -> Answer:
        answer = self.target.ask(method, path, body)
        self._keep(_source(method, path), answer)
        return answer

    def _send(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        key = self.target.keys["victim"]
        given = {"authorization": f"Bearer {key}", **JSON, **(headers or {})}
        given = {name: value.encode() for name, value in given.items()}  # type: ignore[misc]
        answer = self.target.send(method, path, given, body)
        self._keep(_source(method, path), answer)

    def _keep(self, source: str, answer: Answer) -> None:
        own = source.startswith(OWN) and not source.endswith(HELD_BACK)
        if not (own and 200 <= answer.status < 300):
            told = f"{answer.status} {dict(answer.headers)} {answer.body}"
            self.pieces.append(Piece(source, told))


def _source(method: str, path: str) -> str:
    return f"answer to {method} {path.partition('?')[0]}"


class _Otherwise(dict[str, str]):
    """Names of a path; a number where there is none."""

    def __missing__(self, name: str) -> str:
        return quote(WRONG)


def _those_of(fault: str, parameters: Mapping[str, float]) -> Mapping[str, float]:
    return parameters if "timeout" in fault else {}


def wrong_bodies() -> Iterator[bytes]:
    """Give bodies that are refused, each with a number or a PIN in another place."""
    spaced = "+1 202 555 0175"
    for body in (
        {"first_party": f"{WRONG}x"},
        {"first_party": spaced, "second_party": [WRONG]},
        {"first_party": {"number": WRONG}},
        {"first_party": int(WRONG)},
        {"first_party": FIRST, "second_party": FIRST},
        {WRONG: WRONG},
        {"labels": {WRONG: "x" * 300}},
        {"labels": {"n": [WRONG]}},
        {"first_party_pin": f"{PINS[0]}99999", "second_party_pin": int(PINS[1])},
        {"callback_url": f"tel:{WRONG}"},
        {"session_expiry": WRONG, "pin_retry": float(PINS[0])},
        {"phone_number": f"{WRONG}#"},
        [WRONG],
        WRONG,
    ):
        yield json.dumps(body).encode()
    yield f'{{"first_party": "{WRONG}'.encode()
    yield f'{{"{WRONG}": 1, "{WRONG}": 2}}'.encode()
    yield f'{{"first_party": "{WRONG}\xff"}}'.encode("latin-1")
