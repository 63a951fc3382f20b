"""Deliver callbacks: encode, sign, send, retry once after a time-out, record.

Delivery takes real time whatever the simulated clock does. Callbacks of one session
leave in order, each after the one before was answered or two seconds have passed;
different sessions don't wait for each other.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urldefrag, urlencode
from uuid import uuid4

import httpx

from .alterations import COPIES, ORIGINALS, altered
from .clock import Clock
from .faults import Armed, Faults
from .records import Attempt, Callback
from .signature_headers import signature_headers
from .signing import node_pairs, python_pairs
from .store import Store
from .switches import Switches

LAST_PORT = 65_535
CONNECT_SECONDS = 2.0
READ_SECONDS = 40.0
TOTAL_SECONDS = 55.0
RETRIES = 1
_PATIENCE_SECONDS = 2.0
# Faults whose callbacks are not waited for by the session's next.
_OUT_OF_TURN = ("reordered", "delayed", "held")
_FORM = "application/x-www-form-urlencoded"


def callback_client() -> httpx.AsyncClient:
    """Return a client with Plivo's time-outs for voice URLs and no proxies."""
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS, pool=None)
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
    return httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=False)


class Courier:
    """Send callbacks and record the result of each."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        store: Store,
        switches: Switches,
        faults: Faults,
        clock: Clock,
        announce: Callable[[str, Callback], None],
    ) -> None:
        self._client = client
        self._store = store
        self._switches = switches
        self._faults = faults
        self._clock = clock
        self._announce = announce
        self._last: dict[str, asyncio.Event] = {}
        self._passed: dict[str, asyncio.Event] = {}
        self._released = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def post(self, callback: Callback) -> None:
        """Schedule the delivery of *callback*, as its fault demands."""
        self._store.add_callback(callback)
        facts = {
            **{name: str(value) for name, value in callback.attributes.items()},
            "event": callback.event,
            "channel": callback.channel,
            "session_uuid": callback.session_uuid,
            "from": str(callback.attributes.get("From", "")),
            "to": str(callback.attributes.get("To", "")),
            "virtual_number": str(callback.attributes.get("VirtualNumber", "")),
        }
        fault = self._faults.draw("callback", facts)
        callback.fault = fault.fault.name if fault else ""
        if fault and fault.fault.effect == "dropped":
            callback.state = "dropped"
            self._announce("callback", callback)
            return
        before = self._last.get(callback.session_uuid)
        sent = asyncio.Event()
        work = self._carry(callback, fault, before, sent)
        task = self._clock.run(work, f"callback {callback.event}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if not fault or fault.fault.effect not in _OUT_OF_TURN:
            self._last[callback.session_uuid] = sent
        self._announce("callback", callback)

    def release(self) -> None:
        """Send what has been held back; what comes after it is held again."""
        self._released.set()
        self._released = asyncio.Event()

    def forget(self) -> None:
        """Cancel pending deliveries and clear the order of past ones."""
        for task in self._tasks:
            task.cancel()
        self._last.clear()
        self._passed.clear()

    async def _carry(
        self,
        callback: Callback,
        fault: Armed | None,
        before: asyncio.Event | None,
        sent: asyncio.Event,
    ) -> None:
        effect = fault.fault.effect if fault else ""
        parameters = fault.parameters if fault else {}
        if effect == "delayed":
            await self._clock.sleep(parameters["seconds"])
        elif effect == "held":
            await self._clock.wait_for(self._released, None)
        elif effect == "reordered":
            passed = self._passed.setdefault(callback.session_uuid, asyncio.Event())
            await self._clock.wait_for(passed, parameters["seconds"])
        elif before:
            with suppress(TimeoutError):
                await asyncio.wait_for(before.wait(), _PATIENCE_SECONDS)
        if effect in ORIGINALS:
            callback.attributes = altered(callback.attributes, effect, parameters)
        await self._deliver(callback, unsigned=effect == "unsigned")
        sent.set()
        if effect != "reordered" and callback.session_uuid in self._passed:
            self._passed.pop(callback.session_uuid).set()
        if effect == "duplicated":
            for _ in range(int(parameters["copies"])):
                await self._clock.sleep(parameters["seconds"])
                await self._deliver(self._copy(callback))
        elif effect in COPIES:
            other = self._copy(callback)
            other.attributes = altered(callback.attributes, effect, parameters)
            await self._clock.sleep(parameters["seconds"])
            await self._deliver(other)
        elif effect == "tampered":
            forged = self._copy(callback)
            await self._deliver(forged, claimed={"To": "12025550100", "Duration": "1"})

    def _copy(self, callback: Callback) -> Callback:
        copy = Callback(
            callback_id=str(uuid4()),
            channel=callback.channel,
            event=callback.event,
            session_uuid=callback.session_uuid,
            call_uuid=callback.call_uuid,
            method=callback.method,
            url=callback.url,
            attributes=dict(callback.attributes),
            created_at=self._clock.now(),
            account=callback.account,
            fault=callback.fault,
            copy_of=callback.callback_id,
        )
        self._store.add_callback(copy)
        return copy

    async def _deliver(
        self,
        callback: Callback,
        *,
        unsigned: bool = False,
        claimed: dict[str, str | int] | None = None,
    ) -> None:
        # Signed before tampering: the headers are those of the true attributes.
        try:
            _, signature_headers = self._request(callback)
        except (httpx.InvalidURL, ValueError) as exc:
            # An address that nothing can be sent to, such as one with a wrong port.
            error = type(exc).__name__
            callback.attempts.append(Attempt(self._clock.now(), None, error, 0))
            callback.state = "failed"
            self._announce("callback", callback)
            return
        callback.attributes.update(claimed or {})
        for _ in range(1 + RETRIES):
            request, _ = self._request(callback)
            if not unsigned:
                request.headers.update(signature_headers)
            again = await self._attempt(callback, request)
            self._announce("callback", callback)
            if not again:
                break
        status = callback.status
        delivered = status is not None and 200 <= status < 300
        callback.state = "delivered" if delivered else "failed"
        self._announce("callback", callback)

    async def _attempt(self, callback: Callback, request: httpx.Request) -> bool:
        """Send once; return whether Plivo would try again."""
        at, started = self._clock.now(), time.monotonic()
        status: int | None = None
        error, again = "", False
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                status = (await self._client.send(request)).status_code
        except (httpx.ConnectTimeout, httpx.ReadTimeout) as exc:
            error, again = type(exc).__name__, True
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as exc:
            error = type(exc).__name__
        seconds = round(time.monotonic() - started, 4)
        callback.attempts.append(Attempt(at, status, error, seconds))
        return again

    def _request(self, callback: Callback) -> tuple[httpx.Request, dict[str, str]]:
        """Return the request without, and the signature headers with, its nonce."""
        url, _ = urldefrag(callback.url)
        if (httpx.URL(url).port or 0) > LAST_PORT:
            raise httpx.InvalidURL(f"there is no port {httpx.URL(url).port}")
        attributes = callback.attributes
        pairs = python_pairs(attributes)
        if callback.method == "GET":
            full = f"{url}{'&' if '?' in url else '?'}{urlencode(pairs)}"
            request = httpx.Request("GET", full)
            return request, self._signatures(callback, url, pairs)
        if self._switches["content_type"] == "form":
            body, kind = urlencode(pairs), _FORM
            headers = self._signatures(callback, url, pairs)
        else:
            body, kind = json.dumps(attributes), "application/json"
            headers = self._signatures(callback, url, self._json_pairs(callback), body)
        request = httpx.Request(
            "POST", url, content=body, headers={"content-type": kind}
        )
        return request, headers

    def _json_pairs(self, callback: Callback) -> list[tuple[str, str]]:
        way = self._switches["json_signing"]
        if way == "url_only":
            return []
        pairs_of = node_pairs if way == "node" else python_pairs
        return pairs_of(callback.attributes)

    def _signatures(
        self,
        callback: Callback,
        url: str,
        pairs: list[tuple[str, str]],
        json_body: str | None = None,
    ) -> dict[str, str]:
        return signature_headers(
            self._switches, callback.account, callback.method, url, pairs, json_body
        )
