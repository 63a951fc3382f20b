"""Callback URLs that lead inside: nothing that listens there may be reached."""

from __future__ import annotations

import ipaddress
import json
import socket
import time
from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx

from proofs.attack import marks
from proofs.attack.listener import Listener
from proofs.attack.shots import Shot
from proofs.attack.target import JSON, VICTIM, Target

PAIR = {"first_party": marks.number(28), "second_party": marks.number(29)}

# Enough for a webhook to be tried.
WAIT_SECONDS = 20.0


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
    """Create sessions with such URLs; give how many, and how often it was reached.

    Each is waited for until its webhook has been tried. Raises CanaryError if the
    canary doesn't sing, or if a webhook was not tried at all.
    """
    _hear(canary)
    names = list(urls(canary))
    for url in names:
        answer = target.ask("POST", "/v1/sessions", {**PAIR, "callback_url": url})
        if answer.status == HTTPStatus.CREATED:
            session = answer.document()["session"]["session_uuid"]
            _await_try(target, session)
            target.ask("DELETE", f"/v1/sessions/{session}")
    return len(names), len(canary.taken)


class CanaryError(Exception):
    """What should show that somebody got inside shows nothing at all."""


def _hear(canary: Listener) -> None:
    httpx.get(canary.url, trust_env=False)
    if len(canary.taken) != 1:
        raise CanaryError("the canary doesn't sing")
    canary.taken.clear()


def _await_try(target: Target, session_uuid: str) -> None:
    path = f"/v1/webhooks/deliveries?session_uuid={session_uuid}"
    deadline = time.monotonic() + WAIT_SECONDS
    while not target.ask("GET", path).document()["objects"]:
        if time.monotonic() > deadline:
            raise CanaryError("a webhook was not tried")
        time.sleep(0.1)


def _body(**more: str) -> bytes:
    return json.dumps({**PAIR, **more}).encode()
