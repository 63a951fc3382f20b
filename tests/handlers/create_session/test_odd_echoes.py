"""Plivo echoes our callback URL in its own way, or changes the session meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from masking.core.key_space import LINK, carrier_key
from masking.core.problems import (
    IdempotencyKeyReusedError,
    PairAlreadyActiveError,
    ProblemError,
)
from masking.domain import transitions
from masking.domain.sessions import Status
from masking.lifecycle.create_session import CreateSession
from masking.plivo.errors import CarrierAnswerInvalidError
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.creating import SESSION, create, outcome_of
from tests.support.interrupted import Interrupted, rewriting
from tests.support.simulated_plivo import SimulatedPlivo

ALL = ("create", "get", "list")

ECHOES: dict[str, Any] = {
    "missing": None,
    "empty": "",
    "a word": "null",
    "a slash more": lambda url: f"{url}/",
    "with a query": lambda url: f"{url}?rt=3000",
    "escaped": lambda url: url.replace("/", "%2F").replace(":", "%3A"),
    "in lower case": lambda url: str(url).lower(),
    "cut after the session": lambda url: url[: url.index(SESSION) + len(SESSION)],
    "cut in the session": lambda url: url[: url.index(SESSION) + 9],
    "cut after the host": lambda url: url[: url.index("/v1/")],
    "another case of the host": lambda url: url.replace("masks.", "MASKS."),
}


def echoing(echo: Any, plivo: SimulatedPlivo, **changes: Any) -> Any:
    """Return a carrier that reads callback URLs as Plivo may echo them."""
    hooks = {"callback_url": echo, "recording_callback_url": echo}
    return rewriting(plivo, *ALL, **{**hooks, **changes})


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_a_session_is_ours_however_plivo_echoes_our_address(
    flow: CreateSession, plivo: SimulatedPlivo, echo: Any
) -> None:
    odd = replace(flow, carrier=echoing(echo, plivo))

    created = create(odd)

    [there] = plivo.live()
    assert created.session.status is Status.ACTIVE
    assert created.session.carrier_session_uuid == there["session_uuid"]
    assert create(odd).replayed
    assert len(plivo.sessions()) == 1


@pytest.mark.parametrize("echo", ["missing", "a slash more", "in lower case"])
def test_what_plivo_made_without_an_answer_is_found_by_all_its_marks(
    flow: CreateSession, plivo: SimulatedPlivo, clock: Clock, echo: str
) -> None:
    odd = replace(flow, carrier=echoing(ECHOES[echo], plivo))
    plivo.arm(create_5xx_after_commit={"times": 1}, list_5xx={"times": 2})
    with pytest.raises(ProblemError) as unknown:
        create(odd)
    clock.advance(seconds=60)

    created = create(odd)

    [there] = plivo.live()
    assert outcome_of(unknown.value) == "unknown"
    assert created.replayed
    assert created.session.carrier_session_uuid == there["session_uuid"]
    assert len(plivo.requests("create")) == 1


def test_three_tries_with_one_key_make_one_session(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    odd = replace(flow, carrier=echoing(None, plivo))

    made = {create(odd).session.carrier_session_uuid for _ in range(3)}

    assert len(made) == 1
    assert len(plivo.sessions()) == 1


def test_a_session_that_may_be_anothers_is_neither_taken_nor_called_not_created(
    flow: CreateSession, plivo: SimulatedPlivo, stores: Stores
) -> None:
    odd = replace(flow, carrier=echoing(None, plivo, created_time=None))

    with pytest.raises(CarrierAnswerInvalidError) as unknown:
        create(odd)

    left = stores.sessions.load(SESSION)
    assert outcome_of(unknown.value) == "unknown"
    assert unknown.value.retry_after == 61
    assert unknown.value.members["session_uuid"] == SESSION
    assert left
    assert left.status is Status.RESERVED


def test_what_could_not_be_told_is_taken_over_once_it_can(
    flow: CreateSession,
    services: Services,
    plivo: SimulatedPlivo,
    stores: Stores,
    clock: Clock,
) -> None:
    blind = echoing(None, plivo, created_time=None)
    with pytest.raises(CarrierAnswerInvalidError):
        create(replace(flow, carrier=blind))
    clock.advance(seconds=60)
    reconciler = at(services, clock).reconciler

    still = replace(reconciler, carrier=blind).work_off(SESSION)
    outcome = replace(reconciler, carrier=echoing(None, plivo)).work_off(SESSION)

    found = stores.sessions.load(SESSION)
    [there] = plivo.live()
    assert (still, outcome) == ("left", "adopted")
    assert found
    assert found.carrier_session_uuid == there["session_uuid"]


@pytest.mark.parametrize(
    "held", ["by another of ours", "made long before", "elsewhere", "of other people"]
)
def test_anothers_session_stays_anothers(
    flow: CreateSession,
    plivo: SimulatedPlivo,
    stores: Stores,
    clock: Clock,
    held: str,
) -> None:
    plivo.switch(duplicate_pair="same")
    first = create(flow, key="order-18").session
    changes: dict[str, Any] = {}
    echo: Any = None
    if held == "by another of ours":
        link = carrier_key(str(first.carrier_session_uuid))
        stores.links.put(link, LINK, session_uuid=first.session_uuid)
    elif held == "made long before":
        then = clock() - timedelta(hours=1)
        changes["created_time"] = then.strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
    elif held == "elsewhere":
        echo = "https://elsewhere.example.com/hook"
    else:
        changes["first_party"] = "12025550177"

    with pytest.raises(PairAlreadyActiveError) as refused:
        create(replace(flow, carrier=echoing(echo, plivo, **changes)))

    left = stores.sessions.load(SESSION)
    assert outcome_of(refused.value) == "not_created"
    assert len(plivo.live()) == 1
    assert left
    assert left.status is Status.FAILED


@pytest.mark.parametrize(
    "expiry_time", [None, "", "soon", "0001-01-01 00:00:00 +0000 UTC"]
)
def test_a_created_session_without_a_readable_expiry_is_looked_up(
    flow: CreateSession, plivo: SimulatedPlivo, expiry_time: Any
) -> None:
    carrier = rewriting(plivo, "create", expiry_time=expiry_time)

    created = create(replace(flow, carrier=carrier)).session

    [there] = plivo.sessions()
    assert not created.presumed
    assert created.expiry_time
    assert there["expiry_time"][:19] == created.expiry_time.isoformat()[:19]


# While others change the session


def test_a_callback_that_changes_a_session_being_created_does_not_lose_the_answer(
    flow: CreateSession, plivo: SimulatedPlivo, stores: Stores
) -> None:
    def replace_number() -> None:
        reserved = stores.sessions.load(SESSION)
        assert reserved
        renumbered = transitions.renumber(reserved, "+12025550199")
        stores.sessions.replace(reserved, renumbered)

    odd: Any = Interrupted(flow.carrier, replace_number)

    created = create(replace(flow, carrier=odd)).session

    [there] = plivo.live()
    assert created == stores.sessions.load(SESSION)
    assert created.status is Status.ACTIVE
    assert created.carrier_session_uuid == there["session_uuid"]
    assert created.virtual_number == "+12025550199"


# One key, one request


@pytest.mark.parametrize(
    "body",
    [
        {"generate_pin_length": 6},
        {"pin_retry": 3},
        {"pin_retry_wait": 7},
        {"pin_prompt_play": "https://app.example.com/prompt.mp3"},
        {"force_pin_authentication": True},
    ],
    ids=lambda body: next(iter(body)),
)
def test_another_body_is_another_also_where_the_difference_has_no_effect(
    flow: CreateSession, body: dict[str, Any]
) -> None:
    create(flow)

    with pytest.raises(ProblemError) as refused:
        create(flow, **body)

    # Some are refused for what they are, before the key is looked at.
    assert refused.value.code in ("idempotency_key_reused", "invalid_request")
    if isinstance(refused.value, IdempotencyKeyReusedError):
        assert outcome_of(refused.value) == "not_created"


def test_a_key_of_before_stays_the_key_of_its_request(
    flow: CreateSession, stores: Stores
) -> None:
    session = create(flow).session
    effective = transitions.hash_of_request(session.asked, session.labels)
    assert effective != session.request_hash
    stores.sessions.replace(
        session,
        replace(session, request_hash=effective, version=session.version + 1),
    )

    assert create(flow).replayed
