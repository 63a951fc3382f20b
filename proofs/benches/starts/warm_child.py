"""Be a warm function: answer many events in one process, or make the same calls barely.

Runs on the runtime's bare interpreter by its path: ``warm_child.py WAY FOLDER...`` with
a document on standard input. The ways are ``ours``, which lets the handler answer each
event; ``calls``, which does so once and prints what it asked for; and ``bare``, which
asks for the same by botocore and http.client. The last line of the output is a
document: CPU of an invocation in microseconds, connections by place, growth in bytes.
"""

from __future__ import annotations

import collections
import gc
import json
import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Work = Callable[[Any], None]

sys.path[:] = [each for each in sys.path if "benches" not in each]

WARM_UP = 30

CONNECTED: collections.Counter[str] = collections.Counter()


class Context:
    """What handlers ask Lambda's context for."""

    aws_request_id = "6a8f2f3b-0d5c-4c63-9d07-3a1c2b9a7f10"

    def get_remaining_time_in_millis(self) -> int:
        """Return what a request to the API has left."""
        return 25_000


def watch(event: str, arguments: Any) -> None:
    """Count connections by the place that they lead to."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        CONNECTED[f"{arguments[1][0]}:{arguments[1][1]}"] += 1


def resident() -> int:
    """Return the memory of this process, in bytes."""
    gc.collect()
    with open("/proc/self/statm") as told:  # noqa: PTH123 - nothing is imported for it
        return int(told.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def repeat(work: Work, each: Sequence[Any], warm_up: int = WARM_UP) -> dict[str, Any]:
    """Do some work for each of many; return what it took after the first ones."""
    for one in each[:warm_up]:
        work(one)
    before, began = resident(), time.process_time()
    for one in each[warm_up:]:
        work(one)
    taken = time.process_time() - began
    count = len(each) - warm_up
    return {
        "microseconds": 1_000_000 * taken / count,
        "connections": dict(CONNECTED),
        "growth": resident() - before,
    }


def answer_by(handler: Callable[..., Any]) -> Work:
    """Return what lets a handler answer an event. Raise if it fails."""

    def work(event: Any) -> None:
        answer = handler(event, Context())
        if answer.get("statusCode", 200) >= 300:
            raise RuntimeError(answer)

    return work


def calls_of(event: Any) -> list[Any]:
    """Return what is asked for while an event is answered.

    A function makes its clients while it starts; what they ask for is noted from there.
    """
    from masking.core import https
    from masking.plivo import transport

    asked: list[Any] = []

    def note(params: Any, model: Any, **_: Any) -> None:
        service = model.service_model.service_name
        asked.append([service, model.name, params])

    noting: Any = note
    session = https.session()
    for service in ("dynamodb", "secrets-manager", "sqs"):
        session.register(f"before-parameter-build.{service}", noting)
    send = transport.SdkClient.request

    def request(
        self: Any, method: str, path: Any = (), data: Any = None, **more: Any
    ) -> Any:
        asked.append(["plivo", method, [list(path), data]])
        return send(self, method, path, data, **more)

    client: Any = transport.SdkClient
    client.request = request
    answer_by(__import__("app").lambda_handler)(event)
    return asked


def asking(calls: Sequence[Any]) -> Work:
    """Return what makes the calls, and nothing else, once."""
    import http.client
    import ssl
    from base64 import b64encode
    from urllib.parse import urlsplit

    import botocore.session
    import certifi

    session = botocore.session.get_session()
    made = {
        service: session.create_client(service)
        for service in {each[0] for each in calls if each[0] != "plivo"}
    }
    place = urlsplit(os.environ["CARRIER_BASE_URL"])
    context = ssl.create_default_context(cafile=certifi.where())
    plivo = http.client.HTTPSConnection(place.netloc, context=context)
    secret = os.environ["BENCH_CREDENTIALS"]
    account = secret.partition(":")[0]
    headers = {
        "Authorization": "Basic " + b64encode(secret.encode()).decode(),
        "Content-Type": "application/json",
    }

    def work(_: object) -> None:
        for service, operation, asked in calls:
            if service != "plivo":
                getattr(made[service], operation)(**asked)
                continue
            path = "/".join(["/v1/Account", account, *asked[0]]) + "/"
            body = json.dumps(asked[1]).encode()
            plivo.request(operation, path, body, headers)
            json.loads(plivo.getresponse().read())

    return work


def main(way: str, *folders: str) -> None:
    """Do what is asked for."""
    sys.path[:0] = folders
    given = json.loads(sys.stdin.read())
    sys.addaudithook(watch)
    told: Any
    if way == "bare":
        told = repeat(asking(given["calls"]), range(given["count"]))
    elif way == "calls":
        told = calls_of(given["events"][0])
    else:
        work = answer_by(__import__("app").lambda_handler)
        warm_up = given.get("warm_up", WARM_UP)
        told = repeat(work, given["events"] * given.get("times", 1), warm_up)
    print(json.dumps(told, default=str))


main(*sys.argv[1:])
