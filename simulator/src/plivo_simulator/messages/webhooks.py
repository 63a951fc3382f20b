"""Deliver the requests about messages: sign, send, try again, record.

An answer counts within eight seconds of real time. Whatever isn't 2xx is tried again
after 60, 120 and 240 s of the simulated clock, and then given up. Requests wait for
none of the others, so that they may overtake each other, as Plivo's may.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any
from urllib.parse import urldefrag, urlencode
from uuid import uuid4

import httpx

from ..callbacks import LAST_PORT
from ..clock import Clock
from ..faults import Armed, Faults
from ..records import Attempt, Callback
from ..signature_headers import signature_headers
from ..signing import node_pairs, python_pairs
from ..store import Store
from ..switches import Switches

MESSAGE, STATUS = "message", "message_status"
RETRY_SECONDS = (60.0, 120.0, 240.0)
ANSWER_SECONDS = 8.0
_FORM = "application/x-www-form-urlencoded"

Ended = Callable[[Callback, httpx.Response | None], None]


class Webhooks:
    """Send requests to message URLs and to the URLs of sent messages."""

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
        self._tasks: set[asyncio.Task[None]] = set()
        self.answer_seconds = ANSWER_SECONDS

    def post(self, callback: Callback, ended: Ended) -> None:
        """Schedule the delivery of *callback*, as its fault demands.

        *ended* is called with the answer that counts, or with None when all tries
        failed. A callback that is lost by a fault never ends.
        """
        self._store.add_callback(callback)
        facts = {name: str(value) for name, value in callback.attributes.items()}
        facts |= {"from": facts.get("From", ""), "to": facts.get("To", "")}
        fault = self._faults.draw(callback.channel, facts)
        callback.fault = fault.fault.name if fault else ""
        if fault and fault.fault.effect == "lost":
            callback.state = "dropped"
        else:
            self._start(self._carry(callback, fault, ended), callback.event)
        self._announce("callback", callback)

    def resume(self, callback: Callback, ended: Ended) -> None:
        """Go on with a callback that was on its way when the simulator ended."""
        self._store.add_callback(callback)
        self._start(self._deliver(callback, ended), callback.event)

    def forget(self) -> None:
        """Cancel pending deliveries."""
        for task in self._tasks:
            task.cancel()

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = self._clock.run(work, f"message webhook {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(
        self, callback: Callback, fault: Armed | None, ended: Ended
    ) -> None:
        effect = fault.fault.effect if fault else ""
        parameters = fault.parameters if fault else {}
        if effect == "late":
            await self._clock.sleep(parameters["seconds"])
        await self._deliver(callback, ended)
        if effect == "doubled":
            for _ in range(int(parameters["copies"])):
                await self._clock.sleep(parameters["seconds"])
                copy = replace(
                    callback,
                    callback_id=str(uuid4()),
                    created_at=self._clock.now(),
                    state="pending",
                    copy_of=callback.callback_id,
                    attempts=[],
                )
                self._store.add_callback(copy)
                await self._deliver(copy, ended)

    async def _deliver(self, callback: Callback, ended: Ended) -> None:
        answer: httpx.Response | None = None
        for wait in (*RETRY_SECONDS[len(callback.attempts) :], None):
            answer = await self._attempt(callback)
            if (answer is not None and answer.is_success) or wait is None:
                break
            self._announce("callback", callback)
            await self._clock.sleep(wait)
        good = answer is not None and answer.is_success
        callback.state = "delivered" if good else "failed"
        self._announce("callback", callback)
        ended(callback, answer if good else None)

    async def _attempt(self, callback: Callback) -> httpx.Response | None:
        at, started = self._clock.now(), time.monotonic()
        answer: httpx.Response | None = None
        error = ""
        try:
            request = self._request(callback)
            async with asyncio.timeout(self.answer_seconds):
                answer = await self._client.send(request)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as problem:
            error = type(problem).__name__
        seconds = round(time.monotonic() - started, 4)
        status = answer.status_code if answer is not None else None
        callback.attempts.append(Attempt(at, status, error, seconds))
        return answer

    def _request(self, callback: Callback) -> httpx.Request:
        """Return the signed request. Raise ValueError for an impossible address."""
        url, _ = urldefrag(callback.url)
        if (httpx.URL(url).port or 0) > LAST_PORT:
            raise httpx.InvalidURL(f"there is no port {httpx.URL(url).port}")
        pairs = python_pairs(callback.attributes)
        if callback.method == "GET":
            headers = self._signatures(callback, url, pairs)
            full = f"{url}{'&' if '?' in url else '?'}{urlencode(pairs)}"
            return httpx.Request("GET", full, headers=headers)
        if self._switches["message_content_type"] == "form":
            body, kind = urlencode(pairs), _FORM
            headers = self._signatures(callback, url, pairs)
        else:
            body, kind = json.dumps(callback.attributes), "application/json"
            signed = {
                "url_only": [],
                "node": node_pairs(callback.attributes),
            }.get(self._switches["json_signing"], pairs)
            headers = self._signatures(callback, url, signed, body)
        headers["content-type"] = kind
        return httpx.Request("POST", url, content=body, headers=headers)

    def _signatures(
        self,
        callback: Callback,
        url: str,
        pairs: list[tuple[str, str]],
        json_body: str | None = None,
    ) -> dict[str, str]:
        headers = signature_headers(
            self._switches, callback.account, callback.method, url, pairs, json_body
        )
        kept = self._switches["message_signing"]
        if kept == "v2":
            return {k: v for k, v in headers.items() if "V2" in k}
        if kept == "ma_v3":
            wanted = ("X-Plivo-Signature-Ma-V3", "X-Plivo-Signature-V3-Nonce")
            return {k: v for k, v in headers.items() if k in wanted}
        return headers
