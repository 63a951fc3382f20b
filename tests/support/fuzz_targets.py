"""Every parser that input from outside reaches, and what each may raise.

An app's requests, Plivo's callbacks and answers, and what servers say of files. Input
that is wrong is either told by the error named here, or read as "not known".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from hypothesis import strategies as st
from pydantic import TypeAdapter

from masking.api import (
    callback_requests,
    fields,
    gateway,
    pages,
    request_models,
    requests,
    search_requests,
    session_views,
    timeline_views,
)
from masking.api.gateway import Request
from masking.api.search_requests import parse_search
from masking.callbacks import receive
from masking.core import addresses, callers, key_space, numbering, numbers, times
from masking.core.errors import RecordingRefusedError, TargetRefusedError
from masking.core.problems import (
    FieldNotUpdatableError,
    InvalidRequestError,
    MalformedBodyError,
    NumberInUrlError,
    WebhookRefusedError,
)
from masking.domain import (
    audio_files,
    plivo_events,
    recordings,
    redaction,
    session_changes,
)
from masking.domain.callback_event import CallbackEvent
from masking.lifecycle import answer_call
from masking.plivo import (
    answers,
    callback_urls,
    client,
    json_signatures,
    recording_answers,
    signature,
    transport,
)
from masking.plivo.account import AnswerUrls, Application
from masking.plivo.download import promise_of
from masking.plivo.errors import CarrierAnswerInvalidError, CarrierError
from masking.storage.timelines import timeline_of
from masking.tenants import authorize
from masking.webhooks import ssrf_guard
from tests.support import fuzz_inputs as inputs
from tests.support.session_states import NOW, active

Raises = tuple[type[Exception], ...]

PAIR = ("+12025550100", "+442079460000")


@dataclass(frozen=True)
class Target:
    """A parser: its inputs, how it is called, and the errors that it may raise.

    *corpus* names the form in which the corpus is given to it, if it takes texts.
    """

    name: str
    inputs: st.SearchStrategy[Any]
    call: Callable[[Any], object]
    may_raise: Raises = ()
    corpus: str | None = None


def text(
    name: str, call: Callable[[Any], object], *may_raise: type[Exception]
) -> Target:
    """Return a target of any text, lone surrogates included."""
    return Target(name, inputs.texts, call, may_raise, "text")


def carried(
    name: str, call: Callable[[Any], object], *may_raise: type[Exception]
) -> Target:
    """Return a target of a text that came in UTF-8."""
    return Target(name, inputs.carried_texts, call, may_raise, "carried")


def body(
    name: str, call: Callable[[bytes], object], *may_raise: type[Exception]
) -> Target:
    """Return a target of bytes."""
    return Target(name, inputs.bodies, call, may_raise, "bytes")


def told(
    name: str, names: Any, call: Callable[[Any], object], *may_raise: type[Exception]
) -> Target:
    """Return a target of an object with these attributes."""
    return Target(name, inputs.objects(names), call, may_raise)


# Requests of apps


def sent_by_app(content: bytes) -> None:
    """Read a body, and check it as each kind of request."""
    sent = requests.read_object(content)
    for parse in (requests.parse_create, requests.parse_update, parse_search):
        try_parse(parse, sent)


def try_parse(parse: Callable[[Mapping[str, Any]], object], sent: Any) -> None:
    """Parse a body; what may be raised is a problem document without a number."""
    try:
        parse(sent)
    except (InvalidRequestError, FieldNotUpdatableError) as refused:
        for violation in refused.members["violations"]:
            assert set(violation) == {"field", "rule", "sent"}


def searched(query: str) -> None:
    """Parse a query and compute its window."""
    search_requests.parse_query(query).window(NOW)


def headed(name: str, value: str) -> Request:
    """Return a request with a header."""
    return request_of(b"", headers={name: value})


def authorized(header: str) -> object:
    """Look for the key of a header where there is none."""
    return authorize.caller_of(NoKeys(), header, NOW)  # type: ignore[arg-type]


class NoKeys:
    """Stores of a deployment without any key."""

    @property
    def tenants(self) -> NoKeys:
        """Return the store of keys."""
        return self

    def key(self, digest: str) -> None:
        """Find no key."""
        assert len(digest) == 64


CREATE = [*request_models.CreateSessionRequest.model_fields]
SEARCH = [*search_requests.Search.model_fields]

APPS = [
    body("a body", requests.read_object, MalformedBodyError),
    body("a body, checked", sent_by_app, MalformedBodyError),
    told("a create", CREATE, requests.parse_create, InvalidRequestError),
    told(
        "an update",
        CREATE,
        requests.parse_update,
        InvalidRequestError,
        FieldNotUpdatableError,
    ),
    told("a search", SEARCH, parse_search, InvalidRequestError),
    told("an erasure", ["phone_number"], requests.parse_erasure, InvalidRequestError),
    carried("a query", searched, InvalidRequestError, NumberInUrlError),
    Target(
        "a query of filters",
        st.lists(
            st.tuples(
                st.sampled_from([*SEARCH, "label.a", "label.", "labels", "label.b"]),
                st.one_of(st.sampled_from(["1", "x", ""]), inputs.carried_texts),
            ),
            max_size=5,
        ).map(urlencode),
        searched,
        (InvalidRequestError, NumberInUrlError),
    ),
    carried("a query's numbers", gateway.refuse_numbers, NumberInUrlError),
    carried("a page", pages.page_request_in, InvalidRequestError),
    carried("If-Match", lambda t: headed("if-match", t).if_match, InvalidRequestError),
    carried(
        "a key",
        lambda t: headed("idempotency-key", t).idempotency_key,
        InvalidRequestError,
    ),
    carried("an Authorization header", authorized),
    text("an address", TypeAdapter(fields.WebAddress).validate_python, ValueError),
    text("an address of audio", TypeAdapter(fields.Audio).validate_python, ValueError),
]

# Numbers and times

NUMBERS = [
    text("a number in E.164", numbers.normal, ValueError),
    text("a number of Plivo's answers", numbers.normal_or_none),
    Target("any value as a number", inputs.json_values, numbers.normal_or_none),
    Target("any value as a caller", inputs.json_values, callers.writing_of),
    Target("any value, masked", inputs.json_values, numbers.masked),
    text("a caller's names", lambda t: callers.names_of(callers.writing_of(t), PAIR)),
    text("a caller as shown", callers.shown),
    text("a number in a text", lambda t: callers.holds(t, PAIR[0])),
    text("a text that is a number", callers.is_written_number),
    text("a calling code", numbers.calling_code),
    text("a number's plan", lambda t: numbering.fault_of(f"+{t}")),
    text("a number in use", lambda t: numbering.is_in_use(f"+{t}")),
    text("a keyed hash", lambda t: numbers.hashed(b"key", t)),
    text("a time of a callback", lambda t: round_trip(times.parse_callback_time(t))),
    Target(
        "a time of an answer",
        inputs.json_values,
        lambda value: round_trip(times.parse_go_time(value)),
    ),
    text("a time of Go", lambda t: round_trip(times.parse_go_time(t))),
]


def round_trip(at: datetime | None) -> None:
    """Write a time as it is kept and read it again."""
    if at:
        assert times.parse_stamp(times.stamp(at)) == at.astimezone(UTC)
        times.rfc3339(at)


# Callbacks

ATTRIBUTES = sorted(
    plivo_events.NOT_PERSONAL | plivo_events.PERSONAL | plivo_events.ADDRESSES
)
EVENTS = st.sampled_from([*plivo_events.TYPE_OF_EVENT, plivo_events.PIN, "Other"])
callbacks = st.builds(
    lambda event, told: {**told, "EventName": event},
    EVENTS,
    inputs.objects(ATTRIBUTES, inputs.texts.map(lambda t: t[:6_000])),
)


def read_body(content_type: str) -> Callable[[bytes], object]:
    """Return what reads a callback's body of a type."""

    def read(content: bytes) -> object:
        pairs = callback_requests.pairs_of(content_type, content, "")
        callback_requests.attributes_of(pairs)
        return callback_requests.digest_of(pairs)

    return read


def request_of(content: bytes, **more: Any) -> Request:
    """Return a request with a body."""
    given = {
        "method": "POST",
        "path": "/v1/plivo/answer",
        "query": "",
        "headers": {"x-plivo-signature-v3": "x", "x-plivo-signature-v3-nonce": "n"},
        "parameters": {},
        "body": content,
        "domain": "masks.example.com",
        "request_id": "",
        "tenant_id": "",
        "scopes": frozenset(),
        **more,
    }
    return Request(**given)


def signed(header: str) -> object:
    """Verify a signature that came in headers."""
    headers = {
        "x-plivo-signature-v3": header,
        "x-plivo-signature-ma-v3": header,
        "x-plivo-signature-v3-nonce": header,
    }
    texts = {"form": signature.signed_text("POST", f"https://h/?{header}", [])}
    return signature.proof_of(texts, headers, ["token"])


def answered_call(content: bytes) -> None:
    """Find out what a request for the answer to a call is; nothing is signed."""

    def no_stores() -> Any:
        raise AssertionError("what is not signed is not remembered")

    flow = answer_call.AnswerCall("", lambda: ["token"], no_stores, lambda: NOW)
    assert flow.kind_of(request_of(content)) == answer_call.UNSIGNED


def told_of(attributes: Mapping[str, str]) -> None:
    """Do all that is done with a callback that is kept."""
    event = CallbackEvent("a" * 64, attributes, times.stamp(NOW))
    assert times.parse_stamp(event.occurred_at).year >= times.FIRST_YEAR
    assert event.order
    session = active()
    item = {
        "pk": "S#1",
        "sk": f"E#{event.digest}",
        "attributes": dict(attributes),
        "received_at": times.stamp(NOW),
    }
    known = timeline_of([item, {**item, "sk": f"E#{'b' * 64}"}], session)
    assert known.amount.is_finite()
    for call in known.calls:
        assert len(str(timeline_views.call_view(call))) < 40_000
    timeline_views.event_view(event, item, known, {"first": PAIR[0]})
    session_changes.strangers_in(event, session)
    session_changes.known_since(event)
    plivo_events.type_of(attributes)
    plivo_events.without_personal_data(attributes)
    redaction.redacted_attributes(attributes, {"first": PAIR[0], "second": None})


PLIVO_CALLS = [
    body("a form", read_body(""), MalformedBodyError),
    body("a form in Latin-1", read_body("x; charset=latin-1"), MalformedBodyError),
    body("a JSON callback", read_body("application/json"), MalformedBodyError),
    carried(
        "a callback's query",
        lambda query: callback_requests.pairs_of("", b"", query),
        MalformedBodyError,
    ),
    carried(
        "a type of content",
        lambda t: callback_requests.pairs_of(t, b"a=1", ""),
        MalformedBodyError,
    ),
    body(
        "what may be signed",
        lambda content: receive.readings(
            request_of(content, headers={"content-type": "application/json"}),
            "https://h/x?a=1",
        ),
    ),
    body(
        "what may be signed of a form",
        lambda content: receive.readings(request_of(content), "https://h/x?a=1"),
    ),
    text("a signature", signed),
    body("a JSON body that is signed", lambda b: json_signatures.texts_of("u", b)),
    body("a call to be answered", answered_call),
    text("a call's name", key_space.answered_key),
    carried(
        "a path",
        lambda p: receive.address_in(request_of(b"", path=p)),
        WebhookRefusedError,
    ),
    text("a URL of ours", lambda u: callback_urls.attempt_in(u, b"key", "x")),
    Target("a callback that is kept", callbacks, told_of),
    Target(
        "an announcement",
        callbacks,
        recordings.announcement_of,
        (RecordingRefusedError,),
    ),
    text("a resource's name", plivo_events.uuid_in_url),
]

# Plivo's answers

SESSION = [*answers.SETTINGS, *answers.TOTALS, "session_uuid", "expiry_time"]
RESOURCE = ["recording_url", "recording_format", "recording_duration_ms", "from_number"]
LEG = [theirs for theirs, _ in answers.LEG]


def answered(session: Mapping[str, Any]) -> None:
    """Clean a session and show it."""
    cleaned = answers.clean_session(
        {"session_uuid": "550e8400-e29b-41d4-a716-446655440000", **session}
    )
    given = {**cleaned.settings, **cleaned.totals}
    for name in ("created_time", "modified_time", "expiry_time"):
        round_trip(getattr(cleaned, name))
    calls = given.pop("interaction", None) or []
    shown = session_views.session_view(active(answered=given, calls=calls), NOW)
    assert len(str(shown)) < 400_000


def listed(answer: Mapping[str, Any]) -> object:
    """Read a page of a listing."""
    return client.page_in(answer)


def sent_back(status: int) -> Callable[[bytes], object]:
    """Return what reads an answer of a status."""

    def read(content: bytes) -> object:
        headers = {"Retry-After": content.decode("latin-1")}
        return transport.read_answer(status, content, headers)

    return read


def amounts(values: list[Any]) -> None:
    """Add up amounts of Plivo's."""
    cleaned = [answers.clean_session(named(value)).totals for value in values]
    sum((Decimal(each.get("total_call_amount", "0")) for each in cleaned), Decimal(0))


def named(value: Any) -> dict[str, Any]:
    """Return a session with an amount."""
    return {
        "session_uuid": "550e8400-e29b-41d4-a716-446655440000",
        "total_call_amount": value,
    }


PLIVO_ANSWERS = [
    told("a session", SESSION, answered, CarrierAnswerInvalidError),
    told("a leg", LEG, answers.clean_leg),
    told(
        "recorded calls",
        ["interaction"],
        lambda each: list(recording_answers.recorded_calls(each)),
    ),
    told(
        "interactions",
        [*answers.INTERACTION, "recording_resource_url"],
        lambda each: answered({"interaction": [each, each]}),
    ),
    told("a recording", RESOURCE, lambda r: recording_answers.resource_from("x", r)),
    told("a page of sessions", ["response", "meta"], listed, CarrierAnswerInvalidError),
    told(
        "where the next page is",
        ["next", "offset"],
        lambda meta: listed({"response": {"objects": [], "meta": meta}}),
        CarrierAnswerInvalidError,
    ),
    text(
        "what Plivo says of the next page",
        lambda t: listed({"response": {"objects": [], "meta": {"next": t}}}),
        CarrierAnswerInvalidError,
    ),
    text(
        "the answer URL of an application",
        lambda t: AnswerUrls("a", "b").are_in(Application("1", "n", t, "POST", t)),
    ),
    Target("amounts", st.lists(inputs.scalars, max_size=3), amounts),
    *(
        body(f"an answer {status}", sent_back(status), CarrierError)
        for status in (200, 204, 302, 400, 403, 404, 429, 500)
    ),
]

# Servers

HEADERS = ["Content-Length", "Content-MD5", "ETag", "x-amz-server-side-encryption"]


def vetted(url: str) -> object:
    """Vet a URL; names resolve to a public address, as far as they can be encoded."""
    return ssrf_guard.vet(url, resolve=resolve)


def resolve(host: str, _port: int) -> list[str]:
    """Resolve a name as the resolver does, without asking anybody."""
    addresses.dialable(host)
    return ["192.0.2.1"]


SERVERS = [
    Target("headers of a file", inputs.objects(HEADERS, inputs.texts), promise_of),
    text("a URL of an app", vetted, TargetRefusedError, OSError),
    text("a host name", addresses.dialable, OSError),
    text("an address of a host", addresses.is_public),
    body("the start of a wav file", lambda b: audio_files.seconds_of("wav", b, 10**6)),
    body("the start of an mp3 file", lambda b: audio_files.seconds_of("mp3", b, 10**6)),
    body("whether it is whole", lambda b: audio_files.judge("wav", b, 99, 3)),
]

TARGETS = [*APPS, *NUMBERS, *PLIVO_CALLS, *PLIVO_ANSWERS, *SERVERS]
