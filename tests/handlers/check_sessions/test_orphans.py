"""What is at Plivo under our UUID is the one session that we hold, or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from functions.check_sessions import app as check_app
from masking.api import requests
from masking.core.problems import PairAlreadyActiveError
from masking.domain import sessions
from masking.domain.sessions import Session, Status
from masking.lifecycle.create_session import Created, CreateSession
from masking.lifecycle.reconcile import Reconciler
from masking.plivo.errors import CarrierError, CarrierFailedError
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.payloads import PAIR, Context
from tests.support.reconciling import go_round
from tests.support.sessions_there import DOMAIN, stored
from tests.support.simulated_plivo import SimulatedPlivo
from tests.support.table_stream import TableStream

KEY = "order-17"
SESSION = sessions.session_uuid_for("acme", KEY)

# A listing that lags behind whatever was made.
LAGGING = {"list_lag": {"rate": 1, "seconds": 10_000}}


@pytest.fixture
def flow(services: Services, plivo: SimulatedPlivo, clock: Clock) -> CreateSession:
    """Return the create flow with a clock of the test's."""
    assert plivo.sessions() == []
    return at(services, clock).create_session


@pytest.fixture
def reconciler(services: Services, clock: Clock) -> Reconciler:
    """Return the reconciler with a clock of the test's."""
    return at(services, clock).reconciler


def create(flow: CreateSession, **body: Any) -> Created:
    """Send a create of tenant acme, always with the same key."""
    return flow.create(
        requests.parse_create({**PAIR, **body}),
        tenant_id="acme",
        idempotency_key=KEY,
        domain=DOMAIN,
    )


def lose(flow: CreateSession, plivo: SimulatedPlivo, **body: Any) -> Session:
    """Let Plivo make a session and nobody know; give what is left of it here."""
    plivo.arm(create_5xx_after_commit={"times": 1}, **LAGGING)
    with pytest.raises(CarrierError):
        create(flow, **body)
    left = flow.stores.sessions.load(SESSION)
    assert left
    return left


def tell(flow: CreateSession, carrier_session_uuid: str, clock: Clock) -> None:
    """Keep a callback of attempt 1 that tells of a session at Plivo."""
    flow.stores.callbacks.put(
        SESSION,
        f"digest of {carrier_session_uuid}",
        kind="events",
        tenant_id="acme",
        attempt=1,
        attributes={
            "EventName": "SessionFirstPartyRinging",
            "SessionUUID": carrier_session_uuid,
        },
        received_at=clock(),
    )


def twice(flow: CreateSession, plivo: SimulatedPlivo, clock: Clock) -> tuple[str, str]:
    """Let two attempts make a session each; give Plivo's UUIDs: lost and confirmed."""
    lose(flow, plivo)
    [lost] = plivo.live()
    clock.advance(seconds=60)
    plivo.arm(**LAGGING)
    confirmed = create(flow).session
    plivo.arm()
    return lost["session_uuid"], str(confirmed.carrier_session_uuid)


# Adoption by callback


def test_a_callback_is_matched_where_the_listing_lags(
    flow: CreateSession, plivo: SimulatedPlivo, clock: Clock
) -> None:
    lose(flow, plivo)
    [there] = plivo.live()
    tell(flow, there["session_uuid"], clock)
    clock.advance(seconds=60)

    again = create(flow)

    assert again.replayed
    assert again.session.carrier_session_uuid == there["session_uuid"]
    assert len(plivo.live()) == 1


def test_a_late_callback_matches_a_call_that_was_given_up(
    flow: CreateSession, reconciler: Reconciler, plivo: SimulatedPlivo, clock: Clock
) -> None:
    left = lose(flow, plivo, initiate_call_to_first_party=True)
    clock.advance(seconds=60)
    assert go_round(reconciler) == {"closed": 1}
    assert stored(flow.stores, left).status is Status.ABANDONED
    [there] = plivo.live()
    tell(flow, there["session_uuid"], clock)

    reconciler.remove_orphans(SESSION)

    here = stored(flow.stores, left)
    assert here.status is Status.ACTIVE
    assert here.carrier_session_uuid == there["session_uuid"]


def test_a_callback_of_nothing_at_plivo_matches_nothing(
    flow: CreateSession, reconciler: Reconciler, plivo: SimulatedPlivo, clock: Clock
) -> None:
    plivo.arm(create_5xx_before_commit={"times": 1}, list_5xx={"times": 2})
    with pytest.raises(CarrierError):
        create(flow)
    tell(flow, "0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f", clock)
    tell(flow, "no uuid", clock)
    clock.advance(seconds=60)

    assert go_round(reconciler) == {"closed": 1}


# Orphans


def test_what_an_earlier_attempt_made_is_ended_and_the_confirmed_one_kept(
    flow: CreateSession, reconciler: Reconciler, plivo: SimulatedPlivo, clock: Clock
) -> None:
    lost, confirmed = twice(flow, plivo, clock)
    assert {s["session_uuid"] for s in plivo.live()} == {lost, confirmed}

    assert reconciler.remove_orphans(SESSION) == "removed"

    assert [s["session_uuid"] for s in plivo.live()] == [confirmed]
    assert reconciler.remove_orphans(SESSION) == "left"


def test_taking_over_ends_what_is_there_beside_the_match(
    flow: CreateSession, plivo: SimulatedPlivo, clock: Clock
) -> None:
    lose(flow, plivo)
    clock.advance(seconds=60)
    plivo.arm(create_5xx_after_commit={"times": 1}, **LAGGING)
    with pytest.raises(CarrierError):
        create(flow)
    assert len(plivo.live()) == 2
    plivo.arm()
    clock.advance(seconds=60)

    kept = create(flow).session

    assert [s["session_uuid"] for s in plivo.live()] == [kept.carrier_session_uuid]


def test_what_is_found_under_a_key_that_was_freed_is_ended(
    flow: CreateSession, reconciler: Reconciler, plivo: SimulatedPlivo, clock: Clock
) -> None:
    left = lose(flow, plivo)
    clock.advance(seconds=60)
    assert go_round(reconciler) == {"closed": 1}
    assert stored(flow.stores, left).status is Status.FAILED
    plivo.arm()

    assert reconciler.remove_orphans(SESSION) == "removed"

    assert plivo.live() == []


def test_while_plivo_cannot_say_the_message_comes_again(
    flow: CreateSession, reconciler: Reconciler, plivo: SimulatedPlivo, clock: Clock
) -> None:
    twice(flow, plivo, clock)
    plivo.arm(list_5xx={"times": 2})

    with pytest.raises(CarrierError):
        reconciler.remove_orphans(SESSION)

    assert len(plivo.live()) == 2


def test_while_somebody_works_on_a_create_nothing_is_ended(
    flow: CreateSession, reconciler: Reconciler, plivo: SimulatedPlivo
) -> None:
    lose(flow, plivo)

    assert reconciler.remove_orphans(SESSION) == "left"
    assert reconciler.remove_orphans(SESSION.replace("-", "0")) == "left"
    assert len(plivo.live()) == 1


def test_the_check_matches_what_nobody_works_on_any_more(
    flow: CreateSession, reconciler: Reconciler, plivo: SimulatedPlivo, clock: Clock
) -> None:
    left = lose(flow, plivo)
    plivo.arm()
    clock.advance(seconds=60)

    assert reconciler.remove_orphans(SESSION) == "adopted"
    assert stored(flow.stores, left).status is Status.ACTIVE


# What sets the check off


def checks_sent(
    services: Services,
    stream: TableStream,
    deployment: Deployment,
    aws: EmbeddedAws,
    clock: Clock,
) -> list[str]:
    """Publish what is new in the stream; give the checks that this sent."""
    sqs = aws.client("sqs")
    publisher = at(services, clock).change_publisher
    for record in stream.new():
        publisher.publish(record)
    answer = sqs.receive_message(
        QueueUrl=deployment.check_queue_url, MaxNumberOfMessages=10
    )
    return [message["Body"] for message in answer.get("Messages", [])]


ORPHANS = f'{{"session_uuid":"{SESSION}","orphans":true}}'


def test_a_create_that_was_sent_twice_is_checked_for_orphans(
    flow: CreateSession,
    services: Services,
    plivo: SimulatedPlivo,
    clock: Clock,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    stream = TableStream(aws, deployment)
    twice(flow, plivo, clock)

    sent = checks_sent(services, stream, deployment, aws, clock)

    assert sent == [ORPHANS]


def test_a_create_that_was_sent_once_is_not_checked(
    flow: CreateSession,
    services: Services,
    plivo: SimulatedPlivo,
    clock: Clock,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    stream = TableStream(aws, deployment)
    session = create(flow).session
    tell(flow, str(session.carrier_session_uuid), clock)

    assert plivo.live()
    assert checks_sent(services, stream, deployment, aws, clock) == []


def test_a_callback_about_a_session_that_we_dont_hold_is_followed_up(
    flow: CreateSession,
    services: Services,
    plivo: SimulatedPlivo,
    clock: Clock,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    create(flow)
    stream = TableStream(aws, deployment)
    stream.new()
    tell(flow, "0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f", clock)

    assert plivo.live()
    assert checks_sent(services, stream, deployment, aws, clock) == [ORPHANS]


def test_the_function_tells_its_two_kinds_of_messages_apart(
    flow: CreateSession, plivo: SimulatedPlivo, clock: Clock
) -> None:
    _, confirmed = twice(flow, plivo, clock)
    records = [{"body": f'{{"session_uuid":"{SESSION}"}}'}, {"body": ORPHANS}]

    check_app.lambda_handler({"Records": records}, Context())

    assert [s["session_uuid"] for s in plivo.live()] == [confirmed]


# A pair that is active


def test_a_refusal_for_a_duplicate_is_a_pair_that_is_active(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    plivo.switch(duplicate_pair="error")
    create(flow)
    other = {**PAIR, "record": True}

    with pytest.raises(PairAlreadyActiveError) as refused:
        flow.create(
            requests.parse_create(other),
            tenant_id="acme",
            idempotency_key="order-18",
            domain=DOMAIN,
        )

    assert refused.value.members["outcome"] == "not_created"
    assert len(plivo.live()) == 1


def test_a_refusal_because_of_our_own_duplicate_matches_it(
    flow: CreateSession, plivo: SimulatedPlivo, clock: Clock
) -> None:
    plivo.switch(duplicate_pair="error")
    lose(flow, plivo)
    [there] = plivo.live()
    clock.advance(seconds=60)
    plivo.arm(list_lag={"times": 1, "seconds": 10_000})

    adopted = create(flow).session

    assert adopted.carrier_session_uuid == there["session_uuid"]


def test_a_duplicate_that_cannot_be_read_leaves_the_outcome_unknown(
    flow: CreateSession, plivo: SimulatedPlivo, clock: Clock
) -> None:
    plivo.switch(duplicate_pair="error")
    lose(flow, plivo)
    clock.advance(seconds=60)
    plivo.arm(
        list_lag={"times": 1, "seconds": 10_000}, list_5xx={"times": 2, "rate": 0.999}
    )

    with pytest.raises(CarrierFailedError) as unknown:
        create(flow)

    assert unknown.value.members["outcome"] == "unknown"
    assert unknown.value.retry_after == 61
