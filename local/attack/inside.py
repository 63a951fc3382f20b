"""Callback URLs that lead inside: nothing that listens there may be reached."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from local.attack import marks
from local.attack.listener import Listener
from local.attack.shots import Shot
from local.attack.target import JSON, VICTIM, Target

# Enough for a webhook to be sent, and for all that follows it.
WAIT_SECONDS = 3.0


def address_inside() -> str | None:
    """Give an address of this machine in a private network; None if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing: it only asks which address would be used.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = ipaddress.ip_address(probe.getsockname()[0])
    fits = address.is_private and not address.is_loopback
    return str(address) if fits else None


def urls(canary: Listener) -> Iterator[str]:
    """Give URLs that an app may name, and that must not be dialled."""
    place = urlsplit(canary.url)
    address = ipaddress.IPv4Address(str(place.hostname))
    parts = str(address).split(".")
    hosts = (
        str(address),
        str(int(address)),
        hex(int(address)),
        ".".join(hex(int(part)) for part in parts),
        ".".join(f"0{int(part):o}" for part in parts),
        f"[::ffff:{address}]",
        f"{address}.",
    )
    for host in hosts:
        yield f"http://{host}:{place.port}/canary"
    for host in ("169.254.169.254", "[fd00:ec2::254]", "0.0.0.0", "10.0.0.1"):  # noqa: S104
        yield f"http://{host}:{place.port}/canary"


def shots(target: Target, canary: Listener) -> Iterator[Shot]:
    """Give creates and updates whose URL is refused at once."""
    place = urlsplit(canary.url)
    wrong = (
        f"http://a@{place.netloc}/",
        f"gopher://{place.netloc}/",
        f"file://{place.netloc}/etc/passwd",
        f"http://{place.netloc}\\@app.example.com/",
        f"http://app.example.com\r\nHost: {place.netloc}/",
        f"http:///{place.netloc}/",
        f"//{place.netloc}/",
    )
    headers = {"authorization": f"Bearer {target.keys[VICTIM]}", **JSON}
    for name in ("callback_url", "recording_callback_url", "first_party_play_url"):
        for url in wrong:
            body = _body(**{name: url})
            yield Shot("inside", "POST", "/v1/sessions", headers, body)


def reached(target: Target, canary: Listener) -> tuple[int, int]:
    """Create sessions with such URLs; give how many, and how often it was reached."""
    tried = 0
    for url in urls(canary):
        pair = {"first_party": marks.number(28), "second_party": marks.number(29)}
        answer = target.ask("POST", "/v1/sessions", {**pair, "callback_url": url})
        tried += 1
        if answer.status == 201:
            session = answer.document()["session"]["session_uuid"]
            target.ask("DELETE", f"/v1/sessions/{session}")
    time.sleep(WAIT_SECONDS)
    return tried, len(canary.taken)


def _body(**more: str) -> bytes:
    import json

    pair = {"first_party": marks.number(28), "second_party": marks.number(29)}
    return json.dumps({**pair, **more}).encode()
