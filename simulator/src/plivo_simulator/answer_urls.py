"""Send requests to the URLs of applications: signed, and tried as often as they say.

The network is waited for in real time. The pause between two tries, and the seconds
by which a fault makes an answer late, pass on the simulator's clock; both count
towards the time-outs that a URL's fragment sets.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlencode
from uuid import uuid4

import httpx

from .clock import Clock
from .faults import Armed, Faults
from .records import Attempt, Call, Callback
from .signature_headers import signature_headers
from .store import Store
from .switches import Switches
from .url_config import CONNECT_FAILED, READ_FAILED, UrlConfig, read_url

RETRY_SECONDS = {"none": 0.0, "one_second": 1.0, "five_seconds": 5.0}
_FORM = {"content-type": "application/x-www-form-urlencoded"}
_PATIENCE_SECONDS = 2.0

Attributes = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to an application.

    *asked_by* is who wants the document (see `voice.causes`); *point* is that of the
    faults that may hit the request; *channel* is the kind of callback it is kept as.
    """

    url: str
    method: str
    event: str
    attributes: Attributes = field(default_factory=dict)
    asked_by: str = "answer"
    point: str = "answer"
    channel: str = "application"


@dataclass(frozen=True, slots=True)
class ApplicationReply:
    """The application's answer; *status* is None when none came."""

    url: str
    status: int | None
    content_type: str
    text: str

    @property
    def is_ok(self) -> bool:
        """Return whether the application answered with success."""
        return self.status is not None and 200 <= self.status < 300


class AnswerUrls:
    """Send requests to applications and record them as callbacks."""

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
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(
        self, call: Call, ask: Ask, *, gives_up_on_5xx: bool = False
    ) -> ApplicationReply:
        """Request a document; *gives_up_on_5xx* leaves such an answer to a fallback."""
        callback = self._kept(call, ask)
        return await self._send(callback, ask, gives_up_on_5xx=gives_up_on_5xx)

    def tell(self, call: Call, ask: Ask) -> None:
        """Send what needs no answer, after what was told of *call* before."""
        callback = self._kept(call, ask)
        fault = self._draw(callback, ask)
        effect = fault.fault.effect if fault else ""
        if effect == "lost":
            callback.state = "dropped"
            self._announce("callback", callback)
            return
        before, sent = self._last.get(call.call_uuid), asyncio.Event()
        seconds = fault.parameters["seconds"] if fault and effect == "late" else 0.0
        copies = [callback]
        if effect == "doubled":
            copy = self._kept(call, ask)
            copy.copy_of, copy.fault = callback.callback_id, callback.fault
            copies.append(copy)
        if effect != "late":
            self._last[call.call_uuid] = sent
        work = self._deliver(copies, before, sent, seconds)
        task = self._clock.run(work, f"{ask.channel} {ask.event}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget(self) -> None:
        """Cancel what is on its way and clear the order of what went before."""
        for task in self._tasks:
            task.cancel()
        self._last.clear()

    async def _deliver(
        self,
        copies: list[Callback],
        before: asyncio.Event | None,
        sent: asyncio.Event,
        seconds: float,
    ) -> None:
        await self._clock.sleep(seconds)
        if before and not seconds:
            with suppress(TimeoutError):
                await asyncio.wait_for(before.wait(), _PATIENCE_SECONDS)
        for callback in copies:
            await self._send(callback)
        sent.set()
        if self._last.get(copies[0].call_uuid) is sent:
            del self._last[copies[0].call_uuid]

    async def _send(
        self,
        callback: Callback,
        spoilt_by: Ask | None = None,
        *,
        gives_up_on_5xx: bool = False,
    ) -> ApplicationReply:
        """Send as often as the URL says; each try may be *spoilt_by* a fault."""
        config = read_url(callback.url)
        reply = ApplicationReply(config.url, None, "", "")
        watch = _Watch(config.total_seconds)
        pause = RETRY_SECONDS[self._switches["retry_delay"]]
        for attempt in range(1 + config.retries):
            if attempt and pause:
                watch.add(pause)
                await self._clock.sleep(pause)
            fault = self._draw(callback, spoilt_by) if spoilt_by else None
            reply, failure = await self._attempt(callback, config, watch, fault)
            self._announce("callback", callback)
            if not failure or not config.tries_again(failure) or watch.left <= 0:
                break
            if gives_up_on_5xx and failure.startswith("5"):
                break
        callback.state = "delivered" if reply.is_ok else "failed"
        self._announce("callback", callback)
        return reply

    def _kept(self, call: Call, ask: Ask) -> Callback:
        callback = Callback(
            callback_id=str(uuid4()),
            channel=ask.channel,
            event=ask.event,
            session_uuid="",
            call_uuid=call.call_uuid,
            method=ask.method,
            url=ask.url,
            attributes=dict(ask.attributes),
            created_at=self._clock.now(),
            account=call.account,
        )
        self._store.add_callback(callback)
        self._announce("callback", callback)
        return callback

    def _draw(self, callback: Callback, ask: Ask) -> Armed | None:
        facts = {name: str(value) for name, value in callback.attributes.items()}
        facts |= {
            "event": callback.event,
            "call_uuid": callback.call_uuid,
            "from": facts.get("From", ""),
            "to": facts.get("To", ""),
        }
        fault = self._faults.draw(ask.point, facts)
        callback.fault = fault.fault.name if fault else callback.fault
        return fault

    async def _attempt(
        self,
        callback: Callback,
        config: UrlConfig,
        watch: _Watch,
        fault: Armed | None,
    ) -> tuple[ApplicationReply, str]:
        """Send once; return the reply, and `ct`, `rt` or the status of a failure."""
        at, started = self._clock.now(), time.monotonic()
        reply, error, failure = ApplicationReply(config.url, None, "", ""), "", ""
        try:
            request = self._request(callback, config)
            async with asyncio.timeout(max(watch.left, 0)):
                answer = await self._client.send(request)
            kind = answer.headers.get("content-type", "")
            reply = ApplicationReply(config.url, answer.status_code, kind, answer.text)
        except httpx.ConnectTimeout as problem:
            error, failure = type(problem).__name__, CONNECT_FAILED
        except httpx.ReadTimeout as problem:
            error, failure = type(problem).__name__, READ_FAILED
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as problem:
            error = failure = type(problem).__name__
        if fault and reply.status is not None:
            reply = await self._spoilt(reply, config, watch, fault)
            error = "ReadTimeout" if reply.status is None else ""
        if not failure and not reply.is_ok:
            failure = READ_FAILED if reply.status is None else str(reply.status)
        seconds = round(time.monotonic() - started, 4)
        callback.attempts.append(Attempt(at, reply.status, error, seconds))
        return reply, failure

    async def _spoilt(
        self, reply: ApplicationReply, config: UrlConfig, watch: _Watch, fault: Armed
    ) -> ApplicationReply:
        match fault.fault.effect:
            case "slow":
                patience = min(config.read_seconds, max(watch.left, 0.0))
                seconds = min(fault.parameters["seconds"], patience)
                watch.add(seconds)
                await self._clock.sleep(seconds)
                if fault.parameters["seconds"] > patience:
                    return ApplicationReply(config.url, None, "", "")
            case "5xx":
                status = int(fault.parameters["status"])
                return ApplicationReply(config.url, status, "text/html", "")
            case "bad_xml":
                text = "<Response><Speak>"
                return ApplicationReply(config.url, 200, "application/xml", text)
        return reply

    def _request(self, callback: Callback, config: UrlConfig) -> httpx.Request:
        pairs = [(name, str(value)) for name, value in callback.attributes.items()]
        url, method, content = config.url, callback.method, None
        headers = signature_headers(
            self._switches, callback.account, method, url, pairs
        )
        if method == "GET":
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(pairs)}"
        else:
            content = urlencode(pairs)
            headers |= _FORM
        timeout = httpx.Timeout(config.read_seconds, connect=config.connect_seconds)
        extensions = {"timeout": timeout.as_dict()}
        return httpx.Request(
            method, url, content=content, headers=headers, extensions=extensions
        )


class _Watch:
    """The time left for all tries of one URL: real and simulated seconds count."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return self._ends - time.monotonic()

    def add(self, seconds: float) -> None:
        """Count *seconds* that passed on the simulator's clock."""
        self._ends -= seconds
