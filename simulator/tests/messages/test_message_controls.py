"""Test the control API of messages: phones write and read, pools, what is shown."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from plivo_simulator.server import Running, running

from ..masking_client import MAIN
from ..test_process import a_free_port
from .test_message_api import ALICE, BOB, UNKNOWN, URL, US, send, sent

WRITE = "/_sim/messages"
INBOX = "/_sim/inbox/texts"
DOCUMENT = Path(__file__).parents[2] / "docs" / "messages.md"


def write(client: httpx.Client, **body: Any) -> httpx.Response:
    """Let Alice's phone write, unless *body* says otherwise."""
    text = {"from": f"+{ALICE}", "to": f"+{US}", "text": "hello", **body}
    return client.post(WRITE, json=text)


def thread(client: httpx.Client, phone: str = ALICE) -> list[tuple[str, str]]:
    """Return the direction and text of what a phone shows."""
    messages = client.get(f"/_sim/phones/+{phone}/messages").json()["messages"]
    return [(each["direction"], each["text"]) for each in messages]


def client_of(server: Running) -> httpx.Client:
    """Return a client of a server that the test has started."""
    return httpx.Client(base_url=server.origin, trust_env=False)


def attempted(client: httpx.Client, uuid: str) -> list[dict[str, Any]]:
    """Wait until the requests about a message have been tried; return them."""
    for _ in range(500):
        callbacks: list[dict[str, Any]]
        callbacks = client.get(f"{WRITE}/{uuid}").json()["callbacks"]
        if callbacks and all(each["attempts"] for each in callbacks):
            return callbacks
    raise AssertionError("nothing was tried")


def test_a_phone_writes_and_the_application_hears_it(served: httpx.Client) -> None:
    origin = str(served.base_url).rstrip("/")
    served.put(f"/_sim/numbers/{US}", json={"message_url": f"{origin}{INBOX}"})

    written = write(served, pictures=1)
    uuid = written.json()["message_uuid"]
    for _ in range(200):
        message = served.get(f"{WRITE}/{uuid}").json()
        if message["state"] == "delivered":
            break

    (received,) = served.get("/_sim/inbox").json()["requests"]
    assert written.status_code == 201
    assert message["state"] == "delivered"
    assert uuid in received["body"]
    assert [each["status"] for each in message["callbacks"]] == [204]
    query = {"message_uuid": uuid, "channel": "message"}
    found = served.get("/_sim/callbacks", params=query).json()["callbacks"]
    assert found == message["callbacks"]


def test_a_phone_shows_what_it_wrote_and_what_arrived(served: httpx.Client) -> None:
    write(served, text="hi")
    sent(served, text="hello")
    served.put("/_sim/faults", json={"message_undelivered": {"times": 1}})
    sent(served, text="lost")
    write(served, text="STOP")
    sent(served, text="for another", dst=BOB)

    assert thread(served)[:3] == [
        ("inbound", "hi"),
        ("outbound", "hello"),
        ("inbound", "STOP"),
    ]
    # And what Plivo answers to STOP by itself.
    assert len(thread(served)) == 4
    assert thread(served, BOB) == [("outbound", "for another")]
    assert thread(served, "12025550199") == []


def test_messages_are_shown_by_phone_number_direction_and_state(
    served: httpx.Client,
) -> None:
    write(served)
    sent(served, dst=BOB)

    def shown(**query: str) -> list[str]:
        messages = served.get(WRITE, params=query).json()["messages"]
        return [each["phone"] for each in messages]

    assert shown() == [f"+{ALICE}", f"+{BOB}"]
    assert shown(phone=f"+{BOB}") == [f"+{BOB}"]
    assert shown(number=US, direction="inbound") == [f"+{ALICE}"]
    assert shown(state="delivered") == [f"+{BOB}"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"to": "+12125550199"}, 404, "`to` is not a number of this account"),
        ({"from": "nobody"}, 400, "`from` must be a phone number in E.164"),
        ({"text": 7}, 400, "`text` must be a string"),
        ({"text": ""}, 400, "`text` or `pictures` is needed"),
        ({"pictures": 11}, 400, "`pictures` must be a whole number up to 10"),
        ({"pictures": True}, 400, "`pictures` must be a whole number up to 10"),
        ({"picture_bytes": -1}, 400, "`picture_bytes` must be a whole number"),
        ({"to": "+912200550101"}, 409, "the number takes no texts"),
        ({"to": "+442079460100", "pictures": 1}, 409, "the number takes no pictures"),
    ],
)
def test_what_a_phone_can_not_write_says_why(
    served: httpx.Client, body: dict[str, Any], status: int, said: str
) -> None:
    refused = write(served, **body)

    assert refused.status_code == status
    assert said in refused.json()["error"]
    assert served.get(WRITE).json()["messages"] == []


def test_the_commands_of_the_documentation_work(served: httpx.Client) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: the commands were not run")
    block = DOCUMENT.read_text().partition("```bash\n")[2].partition("```")[0]
    origin = str(served.base_url).rstrip("/")

    printed = [
        subprocess.run(
            shlex.split(line.replace("http://127.0.0.1:8001", origin)),
            capture_output=True,
            check=True,
            timeout=20,
        ).stdout
        for line in block.splitlines()
    ]

    number, written, shown = (json.loads(each) for each in printed)
    assert number["message_url"] == f"{origin}{INBOX}"
    assert written["text"] == "See you at 6"
    (message,) = shown["messages"]
    assert message["message_uuid"] == written["message_uuid"]


def test_an_unknown_message_is_404(served: httpx.Client) -> None:
    assert served.get(f"{WRITE}/{UNKNOWN}").status_code == 404


def test_opt_outs_are_shown(served: httpx.Client) -> None:
    write(served, text="STOP")
    sent(served, text="bye")

    (wish,) = served.get("/_sim/opt-outs").json()["opt_outs"]

    assert (wish["number"], wish["phone"]) == (f"+{US}", f"+{ALICE}")
    assert wish["acknowledged"] is True


def test_a_pool_is_made_and_sent_from(served: httpx.Client) -> None:
    numbers = ["+12025550185", "+12025550186"]

    made = served.put("/_sim/powerpacks/pool", json={"numbers": numbers})
    answer = send(served, src=None, powerpack_uuid="pool")

    assert made.json()["numbers"] == numbers
    assert served.get("/_sim/powerpacks").json()["powerpacks"] == [made.json()]
    assert answer.status_code == 202
    assert served.get(WRITE).json()["messages"][0]["from"] == numbers[0]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"numbers": []}, 400),
        ({"numbers": "+12025550185"}, 400),
        ({"numbers": ["+12125550199"]}, 404),
        ({"numbers": ["+12025550185"], "account": "SA1"}, 400),
    ],
)
def test_a_bad_pool_is_refused(
    served: httpx.Client, body: dict[str, Any], status: int
) -> None:
    assert served.put("/_sim/powerpacks/pool", json=body).status_code == status
    assert served.get("/_sim/powerpacks").json()["powerpacks"] == []


def test_listeners_hear_of_messages(served: httpx.Client) -> None:
    with served.stream("GET", "/_sim/events") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: hello"
        write(served, text="for the ears of the page")
        line = next(line for line in lines if line.startswith("event: message"))
        data = next(lines)

    assert line == "event: message"
    assert "for the ears of the page" in data


def test_messages_are_kept_over_a_restart_and_go_on(tmp_path: Path) -> None:
    state, port = tmp_path / "plivo.json", a_free_port()
    body = {"from": f"+{ALICE}", "to": f"+{US}", "text": "hi", "pictures": 1}
    with running(port, state=state, speed=0) as server, client_of(server) as api:
        url = {"message_url": f"{server.origin}{INBOX}"}
        api.put(f"/_sim/numbers/{US}", json=url)
        api.put("/_sim/faults", json={"message_webhook_late": {}})
        written = api.post(WRITE, json=body).json()
        api.put("/_sim/powerpacks/pool", json={"numbers": [f"+{US}"]})
        write(api, text="STOP", **{"from": f"+{BOB}"})
        uuid = send(api, url=f"{server.origin}{INBOX}").json()["message_uuid"][0]
        before = api.get(f"{URL}{uuid}/", auth=MAIN).json()["message_state"]
        path = httpx.URL(written["media"][0]["url"]).path

    with running(port, state=state, speed=20) as server, client_of(server) as api:
        after = api.get(f"{WRITE}/{uuid}?wait=10").json()
        picture = api.get(path)
        stopped = api.get("/_sim/opt-outs").json()["opt_outs"]
        pools = api.get("/_sim/powerpacks").json()["powerpacks"]
        (heard,) = attempted(api, written["message_uuid"])
        taken = api.get(f"{WRITE}/{written['message_uuid']}").json()["state"]

    assert before in ("queued", "sent")
    assert after["state"] == "delivered"
    assert len(picture.content) == written["media"][0]["size"]
    assert [each["phone"] for each in stopped] == [f"+{BOB}"]
    assert [each["powerpack_uuid"] for each in pools] == ["pool"]
    # What was on its way to the application is sent after the start.
    assert [attempt["status"] for attempt in heard["attempts"]] == [204]
    assert taken == "delivered"
