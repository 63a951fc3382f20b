"""Create a session: once here and at Plivo, however often it is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from masking.api import requests
from masking.core.problems import (
    CreateInProgressError,
    IdempotencyKeyReusedError,
    InvalidRequestError,
    StorageUnavailableError,
)
from masking.domain import transitions
from masking.domain.sessions import Status
from masking.lifecycle.create_session import CreateSession
from masking.plivo.client import Carrier
from masking.plivo.errors import CarrierError, CarrierUnreachableError
from masking.storage.sessions import SessionStore
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.creating import (
    BASE,
    DOMAIN,
    SESSION,
    create,
    outcome_of,
    reserve,
)
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.faulty_stores import faulty_stores
from tests.support.payloads import PAIR
from tests.support.simulated_plivo import SimulatedPlivo
from tests.support.stores import own_stores

# Faults after which Plivo has surely made nothing.
REFUSED = {
    "create_401": "carrier_credentials_refused",
    "create_403": "carrier_forbidden",
    "create_429": "carrier_throttled",
    "create_429_retry_after": "carrier_throttled",
    "create_pool_exhausted": "number_pool_exhausted",
}


# The first create


def test_a_create_makes_one_session_here_and_at_plivo(
    flow: CreateSession, plivo: SimulatedPlivo, stores: Stores
) -> None:
    created = create(flow, labels={"order": "17"})

    [there] = plivo.sessions()
    here = created.session
    assert stores.sessions.load(SESSION) == here
    assert not created.replayed
    assert here.status is Status.ACTIVE
    assert here.carrier_session_uuid == there["session_uuid"]
    assert here.virtual_number == there["virtual_number"]
    assert here.labels == {"order": "17"}


def test_the_callbacks_that_plivo_gets_are_ours_and_not_the_apps(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    hook = "https://app.example.com/hook"

    created = create(flow, callback_url=hook, callback_method="GET")

    [there] = plivo.sessions()
    place = f"{BASE}/v1/plivo/sessions/{SESSION}/1/"
    assert there["session"]["callback_url"].startswith(place)
    assert there["session"]["recording_callback_url"].startswith(place)
    assert there["session"]["callback_method"] == "POST"
    assert there["session"]["recording_callback_method"] == "POST"
    assert created.session.settings["callback_url"] == hook
    assert created.session.settings["callback_method"] == "GET"


def test_the_expiry_is_plivos_answer_and_not_our_sum(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    plivo.switch(min_expiry="clamp")

    session = create(flow, session_expiry=5).session

    assert session.created_time
    assert session.expiry_time
    assert (session.expiry_time - session.created_time).total_seconds() == 60


def test_every_attribute_reaches_plivo_as_it_was_asked_for(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    asked: dict[str, Any] = {
        "session_expiry": 7200,
        "call_time_limit": 600,
        "ring_timeout": 30,
        "record": True,
        "record_file_format": "wav",
        "first_party_play_url": "https://app.example.com/first.mp3",
        "second_party_play_url": "https://app.example.com/second.wav",
        "geomatch": False,
        "is_pin_authentication_required": True,
        "first_party_pin": "0042",
        "second_party_pin": "9911",
        "pin_prompt_play": "https://app.example.com/prompt.mp3",
        "pin_retry": 0,
        "pin_retry_wait": 7,
        "incorrect_pin_play": "https://app.example.com/wrong.mp3",
        "virtual_number_cooloff_period": 60,
        "force_pin_authentication": True,
    }

    session = create(flow, **asked).session

    there = plivo.sessions()[0]["session"]
    for name, value in asked.items():
        if name in there:
            assert there[name] == value, name
        assert session.settings[name] == value, name


# Again with the same key


def test_the_same_request_again_is_answered_with_the_same_session(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    first = create(flow)
    second = create(flow)

    assert second.replayed
    assert second.session == first.session
    assert len(plivo.requests("create")) == 1


def test_defaults_written_out_are_the_same_request(flow: CreateSession) -> None:
    create(flow)

    assert create(flow, session_expiry=3600, record=False).replayed


@pytest.mark.parametrize(
    "other",
    [{"record": True}, {"labels": {"a": "b"}}, {"second_party": "+12025550102"}],
)
def test_the_key_with_another_body_is_refused(
    flow: CreateSession, plivo: SimulatedPlivo, other: dict[str, Any]
) -> None:
    create(flow)

    with pytest.raises(IdempotencyKeyReusedError) as refused:
        create(flow, **other)

    assert outcome_of(refused.value) == "not_created"
    assert len(plivo.requests("create")) == 1


@pytest.mark.parametrize(
    ("first", "changed"),
    [
        ({"generate_pin": True}, {"generate_pin_length": 5}),
        ({"generate_pin": True}, {"pin_retry": 2}),
        ({"generate_pin": True}, {"pin_retry_wait": 6}),
        ({"generate_pin": True}, {"force_pin_authentication": True}),
        ({"first_party_pin": "1", "second_party_pin": "2"}, {"first_party_pin": "3"}),
    ],
    ids=repr,
)
def test_the_key_with_another_conditional_attribute_is_refused(
    flow: CreateSession,
    plivo: SimulatedPlivo,
    first: dict[str, Any],
    changed: dict[str, Any],
) -> None:
    pins: dict[str, Any] = {
        "is_pin_authentication_required": True,
        "pin_prompt_play": "https://app.example.com/prompt.mp3",
        **{k: v * 4 if isinstance(v, str) else v for k, v in first.items()},
    }
    other: dict[str, Any] = {
        k: v * 4 if isinstance(v, str) else v for k, v in changed.items()
    }
    create(flow, **pins)

    with pytest.raises(IdempotencyKeyReusedError):
        create(flow, **{**pins, **other})

    assert len(plivo.sessions()) == 1


@pytest.mark.parametrize("dropped", [{"pin_retry": 2}, {"first_party_pin": "1234"}])
def test_the_key_with_what_was_dropped_once_is_no_replay(
    flow: CreateSession, plivo: SimulatedPlivo, dropped: dict[str, Any]
) -> None:
    create(flow)

    with pytest.raises(InvalidRequestError) as refused:
        create(flow, **dropped)

    [violation] = refused.value.members["violations"]
    assert {violation["field"]} == dropped.keys()
    assert len(plivo.sessions()) == 1


def test_one_tenants_key_says_nothing_about_anothers(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    create(flow)

    other = flow.create(
        requests.parse_create(PAIR),
        tenant_id="other",
        idempotency_key="order-17",
        domain=DOMAIN,
    )

    assert not other.replayed
    assert len(plivo.sessions()) == 2


def test_without_a_key_each_request_makes_a_session(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    assert create(flow, key=None).session != create(flow, key=None).session
    assert len(plivo.sessions()) == 2


def test_while_one_works_on_a_key_the_others_are_told_to_wait(
    flow: CreateSession, plivo: SimulatedPlivo, stores: Stores, clock: Clock
) -> None:
    reserve(stores, clock)
    pauses = []
    for _ in range(3):
        with pytest.raises(CreateInProgressError) as refused:
            create(flow)
        assert outcome_of(refused.value) == "unknown"
        assert refused.value.retry_after
        pauses.append(refused.value.retry_after)
        clock.advance(seconds=20)

    assert pauses == [1, 20, 21]
    assert plivo.requests() == []


def test_an_ended_session_is_still_the_keys_session(
    flow: CreateSession, plivo: SimulatedPlivo, stores: Stores
) -> None:
    session = create(flow).session
    stores.sessions.replace(session, transitions.expire(session, flow.now()))

    again = create(flow)

    assert again.replayed
    assert again.session.status is Status.EXPIRED
    assert len(plivo.requests("create")) == 1


# Plivo says no


@pytest.mark.parametrize(("fault", "code"), REFUSED.items())
def test_a_definite_no_creates_nothing_and_frees_the_key(
    flow: CreateSession, plivo: SimulatedPlivo, stores: Stores, fault: str, code: str
) -> None:
    plivo.arm(**{fault: {"times": 1}})

    with pytest.raises(CarrierError) as refused:
        create(flow)

    failed = stores.sessions.load(SESSION)
    assert refused.value.code == code
    assert outcome_of(refused.value) == "not_created"
    assert failed
    assert failed.status is Status.FAILED
    assert plivo.sessions() == []

    created = create(flow)

    assert not created.replayed
    assert created.session.attempt == 2
    assert len(plivo.live()) == 1


def test_a_freed_key_is_free_for_the_same_body_alone(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    plivo.arm(create_pool_exhausted={"times": 1})
    with pytest.raises(CarrierError):
        create(flow)

    with pytest.raises(IdempotencyKeyReusedError):
        create(flow, record=True)


def test_a_plivo_that_cannot_be_reached_has_created_nothing(
    flow: CreateSession, plivo: SimulatedPlivo, stores: Stores
) -> None:
    nowhere = Carrier(
        auth_id=plivo.auth_id,
        auth_token=plivo.auth_token,
        base_url="http://127.0.0.1:9",
    )

    with pytest.raises(CarrierUnreachableError) as refused:
        create(replace(flow, carrier=nowhere))

    failed = stores.sessions.load(SESSION)
    assert outcome_of(refused.value) == "not_created"
    assert failed
    assert failed.status is Status.FAILED


# Our storage fails


def test_without_a_reservation_plivo_is_not_asked(
    flow: CreateSession, plivo: SimulatedPlivo, aws: EmbeddedAws, deployment: Deployment
) -> None:
    broken = faulty_stores(aws, deployment.table_name, "PutItem")

    with pytest.raises(StorageUnavailableError) as failed:
        create(replace(flow, stores=broken))

    assert outcome_of(failed.value) == "unknown"
    assert failed.value.retry_after == 2
    assert plivo.requests() == []


def test_without_what_was_asked_for_plivo_is_not_asked_and_the_key_recovers(
    flow: CreateSession,
    plivo: SimulatedPlivo,
    clock: Clock,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    broken = faulty_stores(aws, deployment.table_name, "PutItem", on=2)
    with pytest.raises(StorageUnavailableError):
        create(replace(flow, stores=broken))
    assert plivo.requests() == []
    clock.advance(seconds=60)

    created = create(flow)

    assert created.session.attempt == 2
    assert create(flow).session.asked == created.session.asked
    assert len(plivo.live()) == 1


def test_a_session_that_could_not_be_confirmed_is_matched_after_the_lease(
    flow: CreateSession,
    plivo: SimulatedPlivo,
    clock: Clock,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    broken = faulty_stores(aws, deployment.table_name, "PutItem", on=3)
    with pytest.raises(StorageUnavailableError) as failed:
        create(replace(flow, stores=broken))
    clock.advance(seconds=60)

    created = create(flow)

    [there] = plivo.sessions()
    assert outcome_of(failed.value) == "unknown"
    assert created.replayed
    assert created.session.carrier_session_uuid == there["session_uuid"]


def test_a_reservation_that_cannot_be_read_is_in_progress(
    flow: CreateSession, services: Services, clock: Clock
) -> None:
    class Forgetful(SessionStore):
        def load(self, _session_uuid: str) -> None:
            return None

    reserve(flow.stores, clock)
    forgetful = own_stores(services)
    forgetful.sessions = Forgetful(forgetful.table)

    with pytest.raises(CreateInProgressError):
        create(replace(flow, stores=forgetful))
