"""A settlement asks Plivo twice, and for legs only where callbacks don't tell them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from masking.domain.calls import Call
from masking.domain.sessions import Session
from masking.plivo.client import Carrier
from masking.plivo.errors import CarrierSessionMissingError
from masking.storage import timelines
from plivo_simulator import account as accounts
from tests.support.harness import Harness


@dataclass
class Counter:
    """Counts requests to Plivo."""

    count: int = 0

    def __call__(self) -> None:
        """Count one."""
        self.count += 1


@pytest.fixture
def requests(harness: Harness) -> Counter:
    """Count what is asked of Plivo."""
    counter = Counter()
    harness.carrier = harness.new_carrier(before=counter)
    return counter


def ended(harness: Harness, *talks: int, lost: str = "", **asked: Any) -> Session:
    """Return a session with a call for each of *talks*, in seconds, which is over.

    Its callbacks have come, but for those of the event that is *lost*.
    """
    session = harness.create(session_expiry=3_600, **asked)
    for talk_seconds in talks:
        harness.call(session, talk_seconds=talk_seconds, answer=talk_seconds > 0)
        harness.advance(minutes=5)
    harness.deliver_callbacks(session)
    if lost:
        lose(harness, session, lost)
    harness.publish()
    harness.advance(minutes=60)
    harness.sweep()
    return harness.load(session)


def lose(harness: Harness, session: Session, event: str) -> None:
    """Lose the callbacks of an event."""
    for item in harness.stores.callbacks.of_session(session.session_uuid):
        if item["attributes"]["EventName"] == event:
            harness.dynamodb.delete_item(
                TableName=harness.table_name,
                Key={"pk": {"S": item["pk"]}, "sk": {"S": item["sk"]}},
            )


def calls_of(harness: Harness, session: Session) -> list[Call]:
    """Return the calls as the API shows them."""
    whole = harness.stores.sessions.load_whole(session.session_uuid)
    assert whole is not None
    return list(timelines.timeline_of(whole.callbacks, whole.session).calls)


@pytest.mark.parametrize("talks", [(), (60,), (60, 0, 125)])
def test_a_session_is_settled_with_two_requests(
    harness: Harness, requests: Counter, talks: tuple[int, ...]
) -> None:
    session = ended(harness, *talks)
    requests.count = 0

    harness.run_quarters(4)

    assert harness.load(session).settled
    assert requests.count == 2


def test_legs_that_callbacks_tell_are_those_that_plivo_would_have_told(
    harness: Harness,
) -> None:
    told = ended(harness, 60, 0)
    harness.run_quarters(4)
    by_callbacks = harness.load(told).calls
    harness.ask_simulator("POST", "reset", {})
    asked = harness.create(1, session_expiry=3_600)
    for talk_seconds in (60, 0):
        harness.call(asked, talk_seconds=talk_seconds, answer=talk_seconds > 0)
        harness.advance(minutes=5)
    harness.advance(minutes=60)
    harness.sweep()
    harness.run_quarters(4)
    by_records = harness.load(asked).calls

    differ = {"call_uuid", "answer_time", "end_time", "hangup_source", "hangup_cause"}
    assert len(by_callbacks) == len(by_records) == 2
    for one, other in zip(by_callbacks, by_records, strict=True):
        for leg in ("first_party_leg", "second_party_leg"):
            assert {k: v for k, v in one[leg].items() if k not in differ} == {
                k: v for k, v in other[leg].items() if k not in differ
            }
            assert one[leg].keys() >= other[leg].keys() - {"hangup_source"}


@pytest.mark.parametrize(
    "lost", ["SessionSecondPartyAnswer", "SessionFirstPartyHangup"]
)
def test_legs_of_which_a_callback_was_lost_are_read_once(
    harness: Harness, requests: Counter, lost: str
) -> None:
    session = ended(harness, 60, lost=lost)
    requests.count = 0

    harness.run_quarters(4)

    settled = harness.load(session)
    assert settled.settled
    assert requests.count == 2 + 2
    assert settled.calls[0]["second_party_leg"]["hangup_source"]
    [call] = calls_of(harness, session)
    assert (call.certainty, call.outcome, call.talk_seconds) == (
        *("settled", "connected"),
        60,
    )


def test_a_callback_that_is_late_between_two_fetches_is_taken_into_account(
    harness: Harness, requests: Counter
) -> None:
    session = ended(harness, 60)
    requests.count = 0
    harness.run_quarters(1)
    lose(harness, session, "SessionSecondPartyAnswer")

    harness.run_quarters(3)

    settled = harness.load(session)
    assert settled.settled
    assert settled.calls[0]["second_party_leg"]["duration"] == 60


def test_a_leg_that_plivo_has_no_record_of_keeps_nothing_from_being_settled(
    harness: Harness,
) -> None:
    session = ended(harness, 60, lost="SessionFirstPartyHangup")

    class Forgetful(Carrier):
        """Plivo without records of calls."""

        def ask(self, method: str, *path: str, **more: Any) -> Any:
            if path[0] == "Call":
                raise CarrierSessionMissingError(carrier_status=404)
            return super().ask(method, *path, **more)

    harness.carrier = Forgetful(
        auth_id=accounts.AUTH_ID,
        auth_token=accounts.AUTH_TOKEN,
        base_url=harness.plivo.origin,
    )
    harness.run_quarters(4)

    settled = harness.load(session)
    assert settled.settled
    assert "carrier_session" not in settled.settled.changed


def test_a_known_recording_costs_no_request(
    harness: Harness, requests: Counter
) -> None:
    session = ended(harness, 60, record=True)
    stored = harness.stores.recordings.of_session(session.session_uuid)
    requests.count = 0

    harness.run_quarters(4)

    assert len(stored) == 1
    assert harness.load(session).settled
    assert requests.count == 2
