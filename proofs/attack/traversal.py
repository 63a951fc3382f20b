"""Use everything that the service does, with numbers and PINs to look for.

Every function runs, every route gets right and wrong requests, and Plivo, apps and
recordings fail in their ways. Webhooks, and answers that may hold nothing personal, are
evidence; the rest is gathered from the stack.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

from masking.core import key_space
from proofs.attack import pii_scan
from proofs.attack.recorder import CALLBACK, FIRST, SECOND, Recorder
from proofs.attack.target import JSON
from proofs.harness import invoke, messages_in
from proofs.runner import wait_for

CALLER, THIRD, WRONG = (pii_scan.number(n) for n in (53, 64, 75))
PINS = ("730518264937", "918273645501")
NUMBERS = (FIRST, SECOND, CALLER, THIRD, WRONG)

WAIT_SECONDS = 40.0

T = TypeVar("T")

# At Plivo, before or after a create, an update, an ending.
FAULTS = (
    *("5xx_before_commit", "5xx_after_commit", "reset_before_commit"),
    *("reset_after_commit", "non_json", "401", "403", "429"),
)
RECORDING_FAULTS = (None, "recording_never", "recording_html", "recording_redirect")


@dataclass
class Traversal(Recorder):
    """One pass over a stack; *app* takes webhooks."""

    secrets: list[str] = field(default_factory=lambda: [*NUMBERS, *PINS])
    tokens: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Use everything."""
        session = self._main_job()
        # First: one of them is given up only after seconds.
        self._fail_recordings()
        self._fail_at_plivo()
        self._fail_webhooks()
        self._forge(session)
        self._ask_wrongly(session)
        self._end(session)

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
        generated = self._create(
            is_pin_authentication_required=True,
            generate_pin=True,
            generate_pin_length=15,
            pin_prompt_play="https://app.example.com/prompt.wav",
        )
        self.secrets += [generated["first_party_pin"], generated["second_party_pin"]]
        self._call(
            CALLER, generated["virtual_number"], digits=[generated["second_party_pin"]]
        )
        virtual = session["virtual_number"]
        self._call(FIRST, virtual)
        self._call(CALLER, virtual, digits=[PINS[0][:-1] + "0", PINS[1]])
        self._call(CALLER, virtual, digits=["0000", "1111"])
        self._call("withheld", virtual)
        path = f"/v1/sessions/{session['session_uuid']}"
        stored = _wait(lambda: self._stored(f"{path}/recordings"))
        self._ask("PATCH", path, {"second_party": THIRD, "call_time_limit": 60})
        self._ask("POST", "/v1/sessions/search", {"first_party": FIRST})
        self._ask("GET", "/v1/sessions?limit=50")
        deliveries = f"/v1/webhooks/deliveries?session_uuid={session['session_uuid']}"
        found = _wait(lambda: self._ask("GET", deliveries).document()["objects"])
        self._ask("POST", f"/v1/webhooks/deliveries/{found[0]['id']}/replay")
        recording = f"/v1/recordings/{stored[0]['recording_uuid']}"
        self._ask("GET", recording)
        self._ask("DELETE", recording)
        return session

    def _end(self, session: Mapping[str, Any]) -> None:
        """End it, and let the schedules and the redrive do their work."""
        self._create(session_expiry=1)
        uuid = session["session_uuid"]
        self._ask("DELETE", f"/v1/sessions/{uuid}")
        for folder in ("expire_sessions", "reconcile_sessions"):
            invoke(self.target.stack, folder, {})
        message = {"body": json.dumps({"session_uuid": uuid, "orphans": True})}
        invoke(self.target.stack, "check_sessions", {"Records": [message]})
        parked = {
            "pk": key_space.session_key(uuid),
            "sk": key_space.STATE,
            "reason": "traversal",
            "was": None,
        }
        invoke(
            self.target.stack,
            "republish_changes",
            {"Records": [{"body": json.dumps(parked)}]},
        )
        form = [("From", CALLER), ("To", session["virtual_number"])]
        self.target.call_back("/v1/plivo/answer", form)
        self.target.send("POST", "/v1/plivo/answer", {}, b"From=\xff" + CALLER.encode())
        _wait(self._has_dead_letter)
        self._erase()

    def _erase(self) -> None:
        """Erase the caller's number, without waiting for the queue's delay."""
        begun = self._ask("POST", "/v1/erasures", {"phone_number": CALLER})
        erasure_id = begun.document()["erasure"]["erasure_id"]
        message = {
            "messageId": "traversal",
            "receiptHandle": "traversal",
            "attributes": {"ApproximateReceiveCount": "1"},
            "body": json.dumps({"erasure_id": erasure_id}),
        }
        invoke(self.target.stack, "erase_number", {"Records": [message]})
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
            self._create(callback_url=f"{self.app.origin}/{place}")
        self._create(callback_url="http://127.0.0.1:9/nobody")
        self._create(callback_url="http://169.254.169.254/latest")
        self._create(callback_url=f"{self.app.origin}/get", callback_method="GET")

    def _forge(self, session: Mapping[str, Any]) -> None:
        """Send forged callbacks, and a signed one with unknown attributes."""
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
        """Send every route wrong requests, with numbers in each place."""
        names = {
            "session_uuid": session["session_uuid"],
            "recording_uuid": session["session_uuid"],
            "id": f"{session['session_uuid']}.{WRONG}",
        }
        for route in self.target.routes:
            if "/plivo/" in route.path:
                continue
            path = route.path.format_map(_NumberIfMissing(names))
            bad = route.path.format_map(_NumberIfMissing({}))
            method = route.method.upper()
            for body in wrong_bodies():
                self._send(method, path, body)
            self._send(method, bad, b"{}")
            for query in (f"n={quote(WRONG)}", f"cursor={quote(WRONG)}", WRONG):
                self._send(method, f"{path}?{query}", b"{}")
            given = {"if-match": WRONG, "idempotency-key": f"é{WRONG}"}
            self._send(method, path, b"{}", given)

    def _free_numbers(self) -> None:
        """End sessions that are left over, so that their numbers are free."""
        for each in self._ask("GET", "/v1/sessions?limit=50").document()["objects"]:
            if each["status"] == "active" and each["labels"]:
                self._ask("DELETE", f"/v1/sessions/{each['session_uuid']}")

    def _stored(self, path: str) -> list[dict[str, Any]]:
        shown = self._ask("GET", path).document()["objects"]
        return [each for each in shown if each["status"] == "stored"]

    def _has_dead_letter(self) -> bool:
        """Return whether the recording that never comes is a dead letter by now."""
        stack = self.target.stack
        return messages_in(stack, stack.outputs["RecordingDeadLettersUrl"]) > 0


def _wait(look: Callable[[], T | None]) -> T:
    return wait_for("what the traversal needs next", look, WAIT_SECONDS)


class _NumberIfMissing(dict[str, str]):
    """Values of a path's names; a number for an unknown name."""

    def __missing__(self, name: str) -> str:
        return quote(WRONG)


def wrong_bodies() -> Iterator[bytes]:
    """Yield bodies that are refused, each with a number or a PIN in another place."""
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
