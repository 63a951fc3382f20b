"""Every event is as its schema says, with one id, and on the bus if it is wanted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.on_session_event import app as on_session_event
from masking.domain import (
    bus_events,
    erasures,
    recording_transitions,
    sessions,
    transitions,
)
from masking.domain.recordings import Announcement, Recording, Source
from masking.domain.session_changes import AFTER_END
from masking.domain.told_calls import CORRECTED
from masking.lifecycle import settlement
from masking.wiring import Services
from stack.aws.package import read_template
from stack.environments import ROOT
from tests.support import pin_sessions
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment
from tests.support.event_schemas import TYPES, check_event
from tests.support.publishing import (
    NUMBERS,
    post_all,
    publish,
)
from tests.support.raw_callbacks import (
    FIRST,
    active_session,
    answer_of,
    path_of,
    signed_form,
)
from tests.support.simulated_calls import STRANGER, play

PIN = {
    "is_pin_authentication_required": True,
    "first_party_pin": "1234",
    "second_party_pin": "5678",
    "pin_prompt_play": "https://app.example.com/prompt.mp3",
}


def _check(event: dict[str, Any]) -> None:
    check_event(event)
    text = json.dumps(event)
    assert not [number for number in NUMBERS if number in text], event["type"]


def _settle_and_repair(services: Services, session_uuid: str, now: datetime) -> None:
    """Mend an expired session, and take Plivo's totals for it."""
    expired = services.stores.sessions.load(session_uuid)
    assert expired
    repaired = transitions.note(expired, "orphan_removed")
    services.stores.sessions.replace(expired, repaired)
    totals = {"amount": "0.0055", "total_call_count": 2, "total_call_amount": "0.011"}
    answer = replace(answer_of(expired), status="expired", totals=totals)
    changed = settlement.changes_of(repaired, answer)
    services.stores.sessions.replace(
        repaired,
        transitions.settle(repaired, answer, changed, now + timedelta(hours=1)),
    )


def _live_recordings(
    services: Services, session: sessions.Session, now: datetime
) -> None:
    """Take one recording through all of its life, others through less of it."""
    stores = services.stores
    found = Announcement(
        recording_uuid="00000000-0000-4000-8000-0000000000aa",
        url="https://media.example.com/a.wav",
        format="wav",
        duration=2,
        call={
            "call_uuid": "00000000-0000-4000-8000-0000000000ab",
            "started_at": "2026-03-01T12:00:00Z",
            "from": "first",
            "to": "second",
        },
    )
    facts: dict[str, Any] = {
        "session_uuid": session.session_uuid,
        "tenant_id": session.tenant_id,
        "retention_days": 365,
        "source": Source.CARRIER,
        "now": now,
    }
    announced = recording_transitions.announce(found, **facts)
    findings = {"bucket": "b", "key": "k", "bytes": 5, "sha256": "0" * 64}

    def claimed(before: Recording) -> Recording:
        after = recording_transitions.claim(before, now)
        assert after
        return after

    steps: list[Callable[[Recording], Recording]] = [
        recording_transitions.nudge,
        claimed,
        lambda each: recording_transitions.give_up(
            each, "unreachable", "nobody answers", now
        ),
        claimed,
        lambda each: recording_transitions.store(each, findings, now),
        lambda each: recording_transitions.begin_deletion(each, now),
        lambda each: recording_transitions.delete(each, now),
    ]
    stores.recordings.add(announced)
    current = announced
    for step in steps:
        after = step(current)
        stores.recordings.replace(current, after)
        current = after
    # Plivo did not say how long it is, nor whose.
    name = "00000000-0000-4000-8000-0000000000ac"
    bare = replace(found, recording_uuid=name, duration=None, call={})
    unknown = recording_transitions.announce(bare, **facts)
    stores.recordings.add(unknown)
    stored = recording_transitions.store(unknown, findings, now)
    stores.recordings.replace(unknown, stored)
    services.bus.put([bus_events.event_of_access(stored, "a-request", now)])
    # Never stored, and of a session that is no longer kept.
    failed = recording_transitions.announce_failure(
        "00000000-0000-4000-8000-0000000000ad",
        reason="malformed",
        explanation="Plivo names no URL of it",
        **{**facts, "session_uuid": "00000000-0000-4000-8000-0000000000ae"},
    )
    stores.recordings.add(failed)
    stores.recordings.replace(failed, recording_transitions.delete(failed, now))


def _forget_somebody(services: Services, now: datetime) -> None:
    """Complete the erasure of a number of which there was nothing."""
    stores = services.stores
    erasure = erasures.request("acme", "the hash of a number", now)
    stores.erasures.begin(erasure, None)
    stores.erasures.put(erasures.close(erasure, [], now))


def _share_pins(services: Services, now: datetime) -> None:
    """Let two sessions have the same PINs at one virtual number."""
    clock = Clock(now)
    for digit in "12":
        name = f"{digit * 8}-2b1c-4d7b-8a51-2f6e5c4b3a29"
        session = pin_sessions.confirmed(
            services.stores,
            clock,
            pin_sessions.NUMBER,
            name,
            lambda each: transitions.repaired(each, "create_adopted"),
        )
        assert pin_sessions.claims(services, session, clock) is (digit == "1")


def test_every_event_is_as_its_schema_says_and_names_no_number(
    deployment: Deployment, services: Services
) -> None:
    session = active_session(services, callback_url="https://app.example.com/hooks")
    call = {"from": FIRST, "gap": 0, "talk_seconds": 2, "ring_seconds": 1}
    told = [
        play(
            [call, {**call, "from": STRANGER, "digits": ["0", "0"], "replace": True}],
            switches={"generation": generation, "attributes": attributes},
            settings=settings,
        )
        for generation, attributes, settings in (
            ("current", "relevant", {**PIN, "record": True}),
            ("2023", "all", {"record": True}),
            ("2024", "all", {}),
        )
    ]
    for each in told:
        post_all(services, session, each)
    for name in ("SessionRecordingFailed", "SessionSomethingNew"):
        form = [("EventName", name), ("From", "12025550100"), ("Hint", "12025550101")]
        request = signed_form(path_of(services, session), form)
        on_session_event.lambda_handler(request, None)
    for number, status in enumerate(["failed"] * 5 + ["success", "", "authorized"]):
        failure = [
            ("EventName", "SessionPinAuthenticationStatus"),
            ("PinAuthenticationStatus", status),
            ("From", "12025550166"),
            ("SequenceNumber", str(900 + number)),
        ]
        request = signed_form(path_of(services, session), failure)
        on_session_event.lambda_handler(request, None)
    now = datetime.now(UTC)
    begun = transitions.begin_update(session, {"record": True}, now)
    done = replace(
        transitions.finish_update(begun, None),
        answered={**begun.answered, "record": True},
    )
    services.stores.sessions.replace(session, begun)
    services.stores.sessions.replace(begun, done)
    services.stores.sessions.replace(done, transitions.expire(done, now))
    _settle_and_repair(services, session.session_uuid, now)
    _live_recordings(services, session, now)
    _forget_somebody(services, now)
    _share_pins(services, now)

    # What a callback tells of a recording is in the stream once it was published.
    publish(deployment, publish(deployment))

    published = deployment.published()
    for event in published:
        _check(event)
    kinds = {event["type"] for event in published}
    # A correction needs an end that was told before: see test_calls_told.
    assert kinds == TYPES - {CORRECTED, AFTER_END}


def test_an_id_is_the_same_whenever_the_event_is_published(
    deployment: Deployment, services: Services
) -> None:
    session = active_session(services)
    told = play([{"from": FIRST, "gap": 0}], switches={}, settings={})
    post_all(services, session, told)

    publish(deployment)
    first = Counter(each["id"] for each in deployment.published())
    publish(deployment)
    second = Counter(each["id"] for each in deployment.published())

    assert first == second
    assert set(first.values()) == {1}


@pytest.mark.parametrize(
    ("wanted", "url", "expected"),
    [
        ("*", None, {"session.created", "call.started"}),
        ("", None, set()),
        ("call.started", None, {"call.started"}),
        ("", "https://app.example.com/x", {"session.created", "call.started"}),
    ],
)
def test_nothing_is_put_on_the_bus_that_no_rule_wants(
    deployment: Deployment,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    wanted: str,
    url: str | None,
    expected: set[str],
) -> None:
    monkeypatch.setenv("BUS_EVENTS", wanted)
    session = active_session(services, **({"callback_url": url} if url else {}))
    form = [("EventName", "SessionFirstPartyAnswer")]
    on_session_event.lambda_handler(signed_form(path_of(services, session), form), None)

    publish(deployment)

    published = deployment.published()
    assert {each["type"] for each in published} == expected
    assert {each.get("webhook") for each in published} <= {
        "callback_url" if url else None
    }


def test_what_a_rule_of_the_template_wants_is_put_on_the_bus_whoever_else_does(
    deployment: Deployment, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources = read_template(ROOT / "template.yaml")["Resources"].values()
    patterns = [
        each["Properties"]["EventPattern"]
        for each in resources
        if each["Type"] == "AWS::Events::Rule" and "EventPattern" in each["Properties"]
    ]
    by_type = {kind for each in patterns for kind in each.get("detail-type", ())}
    monkeypatch.setenv("BUS_EVENTS", "")
    session = active_session(services)
    _live_recordings(services, session, datetime.now(UTC))

    publish(deployment)

    published = {each["type"] for each in deployment.published()}
    assert published == by_type | {"recording.accessed"}
