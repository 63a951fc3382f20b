"""Callback URLs that lead into a private network: nothing there may be reached."""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx

from proofs.attack import pii_scan
from proofs.attack.bad_requests import BadRequest
from proofs.attack.target import JSON, VICTIM, Target
from proofs.http_listener import HttpListener
from proofs.runner import ProofError, wait_for

PAIR = {"first_party": pii_scan.number(28), "second_party": pii_scan.number(29)}

# Enough for a webhook to be tried.
WAIT_SECONDS = 20.0


def private_address() -> str | None:
    """Return an address of this machine in a private network, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing: it only asks which address would be used.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = ipaddress.ip_address(probe.getsockname()[0])
    fits = address.is_private and not address.is_loopback
    return str(address) if fits else None


def urls(canary: HttpListener) -> Iterator[str]:
    """Yield URLs that an app may name, and that must not be requested."""
    place = urlsplit(canary.origin)
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


def requests(target: Target, canary: HttpListener) -> Iterator[BadRequest]:
    """Yield creates whose URL is refused at once."""
    place = urlsplit(canary.origin)
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
            yield BadRequest("inside", "POST", "/v1/sessions", headers, body)


def reached(target: Target, canary: HttpListener) -> tuple[int, int]:
    """Create sessions with such URLs; return how many, and how often it was reached.

    Each is waited for until its webhook has been tried. Raise ProofError if the canary
    would not notice a request, or if a webhook was not tried at all.
    """
    _test(canary)
    names = list(urls(canary))
    for url in names:
        answer = target.ask("POST", "/v1/sessions", {**PAIR, "callback_url": url})
        if answer.status == HTTPStatus.CREATED:
            session = answer.document()["session"]["session_uuid"]
            _await_try(target, session)
            target.ask("DELETE", f"/v1/sessions/{session}")
    return len(names), len(canary.requests)


def _test(canary: HttpListener) -> None:
    httpx.get(canary.origin, trust_env=False)
    if len(canary.requests) != 1:
        raise ProofError("the canary did not notice a request")
    canary.requests.clear()


def _await_try(target: Target, session_uuid: str) -> None:
    path = f"/v1/webhooks/deliveries?session_uuid={session_uuid}"
    wait_for(
        "a webhook to be tried",
        lambda: target.ask("GET", path).document()["objects"],
        WAIT_SECONDS,
        pause=0.1,
    )


def _body(**more: str) -> bytes:
    return json.dumps({**PAIR, **more}).encode()
