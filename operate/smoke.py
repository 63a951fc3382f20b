"""Walk a create and an end on a deployment, with a key made for it and revoked after.

No phone rings: nothing is called before a party calls. Whatever fails, the session is
ended and the key revoked.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import click
import httpx

from masking.storage.stores import Stores
from masking.tenants import api_keys
from operate.arguments import PHONE, as_json, example, print_json
from operate.deployment import LOCAL, Target
from operate.failures import RefusedError

# Reserved for fiction.
FIRST, SECOND = "+12025550100", "+12025550101"

TENANT = "maskline-smoke"
SCOPES = ("sessions:read", "sessions:write")

# Should the command be killed, neither key nor session lives long.
KEY_LIFE = timedelta(hours=1)
SESSION_SECONDS = 300

# Seconds that an end may take which Plivo did not confirm at once.
PATIENCE = 60.0
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Step:
    """What was done, and how many milliseconds it took."""

    step: str
    milliseconds: int


@click.command(
    "smoke",
    epilog=example("maskline smoke")
    + "\n\nThe parties are reserved numbers unless you name some that Plivo takes.",
)
@click.option("--first", default=FIRST, type=PHONE, help="First party, E.164.")
@click.option("--second", default=SECOND, type=PHONE, help="Second party, E.164.")
@as_json
@click.pass_obj
def smoke_command(target: Target, first: str, second: str, as_json: bool) -> None:
    """Create and end a session on a deployment, with a key of its own."""
    deployment = target.deployment
    services = deployment.services
    steps: list[Step] = []
    # A proxy of this machine's leads to no stack on it.
    is_far = deployment.name != LOCAL
    with httpx.Client(base_url=deployment.api_url, timeout=30, trust_env=is_far) as api:
        for step in Smoke(api, services.stores, services.now).run(first, second):
            steps.append(step)
            if not as_json:
                click.echo(f"{step.milliseconds:>6} ms  {step.step}")
    if as_json:
        print_json({"steps": [asdict(each) for each in steps]})
    else:
        click.echo("all is well")


@dataclass(frozen=True)
class Smoke:
    """A walk over a deployment's API; *now* is the clock of keys."""

    api: httpx.Client
    stores: Stores
    now: Callable[[], datetime]
    sleep: Callable[[float], None] = time.sleep
    patience: float = PATIENCE
    _headers: dict[str, str] = field(default_factory=dict)

    def run(self, first: str, second: str) -> Iterator[Step]:
        """Yield each step once it is done. Raises RefusedError for one that fails."""
        began = time.perf_counter()
        self._expect(self._send("GET", "/v1/health"), 200, "the API answers")
        yield _step("the API answers", began)

        began = time.perf_counter()
        now = self.now()
        key = api_keys.create(self.stores, TENANT, SCOPES, now, now + KEY_LIFE)
        try:
            yield _step(f"a key is made, {key.key_id} of the tenant {TENANT}", began)
            self._headers["Authorization"] = f"Bearer {key.secret}"
            yield from self._walk(first, second)
        finally:
            began = time.perf_counter()
            api_keys.revoke(self.stores, TENANT, key.key_id, self.now())
        yield _step("the key is revoked", began)

    def _walk(self, first: str, second: str) -> Iterator[Step]:
        asked = {
            "first_party": first,
            "second_party": second,
            "session_expiry": SESSION_SECONDS,
        }
        self._headers["Idempotency-Key"] = str(uuid.uuid4())
        path = None
        try:
            began = time.perf_counter()
            made = self._send("POST", "/v1/sessions", asked)
            session = self._expect(made, 201, "a session is created")["session"]
            path = f"/v1/sessions/{session['session_uuid']}"
            yield _step(f"a session is created, {session['session_uuid']}", began)

            began = time.perf_counter()
            again = self._expect(
                self._send("POST", "/v1/sessions", asked), 200, "it is not made twice"
            )
            if again["session"]["session_uuid"] != session["session_uuid"]:
                raise RefusedError("it is not made twice: another was created")
            yield _step("sent again, it is not made twice", began)

            began = time.perf_counter()
            self._await(path, ("active",))
            yield _step("it is active", began)

            began = time.perf_counter()
            ended = self._send("DELETE", path)
            if ended.status_code not in (200, 202):
                self._expect(ended, 200, "it is ended")
            self._await(path, ("expired",))
            path = None
            yield _step("it is ended, here and at Plivo", began)
        finally:
            if path:
                with suppress(httpx.HTTPError):
                    self._send("DELETE", path)

    def _await(self, path: str, wanted: tuple[str, ...]) -> None:
        """Wait until the session has a status. Raises RefusedError."""
        waited = 0.0
        while True:
            shown = self._expect(self._send("GET", path), 200, "the session is shown")
            status = shown["session"]["status"]
            if status in wanted:
                return
            if waited >= self.patience:
                raise RefusedError(f"{path} is still {status}, not {wanted[0]}")
            self.sleep(POLL_SECONDS)
            waited += POLL_SECONDS

    def _send(self, method: str, path: str, body: object = None) -> httpx.Response:
        return self.api.request(method, path, json=body, headers=self._headers)

    def _expect(self, answer: httpx.Response, status: int, step: str) -> Any:
        """Return an answer's JSON. Raises RefusedError for another status."""
        if answer.status_code != status:
            raise RefusedError(
                f"{step}: {answer.request.method} {answer.request.url.path} answered "
                f"{answer.status_code}: {answer.text}"
            )
        return answer.json()


def _step(step: str, began: float) -> Step:
    return Step(step, round((time.perf_counter() - began) * 1000))
