"""Send requests to the URLs of applications: signed, and tried as often as they say."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlencode
from uuid import uuid4

import httpx

from .account import AUTH_ID, country_of
from .clock import Clock
from .number_application import ApplicationReply, ApplicationRequest
from .records import Attempt, Call, Callback
from .rules.accounting import rate_per_minute
from .rules.model import NORMAL, Leg
from .signature_headers import signature_headers
from .store import Application, Store
from .switches import Switches
from .time_formats import event_time
from .url_config import CONNECT_FAILED, READ_FAILED, UrlConfig, read_url

_FORM = {"content-type": "application/x-www-form-urlencoded"}


class AnswerUrls:
    """Send requests to applications and record them as callbacks."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        store: Store,
        switches: Switches,
        clock: Clock,
    ) -> None:
        self._client = client
        self._store = store
        self._switches = switches
        self._clock = clock

    async def ask(self, call: Call, ask: ApplicationRequest) -> ApplicationReply:
        """Request a document for *call* from an application."""
        attributes: dict[str, str | int] = _attributes(call, ask.event)
        if ask.digits is not None:
            attributes["Digits"] = ask.digits
        return await self._send(call, ask, attributes)

    async def send_hangup(self, call: Call, application: Application) -> None:
        """Send the end of *call* to the application's hangup URL."""
        leg = call.legs[Leg.CALLER]
        cause = leg.cause or NORMAL
        attributes = _attributes(call, "Hangup")
        attributes |= {
            "CallStatus": "completed" if leg.answered_at else "failed",
            "HangupCause": cause.name,
            "HangupCauseCode": cause.code,
            "HangupSource": leg.ended_by,
            "Duration": str(leg.duration),
            "BillDuration": str(leg.bill.seconds),
        }
        ask = ApplicationRequest(
            application.told_of_hangup, application.hangup_method, "Hangup"
        )
        await self._send(call, ask, attributes)

    async def _send(
        self, call: Call, ask: ApplicationRequest, attributes: dict[str, str | int]
    ) -> ApplicationReply:
        callback = Callback(
            callback_id=str(uuid4()),
            channel="application",
            event=ask.event,
            session_uuid="",
            call_uuid=call.call_uuid,
            method=ask.method,
            url=ask.url,
            attributes=attributes,
            created_at=self._clock.now(),
            account=call.account,
        )
        self._store.add_callback(callback)
        config = read_url(ask.url)
        document = ApplicationReply(config.url, None, "", "")
        deadline = time.monotonic() + config.total_seconds
        for _ in range(1 + config.retries):
            document, failure = await self._attempt(callback, config, deadline)
            if not failure or not config.tries_again(failure):
                break
        callback.state = "delivered" if document.is_ok else "failed"
        return document

    async def _attempt(
        self, callback: Callback, config: UrlConfig, deadline: float
    ) -> tuple[ApplicationReply, str]:
        """Send once; return the reply, and `ct`, `rt` or the status of a failure."""
        at, started = self._clock.now(), time.monotonic()
        reply, error, failure = ApplicationReply(config.url, None, "", ""), "", ""
        request = self._request(callback, config)
        try:
            async with asyncio.timeout(max(deadline - started, 0)):
                answer = await self._client.send(request)
            kind = answer.headers.get("content-type", "")
            reply = ApplicationReply(config.url, answer.status_code, kind, answer.text)
            failure = "" if reply.is_ok else str(reply.status)
        except httpx.ConnectTimeout as problem:
            error, failure = type(problem).__name__, CONNECT_FAILED
        except httpx.ReadTimeout as problem:
            error, failure = type(problem).__name__, READ_FAILED
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as problem:
            error = failure = type(problem).__name__
        seconds = round(time.monotonic() - started, 4)
        callback.attempts.append(Attempt(at, reply.status, error, seconds))
        return reply, failure

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


def _attributes(call: Call, event: str) -> dict[str, str | int]:
    return {
        "ALegUUID": call.call_uuid,
        "ALegRequestUUID": call.call_uuid,
        "BillRate": str(rate_per_minute(country_of(call.caller))),
        "CallStatus": "ringing" if event == "StartApp" else "in-progress",
        "CallUUID": call.call_uuid,
        "Direction": "inbound",
        "Event": event,
        "From": call.caller,
        "ParentAuthID": AUTH_ID,
        "RequestUUID": call.call_uuid,
        "SessionStart": event_time(call.started_at),
        "To": call.virtual_number,
    }
