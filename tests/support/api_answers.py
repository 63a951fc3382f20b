"""Answers as the views write them: every schema's name with values of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from functions.get_health import app as get_health
from masking.api import (
    erasure_views,
    gateway,
    recording_views,
    request_models,
    requests,
    session_views,
    timeline_views,
)
from masking.api.delivery_views import delivery_view
from masking.api.recording_views import RecordingLink
from masking.api.session_pages import SessionPage, sessions_view
from masking.core import problems
from masking.domain import (
    carrier_answers,
    deliveries,
    erasures,
    plivo_events,
    recording_transitions,
    sessions,
    transitions,
)
from masking.domain.calls import Call, Pin
from masking.domain.recordings import Announcement, Recording, Source
from masking.domain.sessions import EndedBy, Session, Settled, Status
from masking.plivo import errors
from masking.plivo.errors import limit_of
from masking.storage import timelines
from tests.support.payloads import read, sample
from tests.support.problems import problem_types
from tests.support.session_states import NOW, SESSION, active, reserved

API_ID = "00000000-0000-4000-8000-000000000001"
LATER = NOW + timedelta(hours=1)
DIGEST = "0" * 64

LEG = {
    "call_uuid": API_ID,
    "answer_time": "2026-03-01T12:00:05Z",
    "end_time": "2026-03-01T12:00:35Z",
    "duration": 30,
    "billed_duration": 60,
    "amount": "0.0055",
    "hangup_cause": "NORMAL_CLEARING",
    "hangup_cause_code": 4000,
    "hangup_source": "Caller",
}
INTERACTION: dict[str, Any] = {
    "start_time": "2026-03-01T12:00:00Z",
    "end_time": "2026-03-01T12:00:35Z",
    "duration": "47.5",
    "call_billed_duration": 120,
    "total_call_amount": "0.011",
    "first_party_status": "completed",
    "second_party_status": "completed",
    "first_party_leg": LEG,
    "second_party_leg": LEG,
    "recording_resource_url": f"https://api.plivo.com/v1/Recording/{API_ID}/",
}

# Each outcome, and what little Plivo may say.
INTERACTIONS: tuple[dict[str, Any], ...] = (
    INTERACTION,
    {},
    {"first_party_status": "completed"},
    {"first_party_resource_url": "https://api.plivo.com/v1/Call/unknown/"},
    *({"second_party_status": word} for word in carrier_answers.LEG_OUTCOMES),
)

# What a call of a session may be; `not_a_call` is told in events alone.
OUTCOMES = (
    *("started", "ringing", "talking", "connected", "pin_failed", "busy", "rejected"),
    *("no_answer", "cancelled", "failed", "unknown"),
)

CALLEES = ("first", "second", "unknown", None)
CALLERS = (*CALLEES, "anonymous")

# Every attribute that a create may have.
EVERYTHING: dict[str, Any] = request_models.CreateSessionRequest(
    first_party="+12025550100",
    second_party="+12025550101",
    recording_retention_days=30,
    record_file_format="wav",
    recording_callback_url="https://app.example.com/recordings",
    recording_callback_method="GET",
    callback_url="https://app.example.com/events",
    callback_method="GET",
    first_party_play_url="https://app.example.com/first.mp3",
    second_party_play_url="https://app.example.com/second.mp3",
    subaccount="SAXXXXXXXXXXXXXXXXXX",
    is_pin_authentication_required=True,
    first_party_pin="1234",
    second_party_pin="5678",
    pin_prompt_play="https://app.example.com/prompt.mp3",
    incorrect_pin_play="https://app.example.com/wrong.mp3",
    unknown_caller_play="https://app.example.com/unknown.mp3",
).model_dump()


def all_sessions() -> Iterator[Session]:
    """Yield a session in each state, one with all attributes, one that was erased."""
    for status in Status:
        yield replace(active(), status=status)
    yield reserved()
    begun = NOW - timedelta(seconds=50)
    shorter = transitions.begin_update(active(), {"session_expiry": 40}, begun)
    yield transitions.doubt(shorter)
    for by in EndedBy:
        yield replace(active(), status=Status.EXPIRED, ended_by=by, ended_time=LATER)
    yield active(presumed=True)
    yield replace(
        active(),
        asked=EVERYTHING,
        answered={
            "duration": 3600,
            "amount": "0.0055",
            "total_call_count": 2,
            "last_interaction_time": "2026-03-01T12:00:35Z",
        },
        calls=INTERACTIONS,
        settled=Settled(LATER, ("amount",)),
        totals_as_of=LATER,
    )
    yield replace(active(), asked={}, answered={}, labels={}, erased_at=LATER)


# What may be said of a file and not be so.
CONTRADICTIONS = ("format", "content_type", "size", "duration", "checksum")


def all_recordings() -> Iterator[Recording]:
    """Yield a recording in each state, and one that was never made."""
    facts: dict[str, Any] = {
        "session_uuid": SESSION,
        "tenant_id": "acme",
        "retention_days": 365,
        "source": Source.CALLBACK,
        "now": NOW,
    }
    call = {"call_uuid": API_ID, "from": "first", "to": "second"}
    times = {"started_at": "2026-03-01T12:00:00Z", "ended_at": "2026-03-01T12:00:35Z"}
    found = Announcement(
        API_ID, "https://media.example.com/a.wav", "wav", 2, call={**call, **times}
    )
    announced = recording_transitions.announce(found, **facts)
    claimed = recording_transitions.claim(announced, NOW)
    assert claimed
    judged = {"file_duration": 2, "contradictions": CONTRADICTIONS}
    findings = {"bucket": "b", "key": "k", "bytes": 5, "sha256": DIGEST, **judged}
    stored = recording_transitions.store(claimed, findings, LATER)
    deleting = recording_transitions.begin_deletion(stored, LATER)
    yield from (replace(announced, format="mp3"), claimed)
    for end, roles in (("from", CALLERS), ("to", CALLEES)):
        for role in roles:
            party = {end: role} if role else {}
            yield replace(stored, call={"call_uuid": API_ID, **party})
    yield from (stored, recording_transitions.hold(stored, held=True))
    yield from (deleting, recording_transitions.delete(deleting, LATER))
    yield recording_transitions.give_up(claimed, "unreachable", "nobody answers", LATER)
    yield recording_transitions.announce_failure(
        API_ID, reason="malformed", explanation="Plivo names no URL of it", **facts
    )


def callback(number: int, name: str, **attributes: str) -> dict[str, Any]:
    """Return the item of a callback that came."""
    return {
        "pk": f"S#{SESSION}",
        "sk": f"E#{number:064x}",
        "received_at": "2026-03-01T12:00:01.000000Z",
        "came": {"method": "POST"},
        "attributes": {
            "EventName": name,
            "EventTimestamp": f"2026-03-01 12:00:{number:02}",
            "SequenceNumber": str(number),
            "From": "12025550100",
            "To": "12025550180",
            **attributes,
        },
    }


# One call with all that may be known of it, and one of which nothing is.
CALLBACKS = [
    callback(1, "SessionPinAuthenticationStatus", PinAuthenticationStatus="success"),
    callback(2, "SessionFirstPartyAnswer"),
    callback(3, "SessionSecondPartyRing"),
    callback(4, "SessionSecondPartyAnswer"),
    callback(
        30,
        "SessionPartiesHangup",
        PlivoHangupCause="NORMAL_CLEARING",
        PlivoHangupCauseCode="4000",
        BilledDuration="60",
        Amount="0.0055",
    ),
    callback(31, "SessionRecordingCompleted", RecordingUUID=API_ID),
    callback(40, "SessionFirstPartyRing"),
    callback(41, "SessionSecondPartyAnswer", From="12025550101", To="12025550100"),
    callback(42, "SessionFirstPartyAnswer", From="12025550102", To="12025550101"),
    callback(
        43, "SessionTimeout", EventTimestamp="", SequenceNumber="", From="", To=""
    ),
    callback(44, "SessionTimeout", From="null", To="null"),
]
STORY = timelines.timeline_of(CALLBACKS, active())


def all_calls() -> Iterator[Call]:
    """Yield calls as callbacks tell them, and with each role and certainty."""
    yield from STORY.calls
    first = STORY.calls[0]
    yield replace(first, started_at=None)
    for role in CALLERS:
        yield replace(first, caller=role, hung_up_by=role)
    for role in CALLEES:
        yield replace(first, callee=role)
    for certainty in ("certain", "inferred", "settled"):
        yield replace(first, certainty=certainty)
    for outcome in OUTCOMES:
        yield replace(first, outcome=outcome)
    for word in (*plivo_events.TYPE_OF_PIN, None):
        yield replace(first, pin=Pin(word, 1) if word else None)


def all_deliveries() -> Iterator[deliveries.Delivery]:
    """Yield a delivery in each state."""
    detail = {
        "id": API_ID,
        "type": "session.created",
        "session_uuid": SESSION,
        "tenant_id": "acme",
        "webhook": "callback_url",
    }
    begun = deliveries.begin(detail, NOW)
    tried: dict[str, Any] = {"last_at": LATER, "next_at": LATER, "attempts": 1}
    for status in deliveries.Status:
        yield replace(begun, status=status)
        yield replace(begun, status=status, last_status=500, **tried)
    yield replace(begun, url_name="recording_callback_url", last_error="timeout")
    yield replace(begun, type="erasure.completed")


def all_erasures() -> Iterator[erasures.Erasure]:
    """Yield an erasure that runs, one that is complete, one that kept recordings."""
    begun = erasures.request("acme", "a hash", NOW)
    counts = dict.fromkeys(erasures.KINDS, 1)
    yield from (begun, erasures.close(begun, [], LATER))
    hook = "https://app.example.com/erased"
    yield replace(begun, callback_url=hook, callback_method="GET")
    yield erasures.close(begun, [counts], LATER)


def refusal(error: Exception, undone: str | None = None) -> dict[str, Any]:
    """Return the problem document that an error becomes."""

    @gateway.route(scope=None, undone=undone)
    def handle(_request: gateway.Request) -> gateway.Response:
        raise error

    return read(handle(sample("get_session"), None))


def all_problems() -> Iterator[dict[str, Any]]:
    """Yield a problem document for each code, and those with all that one may have."""
    for each in problem_types().values():
        yield refusal(each())
    sent = {"record": "yes", "first_party": "1", "x": {}}
    broken, _ = requests.violations_of(request_models.CreateSessionRequest, sent)
    for outcome in (
        problems.NOT_CREATED,
        problems.NOT_UPDATED,
        problems.NOT_EXPIRED,
        problems.UNKNOWN,
    ):
        yield refusal(problems.InvalidRequestError(violations=broken), outcome)


def problems_with_members() -> Iterator[dict[str, Any]]:
    """Yield problem documents with each member that only some have."""
    yield refusal(problems.ScopeMissingError(scope="sessions:read"))
    yield refusal(problems.BodyTooLargeError(limit_bytes=1))
    yield refusal(problems.VersionMismatchError(version=2))
    for quota in ("creates_per_minute", "live_sessions"):
        yield refusal(problems.QuotaExceededError(quota=quota, limit=5))
    yield refusal(problems.RecordingNotStoredError(recording_status="announced"))
    for reason in ("unreachable", None):
        yield refusal(problems.RecordingFailedError(reason=reason))
    for asked in (
        {"first_party": "+12025550100", "subaccount": "SAXXXXXXXXXXXXXXXXXX"},
        {"geomatch": False},
    ):
        yield refusal(
            errors.NumberPoolExhaustedError(carrier_status=400, **limit_of(asked))
        )
    yield refusal(errors.CarrierTimeoutError(session_uuid=SESSION), problems.UNKNOWN)


def enveloped(**answer: Any) -> dict[str, Any]:
    """Return an answer as the handlers that have no view of their own write it."""
    return {"api_id": API_ID, **answer}


def pages_of(objects: list[Any]) -> list[dict[str, Any]]:
    """Return a last page and one that others follow, as handlers write them."""
    return [
        enveloped(meta={"limit": 50, "next": after}, objects=objects)
        for after in (None, "cursor")
    ]


def answers() -> Iterator[tuple[str, Any]]:
    """Yield what the views write, with the name of its schema."""
    found = list(all_sessions())
    calls = [timeline_views.call_view(call) for call in all_calls()]
    parties = sessions.parties_of(active())
    items = {each["sk"].partition("#")[2]: each for each in CALLBACKS}
    events = [
        timeline_views.event_view(each, items[each.digest], STORY, parties)
        for each in STORY.history
    ]
    for each in found:
        shown = session_views.session_view(each, NOW)
        yield "SessionAnswer", session_views.envelope("Session updated", each, NOW)
        yield "SessionCreated", session_views.created(each, NOW)
        for before, cursor in ((0, None), (17, "cursor")):
            paged = {"calls": calls, "calls_before": before, "calls_cursor": cursor}
            yield "SessionFound", enveloped(session={**shown, **paged})
    for cursor in (None, "cursor"):
        yield (
            "SessionPage",
            sessions_view(SessionPage(tuple(found), cursor), 20, NOW),
        )
    yield from (("HistoryPage", page) for page in pages_of(events))
    made = list(all_recordings())
    for recording in made:
        link = RecordingLink("https://s3.example.com/x", LATER, "a.wav", recording)
        yield "RecordingLink", recording_views.link_view(link)
        yield "RecordingDeletion", recording_views.deletion_view(recording)
    yield "RecordingList", recording_views.list_view(made, NOW)
    sent = [delivery_view(each) for each in all_deliveries()]
    yield from (("DeliveryAnswer", enveloped(delivery=each)) for each in sent)
    yield from (("DeliveryPage", page) for page in pages_of(sent))
    yield "Health", read(get_health.lambda_handler(sample("get_health"), None))
    for erasure in all_erasures():
        yield "ErasureAnswer", erasure_views.envelope(erasure)
    yield from (("Problem", each) for each in all_problems())
    yield from (("Problem", each) for each in problems_with_members())
