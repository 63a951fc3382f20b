"""Record what a release writes: the items of its table, and how it reads them itself.

``python -m proofs.upgrade.record tests/releases/1.2.3.json`` plays a few sessions on a
stack of its own. Everything goes through the API, so that the same file records a
release of before, from a copy of its code (`docs/operations.md`, Upgrade).
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from stack.addresses import free_addresses
from stack.running import RunningStack
from stack.stack import Stack

# Tests have a signing secret of the same content, and so find numbers by their hashes.
SIGNING_SECRET = "the root of all keys of this test"  # noqa: S105 - of tests alone

# Nobody lives to see the items past their retention, however late a test reads them.
PARAMETERS = {"RetentionDays": "36500"}

FIRST, SECOND, THIRD, FOURTH = (f"+1202555010{last}" for last in range(4))
LABELS = {"order": "17", "city": "Köln"}
WAIT_SECONDS = 60.0


def record(stack: RunningStack) -> dict[str, Any]:
    """Play on a stack that nobody has used yet; return what it wrote and reads."""
    stack.aws.client("secretsmanager").put_secret_value(
        SecretId=stack.outputs["SigningSecretArn"], SecretString=SIGNING_SECRET
    )
    key = {"Authorization": f"Bearer {stack.api_key}"}
    with (
        _client(stack.addresses.api_url, key) as api,
        _client(stack.addresses.plivo_url, {}) as plivo,
    ):
        sessions = {
            "called": _called(stack, api, plivo),
            "expired": _expired(stack, api),
            "ended": _ended(api),
            "updated": _updated(api),
        }
        _invoke(stack, "reconcile_sessions", {})
        return {
            "sessions": sessions,
            "answers": {
                path: api.get(path).raise_for_status().json()
                for name, uuid in sessions.items()
                for path in _paths(name, uuid)
            },
            "items": _items(stack),
        }


def _paths(name: str, uuid: str) -> list[str]:
    session = f"/v1/sessions/{uuid}"
    if name != "called":
        return [session]
    return [session, f"{session}/events", f"{session}/recordings"]


def _called(stack: RunningStack, api: httpx.Client, plivo: httpx.Client) -> str:
    """Create a session with all that one may have, and play a recorded call in it."""
    session = _create(
        api,
        first_party=FIRST,
        second_party=SECOND,
        session_expiry=86_400,
        record=True,
        record_file_format="wav",
        labels=LABELS,
        # Nobody listens there: deliveries fail, and are kept.
        callback_url="http://127.0.0.1:9/events",
        recording_callback_url="http://127.0.0.1:9/recordings",
    )
    call = {"from": FIRST, "to": session["virtual_number"], "talk_seconds": 1}
    script = call | {"answer": True, "digits": [], "manual_caller": False}
    plivo.post("/_sim/calls", json=script).raise_for_status()
    uuid = str(session["session_uuid"])

    def is_stored() -> bool:
        found = api.get(f"/v1/sessions/{uuid}/recordings").raise_for_status().json()
        return any(each["status"] == "stored" for each in found["objects"])

    def is_delivered() -> bool:
        return any(item["sk"]["S"].startswith("W#") for item in _items(stack))

    _wait(is_stored)
    _wait(is_delivered)
    return uuid


def _expired(stack: RunningStack, api: httpx.Client) -> str:
    session = _create(api, first_party=FIRST, second_party=THIRD, session_expiry=3)
    path = f"/v1/sessions/{session['session_uuid']}"

    def is_expired() -> bool:
        _invoke(stack, "expire_sessions", {})
        shown = api.get(path).raise_for_status().json()["session"]
        return bool(shown["status"] == "expired" and shown["version"] > 2)

    _wait(is_expired)
    return str(session["session_uuid"])


def _ended(api: httpx.Client) -> str:
    session = _create(api, first_party=THIRD, second_party=SECOND)
    api.delete(f"/v1/sessions/{session['session_uuid']}").raise_for_status()
    return str(session["session_uuid"])


def _updated(api: httpx.Client) -> str:
    session = _create(
        api, first_party=FIRST, second_party=FOURTH, session_expiry=86_400
    )
    uuid = str(session["session_uuid"])
    changes = {"call_time_limit": 1800, "record": True}
    api.patch(f"/v1/sessions/{uuid}", json=changes).raise_for_status()
    return uuid


def _create(api: httpx.Client, **asked: Any) -> dict[str, Any]:
    created = api.post("/v1/sessions", json=asked).raise_for_status()
    session: dict[str, Any] = created.json()["session"]
    return session


def _items(stack: RunningStack) -> list[dict[str, Any]]:
    """Return all items of the table, in DynamoDB's form and the order of their keys."""
    pages = stack.aws.client("dynamodb").get_paginator("scan")
    found = [
        item
        for page in pages.paginate(TableName=stack.outputs["TableName"])
        for item in page["Items"]
    ]
    return sorted(found, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))


def _invoke(stack: RunningStack, folder: str, event: object) -> None:
    stack.aws.client("lambda").invoke(
        FunctionName=stack.function_names()[folder], Payload=json.dumps(event)
    )["Payload"].read()


def _wait(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {WAIT_SECONDS:.0f} s in vain")
        time.sleep(0.3)


def _client(url: str, headers: dict[str, str]) -> httpx.Client:
    return httpx.Client(base_url=url, headers=headers, timeout=40, trust_env=False)


def main(path: str) -> None:
    """Record this code's release into a file."""
    with (
        tempfile.TemporaryDirectory(prefix="maskline-release-") as folder,
        Stack(free_addresses(), Path(folder), parameters=PARAMETERS) as stack,
    ):
        document = record(stack.running)
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False)
    Path(path).write_text(text + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
