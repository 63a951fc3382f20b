"""What is recorded and settled late is deleted or redacted; legal holds are kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from masking.api.erasure_views import erasure_view
from masking.core.errors import StaleStateError
from masking.domain import recordings, redaction, transitions
from masking.domain.sessions import Session
from tests.support.harness import FAR, Harness
from tests.support.person import PERSON, erase_person, put_recording, receive_callback
from tests.support.pii_scan import assert_nothing_is_left, object_versions


def test_a_recording_announced_without_knowing_of_the_erasure_is_deleted(
    harness: Harness, session: Session
) -> None:
    erase_person(harness)
    harness.bus.events.clear()
    attributes = {
        "EventName": "SessionRecordingCompleted",
        "RecordingUUID": "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c",
        "RecordingURL": "https://media.plivo.com/x.mp3",
    }
    harness.services.announcer.from_callback(attributes, "a" * 64, session)

    harness.run_until_idle()

    [kept] = harness.stores.recordings.of_session(session.session_uuid)
    assert kept.status is recordings.Status.DELETED
    assert harness.bus.of_type("recording.announced") == []


@pytest.mark.parametrize("is_told", [True, False])
def test_what_is_recorded_until_the_end_is_deleted_at_plivo(
    harness: Harness, session: Session, *, is_told: bool
) -> None:
    harness.call(session, talk_seconds=40)
    harness.advance(seconds=20)
    erase_person(harness)
    harness.advance(minutes=2)
    if is_told:
        for callback in harness.simulator.store.callbacks_of[
            str(session.carrier_session_uuid)
        ]:
            receive_callback(
                harness, session, {k: str(v) for k, v in callback.attributes.items()}
            )
        harness.run_until_idle()

    harness.run_quarters(30)

    left = harness.ask_simulator("GET", "recordings", None)["recordings"]
    assert [each for each in left if not each["deleted"]] == []
    assert harness.stores.recordings.of_session(session.session_uuid) == []
    assert harness.load(session).settled
    assert_nothing_is_left(harness)


def test_a_settlement_that_was_begun_before_writes_nothing(
    harness: Harness, session: Session
) -> None:
    harness.end(session)
    before = harness.load(session)
    erase_person(harness)

    with pytest.raises(StaleStateError):
        harness.stores.snapshots.put(before, {"calls": [{"from": PERSON}]}, None, FAR)
    with pytest.raises(StaleStateError):
        harness.stores.sessions.replace(
            before, transitions.settle(before, None, (), harness.now())
        )

    assert_nothing_is_left(harness)


def test_a_settlement_after_keeps_accounting_alone(
    harness: Harness, session: Session
) -> None:
    harness.call(session, talk_seconds=30)
    harness.advance(minutes=2)
    erase_person(harness)

    harness.run_quarters(4)

    settled = harness.load(session)
    assert settled.settled
    assert settled.answered["total_call_count"] > 0
    assert set(settled.answered) <= redaction.ACCOUNTING
    [call] = settled.calls
    assert set(call) <= redaction.CALL | set(redaction.LEGS)
    assert call["first_party_leg"]["duration"] > 0
    assert set(call["first_party_leg"]) <= redaction.LEG


def test_a_snapshot_from_before_is_redacted(harness: Harness, session: Session) -> None:
    harness.call(session, talk_seconds=30)
    harness.advance(minutes=11)
    harness.sweep()
    harness.run_quarters(4)
    assert harness.load(session).calls[0]["first_party_leg"]["call_uuid"]

    erase_person(harness)

    [call] = harness.load(session).calls
    assert "call_uuid" not in call["first_party_leg"]
    assert call["duration"]


def test_held_recordings_are_kept_counted_and_deleted_after_the_hold(
    harness: Harness, session: Session
) -> None:
    from operate.hold import hold

    put_recording(harness, session, 1, "stored")
    hold(harness.stores, harness.bucket, session.session_uuid, held=True)
    erasure = harness.request_erasure(PERSON)
    harness.run_until_idle()
    proof = harness.load_erasure(erasure)
    assert (proof.found["recordings"], proof.found["held_recordings"]) == (0, 1)
    assert erasure_view(proof)["remains"][-1]["what"] == "held_recordings"
    assert len(object_versions(harness)) == 2
    assert harness.load(session).settings.get("first_party") is None

    hold(harness.stores, harness.bucket, session.session_uuid, held=False)
    harness.advance(seconds=1)
    again = harness.request_erasure(PERSON)
    harness.run_until_idle()

    assert again != erasure
    assert harness.load_erasure(again).found["recordings"] == 1
    assert object_versions(harness) == []


def test_a_recording_that_is_held_by_itself_is_kept(
    harness: Harness, session: Session
) -> None:
    put_recording(harness, session, 1, "held")
    put_recording(harness, session, 2, "stored")
    erasure = harness.request_erasure(PERSON)

    harness.run_until_idle()

    assert harness.load_erasure(erasure).found["held_recordings"] == 1
    assert len(object_versions(harness)) == 2


def test_the_recording_of_a_held_session_is_still_taken(
    harness: Harness, session: Session
) -> None:
    harness.stores.recordings.put_hold(session.session_uuid, held=True)
    harness.call(session, talk_seconds=10)
    harness.advance(minutes=1)
    erase_person(harness)

    harness.run_quarters(30)

    [kept] = harness.stores.recordings.of_session(session.session_uuid)
    assert kept.held
    assert kept.status is recordings.Status.ANNOUNCED


def recorded(harness: Harness, session: Session) -> str:
    """Let a call of a session be recorded at Plivo; return the recording's name."""
    harness.call(session, talk_seconds=10)
    harness.advance(minutes=1)
    [recording] = harness.ask_simulator("GET", "recordings", None)["recordings"]
    return str(recording["recording_id"])


def left_at_plivo(harness: Harness) -> list[object]:
    """Return the recordings that Plivo still has."""
    found = harness.ask_simulator("GET", "recordings", None)["recordings"]
    return [each for each in found if not each["deleted"]]


def test_a_recording_that_failed_here_is_deleted_at_plivo(
    harness: Harness, session: Session
) -> None:
    name = recorded(harness, session)
    harness.services.announcer.from_callback(
        {"EventName": "SessionRecordingCompleted", "RecordingUUID": name},
        "a" * 64,
        session,
    )
    [failed] = harness.stores.recordings.of_session(session.session_uuid)
    assert failed.status is recordings.Status.FAILED

    erasure = harness.request_erasure(PERSON)
    harness.run_until_idle()

    assert left_at_plivo(harness) == []
    assert harness.load_erasure(erasure).found["recordings"] == 1


def test_what_plivo_recorded_of_a_create_that_failed_here_is_deleted(
    harness: Harness, session: Session
) -> None:
    recorded(harness, session)
    confirmed = harness.load(session)
    harness.stores.sessions.replace(
        confirmed,
        replace(
            transitions.fail(confirmed), carrier_session_uuid=None, virtual_number=None
        ),
    )
    harness.publish()

    erasure = harness.request_erasure(PERSON)
    harness.run_until_idle()

    assert left_at_plivo(harness) == []
    assert harness.load_erasure(erasure).found["recordings"] == 1
    assert not harness.is_live(session)
    assert harness.load(session).erased_at


def test_what_only_plivo_has_is_counted_once(
    harness: Harness, session: Session
) -> None:
    recorded(harness, session)

    erasure = harness.request_erasure(PERSON)
    harness.run_until_idle()

    assert left_at_plivo(harness) == []
    assert harness.load_erasure(erasure).found["recordings"] == 1


def test_a_hold_that_comes_in_between_is_told_as_what_it_kept(
    harness: Harness, session: Session
) -> None:
    from operate.hold import hold

    put_recording(harness, session, 1, "stored")
    erasing = harness.erase_number().erase_session
    erasure = harness.request_erasure(PERSON)
    plan = erasing.plan(session.session_uuid)
    meant = erasing.counts(plan)
    harness.stores.erasures.put_counts(erasure, session.session_uuid, meant, done=False)
    hold(harness.stores, harness.bucket, session.session_uuid, held=True)

    harness.run_until_idle()

    assert meant["recordings"] == 1
    found = harness.load_erasure(erasure).found
    assert (found["recordings"], found["held_recordings"]) == (0, 1)


def test_what_was_deleted_before_the_request_is_not_counted(
    harness: Harness, session: Session
) -> None:
    put_recording(harness, session, 1, "deleted")
    put_recording(harness, session, 2, "stored")
    harness.advance(seconds=1)

    erasure = harness.request_erasure(PERSON)
    harness.run_until_idle()

    assert harness.load_erasure(erasure).found["recordings"] == 1
