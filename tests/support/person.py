"""A person who leaves traces everywhere: a number, and what comes with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from masking.api.gateway import Request
from masking.core import numbers
from masking.domain import (
    deliveries,
    recording_transitions,
    recordings,
    sessions,
    transitions,
)
from masking.domain.recordings import Announcement, Recording, Source
from masking.domain.sessions import Session
from masking.plivo import callback_urls
from masking.storage.deliveries import delivery_item
from tests.support.harness import TENANT, Harness
from tests.support.harness_services import CALLBACK_KEY, NUMBER_KEY

PERSON = "+12025550142"
OTHER = "+12025550143"
STRANGER = "+12025550144"

# What belongs to the person beside the number; none of it may stay.
NAME = "Ada Example"
PIN = "770142"
ADDRESS = "https://app.example.com/customers/ada-example?phone=%2B12025550142"

AUDIO_ADDRESS = "https://app.example.com/ada-example/hi.mp3?phone=%2B12025550142"

MARKS = (NAME, PIN, "ada-example", "phone=%2B")

AUDIO = b"ID3\x04" + bytes(200)

# What an app asks for a session of the person.
ASKED: dict[str, Any] = {
    "callback_url": ADDRESS,
    "first_party_play_url": AUDIO_ADDRESS,
    "is_pin_authentication_required": True,
    "first_party_pin": PIN,
    "second_party_pin": "880143",
    "pin_prompt_play": "https://app.example.com/pin.mp3",
    "labels": {"customer": NAME, "order_id": "A-17"},
    "record": True,
}

# What Plivo tells of the end of a call.
HANGUP = {
    "EventName": "SessionFirstPartyHangup",
    "From": PERSON,
    "To": OTHER,
    "EventTimestamp": "2026-11-23 10:00:00",
    "SequenceNumber": "5",
    "FirstParty": PERSON,
    "Digits": "770142",
}


def reserve_only(harness: Harness, **asked: Any) -> Session:
    """Let the function die that creates a session, before it has asked Plivo."""
    session = transitions.reserve(
        session_uuid=sessions.session_uuid_for(TENANT, None),
        tenant_id=TENANT,
        asked={"first_party": PERSON, "second_party": OTHER, **asked},
        labels={"customer": NAME},
        base_url="https://masks.example.com",
        now=harness.now(),
    )
    harness.stores.sessions.reserve(session)
    return session


def add_strangers_call(
    harness: Harness, session: Session, number: str = PERSON
) -> None:
    """Keep a callback of a call by somebody who is no party."""
    attributes = {
        "EventName": "SessionFirstPartyInitiated",
        "From": number,
        "To": str(session.virtual_number),
        "EventTimestamp": harness.now().strftime("%Y-%m-%d %H:%M:%S"),
        "SessionUUID": str(session.carrier_session_uuid),
        "SequenceNumber": "1",
        "Caller": f"name of {number}",
        "Digits": PIN,
    }
    harness.put_callback(session, attributes)


def put_recording(
    harness: Harness, session: Session, number: int, state: str
) -> Recording:
    """Put a recording into a state, with its file in two versions if it has one."""
    now = harness.now()
    begun = recording_transitions.announce(
        Announcement(
            f"00000000-0000-4000-8000-{number:012d}",
            f"https://media.plivo.com/{PERSON}/{number}.mp3",
            "mp3",
            3,
        ),
        session_uuid=session.session_uuid,
        tenant_id=TENANT,
        retention_days=1,
        source=Source.CALLBACK,
        now=now - timedelta(days=2) if state == "hidden" else now,
    )
    key = recordings.key_of(
        begun,
        tenant_id=TENANT,
        session_uuid=session.session_uuid,
        day=begun.announced_at,
    )
    claimed = recording_transitions.claim(begun, now)
    assert claimed
    findings = {"bucket": harness.bucket.name, "key": key, "bytes": len(AUDIO)}
    stored = recording_transitions.store(claimed, findings, now)
    made = {
        "announced": begun,
        "storing": claimed,
        "stored": stored,
        "hidden": stored,
        "held": recording_transitions.hold(stored, held=True),
        "failed": recording_transitions.give_up(claimed, "gone", "it is gone", now),
        "deleting": recording_transitions.begin_deletion(stored, now),
        "deleted": recording_transitions.delete(stored, now),
    }[state]
    if made.key:
        for _ in range(2):
            harness.s3.put_object(Bucket=harness.bucket.name, Key=key, Body=AUDIO)
    harness.stores.recordings.link(made)
    harness.stores.recordings.add(made)
    return made


def put_delivery(harness: Harness, session: Session, number: int) -> None:
    """Keep how an event was sent to the app."""
    detail = {
        "session_uuid": session.session_uuid,
        "tenant_id": session.tenant_id,
        "id": f"00000000-0000-5000-8000-{number:012d}",
        "type": "call.ended",
        "webhook": "callback_url",
        "callback": "f" * 64,
    }
    delivery = deliveries.begin(detail, harness.now())
    harness.stores.deliveries.put(
        session.session_uuid, detail["id"], delivery_item(delivery), harness.now()
    )


def hashes_of(number: str) -> str:
    """Return the keyed hash of a number."""
    return numbers.hashed(NUMBER_KEY, number)


def as_another_tenants(session: Session, tenant: str) -> Session:
    """Return a session like another, of another tenant."""
    return replace(
        session,
        session_uuid=sessions.session_uuid_for(tenant, None),
        tenant_id=tenant,
        carrier_session_uuid="7b6a4f6e-3a52-4f3e-9a0b-52c1f6f2a1aa",
    )


def erase_person(harness: Harness) -> None:
    """Ask for the person to be erased, and let it be done."""
    harness.request_erasure(PERSON)
    harness.run_until_idle()


def receive_callback(
    harness: Harness, session: Session, attributes: dict[str, str]
) -> bool:
    """Take a callback as the function does."""
    token = callback_urls.token_for(CALLBACK_KEY, session.session_uuid, 1)
    request = Request(
        method="POST",
        path=callback_urls.path_for(session.session_uuid, 1, token, "events"),
        query="",
        headers={"content-type": "application/x-www-form-urlencoded"},
        parameters={},
        body=urlencode(attributes).encode(),
        domain="",
        request_id="",
        tenant_id="",
        scopes=frozenset(),
    )
    return harness.services.on_session_event.receive(request)
