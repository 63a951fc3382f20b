"""A callback that comes during or after an erasure brings nothing back."""

from __future__ import annotations

from typing import Any

from masking.api import callback_requests, timeline_views
from masking.core.key_space import name_of
from masking.domain.sessions import Session
from masking.storage import timelines
from tests.support.harness import Harness
from tests.support.person import HANGUP, erase_person, receive_callback
from tests.support.pii_scan import assert_nothing_is_left


def test_a_callback_that_comes_later_is_kept_redacted(
    harness: Harness, session: Session
) -> None:
    erase_person(harness)

    assert receive_callback(harness, session, HANGUP)
    harness.run_until_idle()

    [kept] = harness.stores.callbacks.of_session(session.session_uuid)
    assert kept["attributes"] == {
        name: HANGUP[name] for name in ("EventName", "EventTimestamp", "SequenceNumber")
    }
    assert_nothing_is_left(harness)


def test_a_callback_that_is_repeated_later_is_still_known(
    harness: Harness, session: Session
) -> None:
    assert receive_callback(harness, session, HANGUP)
    erase_person(harness)

    assert not receive_callback(harness, session, HANGUP)

    [kept] = harness.stores.callbacks.of_session(session.session_uuid)
    # The hash of all attributes would confirm a guess of the number.
    assert name_of(kept) != callback_requests.digest_of(list(HANGUP.items()))


def test_a_callback_stored_without_knowing_of_the_erasure_is_redacted_later(
    harness: Harness, session: Session
) -> None:
    erase_person(harness)
    harness.put_callback(session, HANGUP)

    harness.run_until_idle()

    [kept] = harness.stores.callbacks.of_session(session.session_uuid)
    assert kept["erased"]
    assert_nothing_is_left(harness)


def test_a_callback_stored_while_the_session_is_erased_is_redacted_with_it(
    harness: Harness, session: Session
) -> None:
    plan = harness.erase_number().erase_session.plan(session.session_uuid)
    harness.put_callback(session, HANGUP)

    harness.erase_number().erase_session.carry_out(plan)

    # No message of the stream's has come: the erasure itself looks once more.
    [kept] = harness.stores.callbacks.of_session(session.session_uuid)
    assert kept["erased"]
    assert_nothing_is_left(harness)


def test_an_erased_session_still_has_a_timeline_of_calls(
    harness: Harness, session: Session
) -> None:
    harness.call(session, talk_seconds=30)
    harness.advance(minutes=2)
    harness.deliver_callbacks(session)
    harness.publish()
    before = told_of(harness, session)

    erase_person(harness)

    after = told_of(harness, session)
    assert before
    assert before[0]["caller"] == "first"
    assert after == before


def told_of(harness: Harness, session: Session) -> list[dict[str, Any]]:
    """Return the calls of a session, as built from callbacks."""
    whole = harness.stores.sessions.load_whole(session.session_uuid)
    assert whole
    timeline = timelines.timeline_of(whole.callbacks, whole.session)
    return [timeline_views.call_view(call) for call in timeline.calls]
