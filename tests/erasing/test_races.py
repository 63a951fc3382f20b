"""What was on its way when a person was forgotten brings nothing back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from masking.api import callback_requests, timeline_views
from masking.api.erasure_views import erasure_view
from masking.api.gateway import Request
from masking.core import key_space
from masking.core.errors import ErasureNotReadyError, StaleStateError
from masking.domain import recordings, redaction, transitions
from masking.domain.sessions import Session, Status
from masking.plivo import callback_urls
from masking.plivo.errors import CarrierError
from masking.recording.announce import Announcer
from masking.storage import timelines
from masking.webhooks.deliver_webhook import DeliverWebhook
from tests.ending.world import TENANT
from tests.erasing.test_forgetting import ASKED, EVERYWHERE
from tests.erasing.world import (
    MARKS,
    OTHER,
    PERSON,
    STRANGER,
    ErasingWorld,
    as_another_tenants,
    hashes_of,
    traces,
)
from tests.support.harness_services import CALLBACK_KEY

TOLD = {
    "EventName": "SessionFirstPartyHangup",
    "From": PERSON,
    "To": OTHER,
    "EventTimestamp": "2026-11-23 10:00:00",
    "SequenceNumber": "5",
    "FirstParty": PERSON,
    "Digits": "770142",
}


@pytest.fixture
def session(world: ErasingWorld) -> Session:
    """Create a session of the person, which the stream has been told of."""
    made = world.create(first_party=PERSON, second_party=OTHER, **ASKED)
    world.publish()
    return made


def forget(world: ErasingWorld) -> None:
    """Ask for the person to be forgotten, and let it be done."""
    world.ask()
    world.run()


def nothing_is_left(world: ErasingWorld) -> None:
    """See that nothing of the person is found."""
    assert traces(world.everything(), EVERYWHERE) == []
    assert traces({"table": world.everything()["table"]}, set(MARKS)) == []


# Callbacks


def receive(world: ErasingWorld, session: Session, told: dict[str, str]) -> bool:
    """Take a callback as the function does."""
    from urllib.parse import urlencode

    token = callback_urls.token_for(CALLBACK_KEY, session.session_uuid, 1)
    request = Request(
        method="POST",
        path=callback_urls.path_for(session.session_uuid, 1, token, "events"),
        query="",
        headers={"content-type": "application/x-www-form-urlencoded"},
        parameters={},
        body=urlencode(told).encode(),
        domain="",
        request_id="",
        tenant_id="",
        scopes=frozenset(),
    )
    return world.services.on_session_event.receive(request)


def test_a_callback_that_comes_later_is_kept_blanked(
    world: ErasingWorld, session: Session
) -> None:
    forget(world)

    assert receive(world, session, TOLD)
    world.run()

    [kept] = world.stores.callbacks.of_session(session.session_uuid)
    assert kept["attributes"] == {
        name: TOLD[name] for name in ("EventName", "EventTimestamp", "SequenceNumber")
    }
    nothing_is_left(world)


def test_a_callback_that_is_repeated_later_is_still_known(
    world: ErasingWorld, session: Session
) -> None:
    assert receive(world, session, TOLD)
    forget(world)

    assert not receive(world, session, TOLD)

    [kept] = world.stores.callbacks.of_session(session.session_uuid)
    # The hash of all attributes would tell whoever guesses the number.
    assert kept["sk"] != f"E#{callback_requests.digest_of(list(TOLD.items()))}"


def test_a_callback_kept_by_who_did_not_know_is_blanked_behind_it(
    world: ErasingWorld, session: Session
) -> None:
    forget(world)
    world.hand_over(session, TOLD)

    world.run()

    [kept] = world.stores.callbacks.of_session(session.session_uuid)
    assert kept["erased"]
    nothing_is_left(world)


def test_the_calls_of_an_erased_session_still_fold(
    world: ErasingWorld, session: Session
) -> None:
    world.call(session, talk_seconds=30)
    world.advance(minutes=2)
    world.tell(session)
    world.publish()
    before = told_of(world, session)

    forget(world)

    after = told_of(world, session)
    assert before
    assert before[0]["caller"] == "first"
    assert after == before


def told_of(world: ErasingWorld, session: Session) -> list[dict[str, Any]]:
    """Give the calls of a session as callbacks tell them."""
    whole = world.stores.sessions.load_whole(session.session_uuid)
    assert whole
    told = timelines.timeline_of(whole.callbacks, whole.session)
    return [timeline_views.call_view(call) for call in told.calls]


# Links


def test_a_session_whose_link_is_written_late_is_erased_then(
    world: ErasingWorld,
) -> None:
    late = world.create(first_party=PERSON, second_party=OTHER, **ASKED)
    backlog = world.take()
    erasure = world.ask()
    world.run()
    assert world.proof(erasure).found["sessions"] == 0
    completed_at = world.proof(erasure).completed_at

    world.publish_records(backlog)
    world.run()

    assert world.load(late).erased_at
    proof = world.proof(erasure)
    assert (proof.found["sessions"], proof.completed_at) == (1, completed_at)
    assert len(world.bus.of("erasure.completed")) == 1
    nothing_is_left(world)


def test_a_strangers_call_that_becomes_known_late_is_erased_then(
    world: ErasingWorld,
) -> None:
    called = world.create(first_party=OTHER, second_party=STRANGER)
    world.stranger_calls(called)
    backlog = world.take()
    forget(world)

    world.publish_records(backlog)
    world.run()

    assert world.load(called).erased_at
    nothing_is_left(world)


def test_a_stranger_who_calls_after_the_request_is_new(world: ErasingWorld) -> None:
    called = world.create(first_party=OTHER, second_party=STRANGER)
    world.publish()
    forget(world)
    world.advance(seconds=1)

    world.stranger_calls(called)
    world.run()
    assert world.load(called).erased_at is None

    world.advance(seconds=1)
    forget(world)
    assert world.load(called).erased_at


def test_a_create_that_fails_late_is_erased_then(world: ErasingWorld) -> None:
    reserved = world.reserve()
    world.stores.sessions.replace(
        reserved, replace(transitions.fail(reserved), lease_until=None)
    )
    backlog = world.take()
    forget(world)

    world.publish_records(backlog)
    world.run()

    assert world.load(reserved).erased_at
    nothing_is_left(world)


def test_an_older_change_that_is_published_late_links_nothing(
    world: ErasingWorld,
) -> None:
    session = world.create(first_party=PERSON, second_party=OTHER, **ASKED)
    backlog = world.take()
    world.publish_records(backlog)
    forget(world)

    world.publish_records(backlog)
    world.run()

    links = [item["pk"] for item in world.export() if item["pk"][:2] in ("P#", "L#")]
    assert links == [key_space.party_key(TENANT, hashes_of(OTHER))]
    assert world.bus.of("session.created")[-1]["labels"] == {}
    assert world.load(session).erased_at


def test_the_news_of_a_session_that_was_purged_links_nothing(
    world: ErasingWorld,
) -> None:
    session = world.create(first_party=PERSON, second_party=OTHER)
    backlog = world.take()
    world.stores.table.delete(
        key_space.session_key(session.session_uuid), key_space.STATE
    )

    world.publish_records(backlog)

    assert len(world.bus.of("session.created")) == 1
    assert not any(item["pk"].startswith("P#") for item in world.export())


def test_what_others_have_in_doubt_is_left(world: ErasingWorld) -> None:
    others = world.reserve(first_party=STRANGER)
    theirs = as_another_tenants(world.reserve(), "umbrella")
    world.stores.sessions.reserve(theirs)
    world.advance(seconds=61)
    found = [each.session_uuid for each in world.eraser().in_doubt()]
    assert {others.session_uuid, theirs.session_uuid} < set(found)

    forget(world)

    assert world.load(others).erased_at is None
    assert world.load(theirs).erased_at is None


def test_an_update_in_doubt_that_adds_the_person_is_found(world: ErasingWorld) -> None:
    session = world.create(
        first_party=OTHER, second_party=None, create_session_with_single_party=True
    )
    world.publish()
    world.control("PUT", "faults", {"update_5xx_after_commit": {"times": 1}})
    with pytest.raises(CarrierError):
        world.update(session, second_party=PERSON)
    world.checks.messages.clear()
    erasure = world.ask()

    world.run()

    assert world.load(session).erased_at
    assert world.proof(erasure).found["sessions"] == 1
    nothing_is_left(world)


# Recordings and Plivo's records


def test_a_recording_that_is_announced_by_who_did_not_know_is_deleted(
    world: ErasingWorld, session: Session
) -> None:
    forget(world)
    world.bus.events.clear()
    told = {
        "EventName": "SessionRecordingCompleted",
        "RecordingUUID": "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c",
        "RecordingURL": "https://media.plivo.com/x.mp3",
    }
    Announcer(world.stores, world.now, 365).from_callback(told, "a" * 64, session)

    world.run()

    [kept] = world.stores.recordings.of_session(session.session_uuid)
    assert kept.status is recordings.Status.DELETED
    assert world.bus.of("recording.announced") == []


@pytest.mark.parametrize("is_told", [True, False])
def test_what_is_recorded_until_the_end_is_deleted_at_plivo(
    world: ErasingWorld, session: Session, *, is_told: bool
) -> None:
    world.call(session, talk_seconds=40)
    world.advance(seconds=20)
    forget(world)
    world.advance(minutes=2)
    if is_told:
        for callback in world.simulator.store.callbacks_of[
            str(session.carrier_session_uuid)
        ]:
            receive(world, session, {k: str(v) for k, v in callback.attributes.items()})
        world.run()

    world.quarters(30)

    left = world.control("GET", "recordings", None)["recordings"]
    assert [each for each in left if not each["deleted"]] == []
    assert world.stores.recordings.of_session(session.session_uuid) == []
    assert world.load(session).settled
    nothing_is_left(world)


def test_a_settlement_that_set_out_before_writes_nothing(
    world: ErasingWorld, session: Session
) -> None:
    world.end(session)
    before = world.load(session)
    forget(world)

    with pytest.raises(StaleStateError):
        world.stores.sessions.put_snapshot(before, {"calls": [{"from": PERSON}]}, None)
    with pytest.raises(StaleStateError):
        world.stores.sessions.replace(
            before, transitions.settle(before, None, (), world.now())
        )

    nothing_is_left(world)


def test_a_settlement_after_keeps_accounting_alone(
    world: ErasingWorld, session: Session
) -> None:
    world.call(session, talk_seconds=30)
    world.advance(minutes=2)
    forget(world)

    world.quarters(4)

    settled = world.load(session)
    assert settled.settled
    assert settled.answered["total_call_count"] > 0
    assert set(settled.answered) <= redaction.ACCOUNTING
    [call] = settled.calls
    assert set(call) <= redaction.CALL | set(redaction.LEGS)
    assert call["first_party_leg"]["duration"] > 0
    assert set(call["first_party_leg"]) <= redaction.LEG


def test_a_snapshot_from_before_is_blanked(
    world: ErasingWorld, session: Session
) -> None:
    world.call(session, talk_seconds=30)
    world.advance(minutes=11)
    world.sweep()
    world.quarters(4)
    assert world.load(session).calls[0]["first_party_leg"]["call_uuid"]

    forget(world)

    [call] = world.load(session).calls
    assert "call_uuid" not in call["first_party_leg"]
    assert call["duration"]


# Legal hold


def test_held_recordings_are_kept_counted_and_deleted_when_they_are_let_go(
    world: ErasingWorld, session: Session
) -> None:
    from operate.hold import hold

    world.record(session, 1, "stored")
    hold(world.stores, world.bucket, session.session_uuid, held=True)
    erasure = world.ask()
    world.run()
    proof = world.proof(erasure)
    assert (proof.found["recordings"], proof.found["held_recordings"]) == (0, 1)
    assert erasure_view(proof)["remains"][-1]["what"] == "held_recordings"
    assert len(world.versions()) == 2
    assert world.load(session).settings.get("first_party") is None

    hold(world.stores, world.bucket, session.session_uuid, held=False)
    world.advance(seconds=1)
    again = world.ask()
    world.run()

    assert again != erasure
    assert world.proof(again).found["recordings"] == 1
    assert world.versions() == []


def test_a_recording_that_is_held_by_itself_is_kept(
    world: ErasingWorld, session: Session
) -> None:
    world.record(session, 1, "held")
    world.record(session, 2, "stored")
    erasure = world.ask()

    world.run()

    assert world.proof(erasure).found["held_recordings"] == 1
    assert len(world.versions()) == 2


def test_the_recording_of_a_held_session_is_still_taken(
    world: ErasingWorld, session: Session
) -> None:
    world.stores.recordings.put_hold(session.session_uuid, held=True)
    world.call(session, talk_seconds=10)
    world.advance(minutes=1)
    forget(world)

    world.quarters(30)

    [kept] = world.stores.recordings.of_session(session.session_uuid)
    assert kept.held
    assert kept.status is recordings.Status.ANNOUNCED


# Sessions that are not at rest


@pytest.mark.parametrize(
    "fault", ["delete_5xx_before_commit", "delete_reset_after_commit"]
)
def test_an_ending_of_unknown_outcome_is_tried_until_it_is_known(
    world: ErasingWorld, session: Session, fault: str
) -> None:
    world.control("PUT", "faults", {fault: {"times": 3}})
    erasure = world.ask()

    world.run()

    assert not world.alive(session)
    assert world.load(session).erased_at
    assert world.proof(erasure).found["sessions"] == 1


def test_one_session_that_can_not_be_ended_holds_up_no_other(
    world: ErasingWorld, session: Session
) -> None:
    over = world.create(first_party=PERSON, second_party=STRANGER)
    world.end(over)
    world.publish()
    world.control("PUT", "faults", {"delete_5xx_before_commit": {}})
    world.ask()
    world.publish()
    world.advance(seconds=75)

    assert not world.work(world.erasures.messages[0])

    assert world.load(session).erased_at is None
    assert world.load(over).erased_at


def test_plivo_is_left_alone_when_it_fails_again_and_again(world: ErasingWorld) -> None:
    made = [
        world.create(first_party=PERSON, second_party=f"+1202555015{n}")
        for n in range(5)
    ]
    world.publish()
    world.control("PUT", "faults", {"delete_5xx_before_commit": {}})
    world.ask()
    world.publish()

    assert not world.work(world.erasures.messages[0])

    tried = [s for s in map(world.load, made) if s.status is Status.ENDING]
    assert len(tried) == 3


def test_when_time_is_short_the_rest_is_left_for_the_next_time(
    world: ErasingWorld, session: Session
) -> None:
    world.ask()
    world.publish()
    world.time_left = False

    assert not world.work(world.erasures.messages[0])
    assert world.wait == 1
    assert world.load(session).erased_at is None

    world.time_left = True
    world.run()
    assert world.load(session).erased_at


def test_a_create_that_is_being_worked_on_is_waited_for(world: ErasingWorld) -> None:
    reserved = world.reserve()

    with pytest.raises(ErasureNotReadyError) as waits:
        world.eraser().erase_session.plan(reserved.session_uuid)

    assert 0 < waits.value.retry_after <= 61


def test_a_create_of_which_nobody_can_tell_is_asked_after_again(
    world: ErasingWorld,
) -> None:
    reserved = world.reserve()
    world.advance(seconds=61)
    world.control("PUT", "faults", {"list_5xx": {}})

    with pytest.raises(ErasureNotReadyError):
        world.eraser().erase_session.plan(reserved.session_uuid)

    assert world.load(reserved).status is Status.RESERVED


def test_a_session_past_its_time_is_ended_here_while_no_update_is_on_its_way(
    world: ErasingWorld, session: Session
) -> None:
    world.advance(minutes=9, seconds=45)
    known = world.load(session)
    pending = transitions.begin_update(known, {"ring_timeout": 30}, world.now())
    world.stores.sessions.replace(known, pending)
    world.advance(seconds=20)

    with pytest.raises(ErasureNotReadyError) as waits:
        world.eraser().erase_session.plan(session.session_uuid)
    world.advance(seconds=waits.value.retry_after)
    plan = world.eraser().erase_session.plan(session.session_uuid)

    assert plan.session
    assert plan.session.status is Status.EXPIRED
    assert not plan.session.doubted


def test_what_is_never_at_rest_is_left_for_later(
    world: ErasingWorld, session: Session
) -> None:
    world.advance(minutes=11)
    over = world.load(session)
    world.stores.sessions.replace(over, transitions.expire(over, doubted=True))
    world.control("PUT", "faults", {"get_5xx": {}})

    with pytest.raises(ErasureNotReadyError):
        world.eraser().erase_session.plan(session.session_uuid)


def test_what_plivo_made_of_a_create_that_was_given_up_is_ended(
    world: ErasingWorld,
) -> None:
    session = world.create(first_party=PERSON, second_party=OTHER)
    known = world.load(session)
    lost = replace(
        known,
        version=known.version + 1,
        status=Status.ABANDONED,
        carrier_session_uuid=None,
        expiry_time=None,
    )
    world.stores.sessions.replace(known, lost)
    world.publish()

    forget(world)

    assert not world.alive(session)
    assert world.load(session).erased_at


@pytest.mark.parametrize("status", [Status.FAILED, Status.ABANDONED])
def test_what_shows_up_at_plivo_after_the_erasure_is_ended(
    world: ErasingWorld, status: Status
) -> None:
    session = world.create(first_party=PERSON, second_party=OTHER)
    known = world.load(session)
    lost = replace(
        redaction.redacted_session(known, world.now()),
        status=status,
        carrier_session_uuid=None,
        expiry_time=None,
    )
    world.stores.sessions.replace(known, lost)
    world.stores.sessions.delete_request(session.session_uuid)
    world.forget()

    receive(world, session, {**TOLD, "SessionUUID": str(session.carrier_session_uuid)})
    world.run()

    assert not world.alive(session)
    assert world.load(session).status is status
    nothing_is_left(world)


# Remains


def test_a_link_to_a_session_that_was_purged_goes_with_what_is_left_of_it(
    world: ErasingWorld, session: Session
) -> None:
    world.stores.table.delete(
        key_space.session_key(session.session_uuid), key_space.STATE
    )
    erasure = world.ask()

    world.run()

    assert world.proof(erasure).found["sessions"] == 1
    # The links by label are found by their session alone; they hold no number.
    assert traces(world.everything(), EVERYWHERE) == []


def test_a_link_to_nothing_goes(world: ErasingWorld) -> None:
    key = key_space.party_key(TENANT, hashes_of(PERSON))
    world.stores.links.put(key, "2026-01-01T00:00:00.000000Z#nothing")
    erasure = world.ask()

    world.run()

    assert world.proof(erasure).found["sessions"] == 0
    assert not world.stores.links.has(key, "2026-01-01T00:00:00.000000Z#nothing")


@pytest.mark.parametrize(
    "message",
    [
        {"erasure_id": "00000000-0000-4000-8000-000000000000"},
        {"session_uuid": "00000000-0000-4000-8000-000000000000"},
    ],
)
def test_a_message_about_nothing_does_nothing(
    world: ErasingWorld, message: dict[str, str]
) -> None:
    before = world.export()

    assert world.work(message)

    assert world.export() == before


def test_messages_that_come_again_do_nothing(
    world: ErasingWorld, session: Session
) -> None:
    erasure = world.ask()
    world.run()
    before = sorted(map(str, world.export()))

    for message in (
        {"erasure_id": erasure.erasure_id},
        {"session_uuid": session.session_uuid},
        {"erasure_id": erasure.erasure_id, "session_uuid": session.session_uuid},
    ):
        assert world.work(message)

    assert sorted(map(str, world.export())) == before


def test_a_walk_that_comes_too_early_is_put_off(
    world: ErasingWorld, session: Session
) -> None:
    erasure = world.ask()
    world.publish()
    message = {"erasure_id": erasure.erasure_id}
    assert world.work(message)
    world.erasures.messages.clear()

    assert world.work(message)

    assert world.load(session).erased_at
    assert world.proof(erasure).completed_at is None
    assert [m["erasure_id"] for m in world.erasures.messages] == [erasure.erasure_id]


def test_no_session_is_erased_on_a_word_about_another(
    world: ErasingWorld, session: Session
) -> None:
    assert world.work({"session_uuid": session.session_uuid})

    assert world.load(session).erased_at is None


def test_nothing_is_delivered_of_an_erased_session(
    world: ErasingWorld, session: Session
) -> None:
    forget(world)
    detail = {
        "session_uuid": session.session_uuid,
        "tenant_id": TENANT,
        "id": "7b6a4f6e-3a52-4f3e-9a0b-52c1f6f2a1aa",
        "type": "call.ended",
        "webhook": "callback_url",
    }
    message = {
        "messageId": "1",
        "receiptHandle": "1",
        "body": json.dumps({"detail": detail}),
        "attributes": {"SentTimestamp": "1772366427000"},
    }
    nobody: Any = None

    class Silent:
        """A queue that nothing is put off in."""

        def postpone_all(self, seconds: dict[str, int]) -> None:
            assert seconds == {}

    quiet: Any = Silent()
    deliverer = DeliverWebhook(
        world.stores, quiet, nobody, nobody, nobody, "public", world.now
    )

    assert deliverer.deliver_batch([message]) == []

    assert world.stores.deliveries.of_session(session.session_uuid) == []
