"""Answer a call that matches no session with the number's application.

The answer URL gets a signed request, as from Plivo, and its XML is carried out. If it
does not answer 2xx, however often its fragment has it tried, or its XML can't be
carried out, the fallback URL is asked once in its place. A number without an
application, or whose URLs all failed, ends the call with Plivo's hangup cause for that.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from urllib.parse import urljoin

from .answer_xml import (
    BadXmlError,
    GetDigits,
    Hangup,
    PlayFile,
    Redirect,
    Speak,
    Verb,
    Wait,
    parse_answer,
)
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
from .store import Application

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

    @property
    def is_ok(self) -> bool:
        """Return whether the application answered with success."""
        return self.status is not None and 200 <= self.status < 300


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
    fallback = _fallback(application)
    answered = False
    for _ in range(MAX_DOCUMENTS):
        document = yield ask
        verbs = _read(document)
        if isinstance(verbs, Cause) and not answered and fallback:
            document = yield fallback
            verbs = _read(document)
        if isinstance(verbs, Cause) or not isinstance(document, ApplicationReply):
            cause = verbs if isinstance(verbs, Cause) else ANSWER_URL_FAILED
            yield HangUp(Leg.CALLER, cause)
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


def _fallback(application: Application) -> ApplicationRequest | None:
    if not application.fallback_answer_url:
        return None
    return ApplicationRequest(
        application.fallback_answer_url, application.fallback_method, "StartApp"
    )


def _read(document: Reply | ApplicationReply) -> list[Verb] | Cause:
    """Return the verbs of a document, or why the call ends without them."""
    if not isinstance(document, ApplicationReply) or not document.is_ok:
        return ANSWER_URL_FAILED
    try:
        return parse_answer(document.text, document.content_type)
    except BadXmlError:
        return INVALID_XML


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
