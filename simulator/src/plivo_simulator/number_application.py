"""Answer a call that matches no session with the number's application.

The answer URL gets a signed request, as from Plivo, and its XML is carried out. A
number without an application, an answer other than 2xx and XML that can't be carried
out end the call with Plivo's hangup cause for each.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin
from uuid import uuid4

import httpx

from .account import AUTH_ID, country_of
from .answer_xml import (
    BadXmlError,
    GetDigits,
    Hangup,
    PlayFile,
    Redirect,
    Speak,
    Wait,
    parse_answer,
)
from .clock import Clock
from .records import Attempt, Call, Callback
from .rules.accounting import rate_per_minute
from .rules.model import (
    ANSWER_URL_FAILED,
    BUSY,
    INVALID_DESTINATION,
    INVALID_XML,
    NORMAL,
    REJECTED,
    Cause,
    Leg,
)
from .rules.steps import Answer, Cut, Gather, Gone, HangUp, Pause, Play, Pressed, Reply
from .signature_headers import signature_headers
from .store import Application, Store
from .switches import Switches
from .time_formats import event_time

MAX_DOCUMENTS = 20
_FORM = {"content-type": "application/x-www-form-urlencoded"}
_REASONS = {"busy": BUSY, "rejected": REJECTED}


@dataclass(frozen=True, slots=True)
class ApplicationRequest:
    """One request to the application: *digits* are those that the caller entered."""

    url: str
    method: str
    event: str
    digits: str | None = None


@dataclass(frozen=True, slots=True)
class ApplicationReply:
    """The application's answer; *status* is None when none came."""

    url: str
    status: int | None
    content_type: str
    text: str


Step = ApplicationRequest | Answer | Play | Pause | Gather | HangUp
ApplicationFlow = Generator[Step, "Reply | ApplicationReply", None]


def run_application(application: Application | None) -> ApplicationFlow:
    """Run a call by the documents of *application*; pure, like the call flows."""
    if application is None or not application.answer_url:
        yield HangUp(Leg.CALLER, INVALID_DESTINATION)
        return
    ask = ApplicationRequest(
        application.answer_url, application.answer_method, "StartApp"
    )
    answered = False
    for _ in range(MAX_DOCUMENTS):
        document = yield ask
        if not isinstance(document, ApplicationReply) or not _is_ok(document.status):
            yield HangUp(Leg.CALLER, ANSWER_URL_FAILED)
            return
        try:
            verbs = parse_answer(document.text, document.content_type)
        except BadXmlError:
            yield HangUp(Leg.CALLER, INVALID_XML)
            return
        if not answered and not (verbs and isinstance(verbs[0], Hangup)):
            yield Answer()
            answered = True
        onward: ApplicationRequest | Cause = NORMAL
        for verb in verbs:
            went_on = yield from _carry_out(verb, document.url)
            if went_on is not None:
                onward = went_on
                break
        if isinstance(onward, Cause):
            yield HangUp(Leg.CALLER, onward)
            return
        ask = onward
    yield HangUp(Leg.CALLER, INVALID_XML)


def _carry_out(
    verb: Speak | PlayFile | Wait | Redirect | Hangup | GetDigits, base: str
) -> Generator[Step, Reply | ApplicationReply, ApplicationRequest | Cause | None]:
    """Carry out one verb; return the next request, a hangup cause, or None."""
    match verb:
        case Hangup():
            return _REASONS.get(verb.reason, NORMAL)
        case Redirect():
            return ApplicationRequest(urljoin(base, verb.url), verb.method, "Redirect")
        case GetDigits():
            return (yield from _get_digits(verb, base))
        case Speak() | Wait():
            reply = yield Pause(verb.seconds)
        case PlayFile():
            reply = yield Play(Leg.CALLER, verb.url)
    return NORMAL if isinstance(reply, Gone | Cut) else None


def _get_digits(
    verb: GetDigits, base: str
) -> Generator[Step, Reply | ApplicationReply, ApplicationRequest | Cause | None]:
    for _ in range(verb.tries):
        for prompt in verb.prompts:
            ended = yield from _carry_out(prompt, base)
            if ended is not None:
                return ended
        reply = yield Gather(verb.seconds)
        if isinstance(reply, Gone | Cut):
            return NORMAL
        if isinstance(reply, Pressed) and verb.action:
            action = urljoin(base, verb.action)
            return ApplicationRequest(action, verb.method, "Digits", reply.digits)
    return None


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
            application.hangup_url, application.hangup_method, "Hangup"
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
        pairs = [(name, str(value)) for name, value in attributes.items()]
        headers = signature_headers(
            self._switches, call.account, ask.method, ask.url, pairs
        )
        if ask.method == "GET":
            joiner = "&" if "?" in ask.url else "?"
            url = f"{ask.url}{joiner}{urlencode(pairs)}"
            request = httpx.Request("GET", url, headers=headers)
        else:
            body = urlencode(pairs)
            headers |= _FORM
            request = httpx.Request("POST", ask.url, content=body, headers=headers)
        document, error = ApplicationReply(ask.url, None, "", ""), ""
        at, started = self._clock.now(), time.monotonic()
        try:
            answer = await self._client.send(request)
            kind = answer.headers.get("content-type", "")
            document = ApplicationReply(ask.url, answer.status_code, kind, answer.text)
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            error = type(problem).__name__
        seconds = round(time.monotonic() - started, 4)
        callback.attempts.append(Attempt(at, document.status, error, seconds))
        callback.state = "delivered" if _is_ok(document.status) else "failed"
        return document


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


def _is_ok(status: int | None) -> bool:
    return status is not None and 200 <= status < 300
