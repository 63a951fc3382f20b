"""A tenant's quotas, sub-account and retention: what they refuse, and what never."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.create_session import app
from functions.deliver_webhook import app as deliver_app
from functions.on_session_event import app as callback_app
from masking.api import requests
from masking.core import key_space
from masking.core.problems import (
    InvalidRequestError,
    QuotaExceededError,
    StorageUnavailableError,
)
from masking.domain.sessions import Session, Status
from masking.lifecycle.create_session import CreateSession
from masking.plivo.errors import CarrierRefusedError, NumberPoolExhaustedError
from masking.storage.stores import Stores
from masking.tenants import tenant_settings
from masking.tenants.tenant_settings import TenantSettings
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.creating import DOMAIN, SESSION, create, outcome_of
from tests.support.embedded_aws import EmbeddedAws
from tests.support.faulty_stores import faulty_stores
from tests.support.payloads import PAIR, http, problem, read, sample
from tests.support.sessions_there import planted
from tests.support.signed_callbacks import callback
from tests.support.simulated_plivo import SimulatedPlivo

SUBACCOUNT = "SALOCALDEVELOPMENT00"
FOREIGN = "SAXXXXXXXXXXXXXXXXXX"


def under(flow: CreateSession, **rules: Any) -> CreateSession:
    """Return the flow for a tenant with settings."""
    found = TenantSettings(**rules)
    return replace(flow, settings_of=lambda _: found)


def pairs() -> Callable[[], dict[str, str]]:
    """Return what returns another pair each time."""
    numbers = iter(range(100, 10_000))
    return lambda: {
        "first_party": f"+1212555{next(numbers):04d}",
        "second_party": f"+1213555{next(numbers):04d}",
    }


# Creates in a minute


def test_of_fifty_at_once_with_a_quota_of_twenty_exactly_twenty_are_made(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    limited = under(flow, creates_per_minute=20)
    together = threading.Barrier(50)
    another = pairs()
    bodies = [another() for _ in range(50)]

    def send(number: int) -> str:
        together.wait()
        try:
            create(limited, key=f"n{number}", **bodies[number])
        except QuotaExceededError as error:
            return str(outcome_of(error))
        return "created"

    with ThreadPoolExecutor(50) as pool:
        outcomes = list(pool.map(send, range(50)))

    assert outcomes.count("created") == 20
    assert outcomes.count("not_created") == 30
    assert len(plivo.live()) == 20
    assert len(plivo.requests("create")) == 20


def test_the_next_minute_begins_anew_and_retry_after_leads_there(
    flow: CreateSession, clock: Clock
) -> None:
    clock.at = clock.at.replace(second=17)
    limited = under(flow, creates_per_minute=1)
    create(limited, key="one")

    with pytest.raises(QuotaExceededError) as refused:
        create(limited, key="two", second_party="+12025550102")

    assert refused.value.retry_after == 43
    assert refused.value.members == {
        "quota": "creates_per_minute",
        "limit": 1,
        "outcome": "not_created",
    }
    clock.advance(seconds=refused.value.retry_after)
    assert not create(limited, key="two", second_party="+12025550102").replayed


def test_replays_are_neither_refused_nor_counted(
    flow: CreateSession, clock: Clock, stores: Stores
) -> None:
    limited = under(flow, creates_per_minute=2)
    create(limited, key="one")
    for _ in range(5):
        assert create(limited, key="one").replayed

    create(limited, key="two", second_party="+12025550102")
    with pytest.raises(QuotaExceededError):
        create(limited, key="three", second_party="+12025550103")

    assert create(limited, key="one").replayed
    assert create(limited, key="two", second_party="+12025550102").replayed
    assert stores.tenants.creates_in("acme", clock()) == 2


def test_without_a_key_a_create_beyond_the_quota_is_refused(
    flow: CreateSession,
) -> None:
    limited = under(flow, creates_per_minute=1)
    create(limited, key=None)

    with pytest.raises(QuotaExceededError) as refused:
        create(limited, key=None, second_party="+12025550102")

    assert outcome_of(refused.value) == "not_created"


def test_a_create_that_plivo_refused_counts_and_so_does_its_next_try(
    flow: CreateSession, plivo: SimulatedPlivo, stores: Stores, clock: Clock
) -> None:
    limited = under(flow, creates_per_minute=2)
    plivo.arm(create_pool_exhausted={"times": 2})
    for _ in range(2):
        with pytest.raises(NumberPoolExhaustedError):
            create(limited)

    with pytest.raises(QuotaExceededError) as refused:
        create(limited)

    assert outcome_of(refused.value) == "not_created"
    assert len(plivo.requests("create")) == 2
    assert stores.tenants.creates_in("acme", clock()) == 2


def test_one_too_many_that_was_reserved_frees_its_key(
    flow: CreateSession, plivo: SimulatedPlivo, stores: Stores, clock: Clock
) -> None:
    class Late(Clock):
        """A clock by which the quota is used up after it was looked at."""

        def __call__(self) -> datetime:
            if stores.sessions.load_state(SESSION):
                stores.tenants.count_create("acme", self.at, 1)
            return self.at

    late = replace(under(flow, creates_per_minute=1), now=Late(clock.at))

    with pytest.raises(QuotaExceededError) as refused:
        create(late)

    session = stores.sessions.load_state(SESSION)
    assert session
    assert session.status is Status.FAILED
    assert outcome_of(refused.value) == "not_created"
    assert plivo.requests("create") == []
    clock.advance(minutes=1)
    assert not create(replace(late, now=clock)).replayed


def test_a_create_taken_over_after_its_lease_is_not_counted_again(
    flow: CreateSession, plivo: SimulatedPlivo, clock: Clock, stores: Stores
) -> None:
    clock.at = clock.at.replace(second=0)
    limited = under(flow, creates_per_minute=1)
    plivo.arm(create_5xx_before_commit={"times": 1})
    with pytest.raises(Exception, match="Plivo"):
        create(limited)
    clock.advance(seconds=61)
    # The minute's creates are made by another.
    assert stores.tenants.count_create("acme", clock(), 1)

    created = create(limited)

    assert created.session.status is Status.ACTIVE
    assert stores.tenants.creates_in("acme", clock()) == 1


def test_the_counter_is_purged(stores: Stores, clock: Clock) -> None:
    assert stores.tenants.count_create("acme", clock(), 5)

    kept = stores.table.get_all([("TENANT#acme", key_space.minute_key(clock()))])

    [counter] = kept.values()
    assert counter["made"] == 1
    assert 0 < counter["purge_at"] - clock().timestamp() <= 3600


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    most=st.integers(1, 4),
    sent=st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=20),
)
def test_every_order_of_creates_and_replays_makes_what_the_quota_lets(
    flow: CreateSession,
    plivo: SimulatedPlivo,
    clock: Clock,
    most: int,
    sent: list[tuple[int, bool]],
) -> None:
    """*sent* are numbers of keys, and whether a minute goes by before each."""
    plivo.reset()
    limited = under(flow, creates_per_minute=most)
    example = uuid.uuid4()
    another = pairs()
    bodies = [another() for _ in range(10)]
    made: set[int] = set()
    in_minute = 0
    for number, minute_goes_by in [(0, True), *sent]:
        if minute_goes_by:
            clock.advance(minutes=1)
            in_minute = 0
        try:
            created = create(limited, key=f"{example}-{number}", **bodies[number])
        except QuotaExceededError:
            assert in_minute == most
            assert number not in made
        else:
            assert created.replayed == (number in made)
            in_minute += number not in made
            made.add(number)
            assert in_minute <= most


# Live sessions


def test_as_many_live_sessions_as_the_quota_are_enough(
    flow: CreateSession, stores: Stores, plivo: SimulatedPlivo
) -> None:
    limited = under(flow, live_sessions=3)
    create(limited, key="one")
    stores.tenants.put_live("acme", 3)

    with pytest.raises(QuotaExceededError) as refused:
        create(limited, key="two", second_party="+12025550102")

    assert refused.value.retry_after == 30
    assert refused.value.members == {
        "quota": "live_sessions",
        "limit": 3,
        "outcome": "not_created",
    }
    assert create(limited, key="one").replayed
    assert len(plivo.requests("create")) == 1
    stores.tenants.count_live("acme", -1)
    assert not create(limited, key="two", second_party="+12025550102").replayed


def test_a_failed_create_is_not_tried_again_beyond_the_quota(
    flow: CreateSession, stores: Stores, plivo: SimulatedPlivo
) -> None:
    limited = under(flow, live_sessions=3)
    plivo.arm(create_pool_exhausted={"times": 1})
    with pytest.raises(NumberPoolExhaustedError):
        create(limited)
    stores.tenants.put_live("acme", 3)

    with pytest.raises(QuotaExceededError) as refused:
        create(limited)

    assert outcome_of(refused.value) == "not_created"


# Its own sub-account


def test_a_tenants_sub_account_is_on_every_create(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    bound = under(flow, subaccount=SUBACCOUNT)

    unnamed = create(bound, key="one")
    named = create(bound, key="two", second_party="+12025550102", subaccount=SUBACCOUNT)

    for created in (unnamed, named):
        assert created.session.settings["subaccount"] == SUBACCOUNT
    assert [each["account"] for each in plivo.sessions()] == [SUBACCOUNT] * 2


def test_another_sub_account_is_refused_by_name_and_rule(
    flow: CreateSession, plivo: SimulatedPlivo
) -> None:
    bound = under(flow, subaccount=SUBACCOUNT)

    with pytest.raises(InvalidRequestError) as refused:
        create(bound, subaccount=FOREIGN)

    assert outcome_of(refused.value) == "not_created"
    assert refused.value.members["violations"] == [
        {
            "field": "subaccount",
            "rule": "must be the sub-account of this tenant, or be left out",
            "sent": None,
        }
    ]
    assert plivo.requests("create") == []


def test_a_create_is_replayed_though_the_tenant_got_a_sub_account_since(
    flow: CreateSession,
) -> None:
    first = create(flow)

    replayed = create(under(flow, subaccount=SUBACCOUNT))

    assert replayed.replayed
    assert replayed.session.carrier_session_uuid == first.session.carrier_session_uuid
    assert "subaccount" not in replayed.session.settings


def test_a_create_that_named_another_sub_account_before_is_replayed_and_not_tried_again(
    flow: CreateSession,
) -> None:
    create(flow, subaccount=SUBACCOUNT)
    with pytest.raises(CarrierRefusedError):
        create(flow, key="refused", second_party="+12025550102", subaccount=FOREIGN)
    bound = under(flow, subaccount="SAYYYYYYYYYYYYYYYYYY")

    assert create(bound, subaccount=SUBACCOUNT).replayed
    with pytest.raises(InvalidRequestError):
        create(bound, key="refused", second_party="+12025550102", subaccount=FOREIGN)


# Retention


def test_a_tenants_retention_holds_for_all_items_of_its_sessions(
    services: Services, flow: CreateSession
) -> None:
    kept_for = timedelta(days=7)
    session = create(
        under(flow, retention_days=kept_for.days),
        callback_url="https://app.example.com/events",
    ).session
    told = callback(session, services.callback_key)
    assert callback_app.lambda_handler(told, None)["statusCode"] == 200
    # No such host: the attempt fails, and is kept.
    deliver_app.lambda_handler(_delivery_to(session), None)
    stores = services.stores
    fetched = {"fetched_at": "now", "calls": []}
    purge_at = stores.sessions.purge_at(session)
    stores.snapshots.put(session, fetched, None, purge_at)

    whole = stores.sessions.load_whole(session.session_uuid)
    key = key_space.session_key(session.session_uuid)
    kept = stores.table.get_all(
        [(key, key_space.STATE), (key, key_space.REQUEST), (key, key_space.SNAPSHOT)]
    )

    assert whole
    assert session.expiry_time
    ends = int((session.expiry_time + kept_for).timestamp())
    assert kept[key, key_space.STATE]["kept_until"] == ends
    items = [
        *kept.values(),
        *whole.callbacks,
        *stores.deliveries.of_session(session.session_uuid),
    ]
    [purged] = {item["purge_at"] for item in items}
    assert len(items) == 3 + 1 + 1
    assert ends <= purged <= ends + (kept_for / 2).total_seconds()


def _delivery_to(session: Session) -> dict[str, Any]:
    """Return the message of an event for a session's app."""
    message = sample("deliver_webhook")
    body = json.loads(message["Records"][0]["body"])
    body["detail"] |= {"session_uuid": session.session_uuid, "tenant_id": "acme"}
    message["Records"][0]["body"] = json.dumps(body)
    sent = str(int(datetime.now(UTC).timestamp() * 1000))
    message["Records"][0]["attributes"]["SentTimestamp"] = sent
    return message


def test_whoever_writes_a_session_next_keeps_its_retention(
    stores: Stores, clock: Clock
) -> None:
    session = planted(stores, clock)
    kept = replace(session, version=session.version + 1, retention_days=3)
    stores.sessions.replace(session, kept)

    again = stores.sessions.load(session.session_uuid)

    assert again
    assert again.retention_days == 3


# The function


def test_a_function_reads_settings_once_a_minute_and_answers_429(
    services: Services, plivo: SimulatedPlivo
) -> None:
    assert plivo.sessions() == []
    tenant_settings.save(
        services.stores.tenants, "acme", TenantSettings(creates_per_minute=1)
    )
    body = json.dumps(PAIR)
    first = app.lambda_handler(http("create_session", body=body), None)

    refused = app.lambda_handler(http("create_session", body=body), None)

    assert first["statusCode"] == 201
    assert problem(refused) == (429, "quota_exceeded", "not_created")
    document = read(refused)
    assert (document["quota"], document["limit"]) == ("creates_per_minute", 1)
    assert 1 <= int(refused["headers"]["retry-after"]) <= 60


def test_settings_are_known_a_minute_after_they_were_set(services: Services) -> None:
    from masking.wiring.lifecycle import remembered

    clock = Clock(datetime.now(UTC))
    stores = services.stores.tenants
    settings_of = remembered(lambda tenant: tenant_settings.load(stores, tenant), clock)
    none = settings_of("acme")
    chosen = TenantSettings(2, 3, 4, SUBACCOUNT)

    tenant_settings.save(stores, "acme", chosen)

    assert none == TenantSettings()
    clock.advance(seconds=60)
    assert settings_of("acme") == none
    clock.advance(seconds=1)
    assert settings_of("acme") == chosen


@pytest.mark.parametrize(
    ("key", "outcome"), [(None, "not_created"), ("order-17", "unknown")]
)
def test_settings_that_cannot_be_read_leave_a_true_outcome(
    services: Services,
    flow: CreateSession,
    aws: EmbeddedAws,
    key: str | None,
    outcome: str,
) -> None:
    broken = faulty_stores(aws, services.stores.table.name, "GetItem")
    failing = replace(
        flow, settings_of=lambda t: tenant_settings.load(broken.tenants, t)
    )

    with pytest.raises(StorageUnavailableError) as failed:
        failing.create(
            requests.parse_create(PAIR),
            tenant_id="acme",
            idempotency_key=key,
            domain=DOMAIN,
        )

    assert outcome_of(failed.value) == outcome
