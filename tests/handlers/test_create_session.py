"""POST /v1/sessions: one request, one session, however often it is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from functions.create_session import app
from local.plivo.fault_catalogue import FAULTS
from masking import contract, sessions
from masking.carrier import Carrier
from masking.create import Created, CreateFlow
from masking.errors import (
    CarrierError,
    CarrierTimeoutError,
    CarrierUnreachableError,
    CreateAbandonedError,
    CreateInProgressError,
    IdempotencyKeyReusedError,
    PairAlreadyActiveError,
    ProblemError,
    StorageUnavailableError,
)
from masking.sessions import CarrierSession, Status
from masking.table import Table
from masking.wiring import Services
from tests.handlers.clock import Clock
from tests.handlers.embedded_aws import Deployment, EmbeddedAws
from tests.handlers.faulty_table import faulty_table
from tests.handlers.payloads import PAIR, http, problem, read, sample
from tests.handlers.simulated_plivo import SimulatedPlivo
from tests.unit.wire import Wire, hang

BASE = "https://masks.example.com"
SESSION = sessions.session_uuid_for("acme", "order-17")

# Faults after which Plivo may or may not have made a session.
DONE = ["create_5xx_after_commit", "create_reset_after_commit", "create_non_json"]
NOT_DONE = ["create_5xx_before_commit", "create_reset_before_commit"]
# Faults after which it surely has not.
REFUSED = {
    "create_401": "carrier_credentials_refused",
    "create_403": "carrier_forbidden",
    "create_429": "carrier_throttled",
    "create_429_retry_after": "carrier_throttled",
    "create_pool_exhausted": "number_pool_exhausted",
}

Create = Callable[..., Created]


@pytest.fixture
def flow(services: Services, plivo: SimulatedPlivo, clock: Clock) -> CreateFlow:
    """Give the flow as a function has it, with a clock of the test's."""
    assert plivo.sessions() == []
    return CreateFlow(services.table, services.carrier, services.callback_key, clock)


@pytest.fixture
def hasty(services: Services, plivo: SimulatedPlivo, flow: CreateFlow) -> CreateFlow:
    """Give the flow with a carrier that waits one second only."""
    carrier = Carrier(
        auth_id=plivo.auth_id,
        auth_token=plivo.auth_token,
        base_url=plivo.origin,
        timeout=(1.0, 1.0),
    )
    return replace(flow, carrier=carrier)


def create(flow: CreateFlow, key: str | None = "order-17", **body: Any) -> Created:
    """Send a create of tenant acme."""
    return flow.create(
        contract.parse_create({**PAIR, **body}),
        tenant_id="acme",
        idempotency_key=key,
        base_url=BASE,
    )


def outcome_of(error: ProblemError) -> Any:
    """Give what an error says about the session's existence."""
    return error.members["outcome"]


# The first create


def test_a_create_makes_one_session_here_and_at_plivo(
    flow: CreateFlow, plivo: SimulatedPlivo, table: Table
) -> None:
    created = create(flow, labels={"order": "17"})

    [there] = plivo.sessions()
    here = table.load(SESSION)
    assert created.session == here
    assert not created.replayed
    assert here
    assert here.status is Status.ACTIVE
    assert here.carrier_session_uuid == there["session_uuid"]
    assert here.virtual_number == there["virtual_number"]
    assert here.labels == {"order": "17"}


def test_the_callbacks_that_plivo_gets_are_ours_and_not_the_apps(
    flow: CreateFlow, plivo: SimulatedPlivo
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
    flow: CreateFlow, plivo: SimulatedPlivo
) -> None:
    plivo.switch(min_expiry="clamp")

    session = create(flow, session_expiry=5).session

    assert session.created_time
    assert session.expiry_time
    assert (session.expiry_time - session.created_time).total_seconds() == 60


def test_every_attribute_reaches_plivo_as_it_was_asked_for(
    flow: CreateFlow, plivo: SimulatedPlivo
) -> None:
    asked = {
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
    flow: CreateFlow, plivo: SimulatedPlivo
) -> None:
    first = create(flow)
    second = create(flow)

    assert second.replayed
    assert second.session == first.session
    assert len(plivo.requests("create")) == 1


def test_defaults_written_out_are_the_same_request(flow: CreateFlow) -> None:
    create(flow)

    assert create(flow, session_expiry=3600, record=False).replayed


@pytest.mark.parametrize(
    "other", [{"record": True}, {"labels": {"a": "b"}}, {"second_party": "+12025550102"}]
)
def test_the_key_with_another_body_is_refused(
    flow: CreateFlow, plivo: SimulatedPlivo, other: dict[str, Any]
) -> None:
    create(flow)

    with pytest.raises(IdempotencyKeyReusedError) as refused:
        create(flow, **other)

    assert outcome_of(refused.value) == "not_created"
    assert len(plivo.requests("create")) == 1


def test_one_tenants_key_says_nothing_about_anothers(
    flow: CreateFlow, plivo: SimulatedPlivo
) -> None:
    create(flow)

    other = flow.create(
        contract.parse_create(PAIR),
        tenant_id="other",
        idempotency_key="order-17",
        base_url=BASE,
    )

    assert not other.replayed
    assert len(plivo.sessions()) == 2


def test_without_a_key_each_request_makes_a_session(
    flow: CreateFlow, plivo: SimulatedPlivo
) -> None:
    assert create(flow, key=None).session != create(flow, key=None).session
    assert len(plivo.sessions()) == 2


def test_while_one_works_on_a_key_the_others_are_told_to_wait(
    flow: CreateFlow, plivo: SimulatedPlivo, table: Table, clock: Clock
) -> None:
    reserve(table, clock)
    clock.advance(seconds=20)

    with pytest.raises(CreateInProgressError) as refused:
        create(flow)

    assert outcome_of(refused.value) == "unknown"
    assert refused.value.retry_after == 41
    assert plivo.requests() == []


def test_an_ended_session_is_still_the_keys_session(
    flow: CreateFlow, plivo: SimulatedPlivo, table: Table
) -> None:
    session = create(flow).session
    table.replace(session, sessions.expire(session))

    again = create(flow)

    assert again.replayed
    assert again.session.status is Status.EXPIRED
    assert len(plivo.requests("create")) == 1


# Plivo says no


@pytest.mark.parametrize(("fault", "code"), REFUSED.items())
def test_a_definite_no_creates_nothing_and_frees_the_key(
    flow: CreateFlow, plivo: SimulatedPlivo, table: Table, fault: str, code: str
) -> None:
    plivo.arm(**{fault: {"times": 1}})

    with pytest.raises(CarrierError) as refused:
        create(flow)

    failed = table.load(SESSION)
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
    flow: CreateFlow, plivo: SimulatedPlivo
) -> None:
    plivo.arm(create_pool_exhausted={"times": 1})
    with pytest.raises(CarrierError):
        create(flow)

    with pytest.raises(IdempotencyKeyReusedError):
        create(flow, record=True)


def test_a_plivo_that_cannot_be_reached_has_created_nothing(
    flow: CreateFlow, plivo: SimulatedPlivo, table: Table
) -> None:
    nowhere = Carrier(
        auth_id=plivo.auth_id,
        auth_token=plivo.auth_token,
        base_url="http://127.0.0.1:9",
    )

    with pytest.raises(CarrierUnreachableError) as refused:
        create(replace(flow, carrier=nowhere))

    failed = table.load(SESSION)
    assert outcome_of(refused.value) == "not_created"
    assert failed
    assert failed.status is Status.FAILED


# Nobody knows


@pytest.mark.parametrize("fault", DONE)
def test_what_plivo_made_without_saying_so_is_found_and_adopted(
    flow: CreateFlow, plivo: SimulatedPlivo, fault: str
) -> None:
    plivo.arm(**{fault: {"times": 1}})

    created = create(flow)

    [there] = plivo.sessions()
    assert created.session.carrier_session_uuid == there["session_uuid"]
    assert not created.replayed
    assert len(plivo.requests("create")) == 1


def test_what_plivo_made_in_silence_is_found_and_adopted(
    hasty: CreateFlow, plivo: SimulatedPlivo
) -> None:
    plivo.arm(create_timeout_after_commit={"times": 1, "seconds": 3})

    created = create(hasty)

    [there] = plivo.sessions()
    assert created.session.carrier_session_uuid == there["session_uuid"]
    assert len(plivo.requests("create")) == 1


@pytest.mark.parametrize("fault", NOT_DONE)
def test_an_unknown_outcome_is_called_so_and_cleared_up_after_the_lease(
    flow: CreateFlow, plivo: SimulatedPlivo, table: Table, clock: Clock, fault: str
) -> None:
    plivo.arm(**{fault: {"times": 1}})

    with pytest.raises(CarrierError) as unknown:
        create(flow)

    left = table.load(SESSION)
    assert outcome_of(unknown.value) == "unknown"
    assert unknown.value.members["session_uuid"] == SESSION
    assert unknown.value.retry_after == 61
    assert left
    assert left.status is Status.RESERVED

    with pytest.raises(CreateInProgressError):
        create(flow)
    clock.advance(seconds=60)
    created = create(flow)

    [there] = plivo.sessions()
    assert created.session.attempt == 2
    assert created.session.carrier_session_uuid == there["session_uuid"]
    assert not created.replayed


def test_silence_is_a_time_out_of_unknown_outcome(
    hasty: CreateFlow, plivo: SimulatedPlivo
) -> None:
    plivo.arm(create_timeout_before_commit={"times": 1, "seconds": 3})

    with pytest.raises(CarrierTimeoutError) as unknown:
        create(hasty)

    assert outcome_of(unknown.value) == "unknown"
    assert unknown.value.status == 504


def test_a_listing_that_lags_delays_the_adoption_and_makes_no_second_session(
    flow: CreateFlow, plivo: SimulatedPlivo, clock: Clock
) -> None:
    plivo.arm(
        create_5xx_after_commit={"times": 1}, list_lag={"times": 1, "seconds": 30}
    )
    with pytest.raises(CarrierError) as unknown:
        create(flow)
    clock.advance(seconds=60)

    adopted = create(flow)

    [there] = plivo.sessions()
    assert outcome_of(unknown.value) == "unknown"
    assert adopted.replayed
    assert adopted.session.carrier_session_uuid == there["session_uuid"]
    assert len(plivo.requests("create")) == 1


def test_if_even_the_listing_fails_nothing_is_sent_again(
    flow: CreateFlow, plivo: SimulatedPlivo, table: Table, clock: Clock
) -> None:
    plivo.arm(create_5xx_after_commit={"times": 1}, list_5xx={})
    with pytest.raises(CarrierError) as first:
        create(flow)
    clock.advance(seconds=60)
    with pytest.raises(CarrierError) as second:
        create(flow)

    left = table.load(SESSION)
    assert outcome_of(first.value) == outcome_of(second.value) == "unknown"
    assert left
    assert left.status is Status.RESERVED
    assert len(plivo.requests("create")) == 1

    plivo.arm()

    assert create(flow).replayed
    assert len(plivo.sessions()) == 1


def test_a_session_that_ended_before_it_was_found_is_answered_as_ended(
    flow: CreateFlow, plivo: SimulatedPlivo, clock: Clock
) -> None:
    plivo.arm(create_5xx_after_commit={"times": 1}, list_5xx={"times": 2})
    with pytest.raises(CarrierError):
        create(flow)
    plivo.end(plivo.sessions()[0]["session_uuid"])
    clock.advance(seconds=60)

    found = create(flow)

    assert found.replayed
    assert found.session.status is Status.EXPIRED
    assert len(plivo.requests("create")) == 1


@pytest.mark.parametrize("fault", NOT_DONE)
def test_a_create_that_rings_a_phone_is_never_sent_again(
    flow: CreateFlow, plivo: SimulatedPlivo, table: Table, clock: Clock, fault: str
) -> None:
    plivo.arm(**{fault: {"times": 1}})
    with pytest.raises(CarrierError):
        create(flow, initiate_call_to_first_party=True)
    clock.advance(seconds=60)

    for _ in range(2):
        with pytest.raises(CreateAbandonedError) as abandoned:
            create(flow, initiate_call_to_first_party=True)
        assert outcome_of(abandoned.value) == "unknown"

    left = table.load(SESSION)
    assert left
    assert left.status is Status.ABANDONED
    assert len(plivo.requests("create")) == 1


def test_a_phone_that_rang_without_an_answer_to_us_rings_once(
    flow: CreateFlow, plivo: SimulatedPlivo
) -> None:
    plivo.arm(create_5xx_after_commit={"times": 1})

    created = create(flow, initiate_call_to_first_party=True)

    rang = [r for r in plivo.requests("create") if r["committed"]["rang"]]
    assert created.session.status is Status.ACTIVE
    assert len(rang) == 1


@pytest.mark.parametrize(
    "fault", sorted(name for name, fault in FAULTS.items() if fault.point == "create")
)
@pytest.mark.parametrize("times", [1, 3])
def test_whatever_plivo_does_the_outcome_is_true_and_in_the_end_there_is_one_session(
    hasty: CreateFlow, plivo: SimulatedPlivo, clock: Clock, fault: str, times: int
) -> None:
    spec: dict[str, Any] = {"times": times}
    if "seconds" in FAULTS[fault].parameters:
        spec["seconds"] = 1.2 if "slow" in fault or "timeout" in fault else 1
    plivo.arm(**{fault: spec})

    for _ in range(times + 1):
        try:
            created = create(hasty)
        except ProblemError as error:
            live = len(plivo.live())
            assert outcome_of(error) in ("not_created", "unknown")
            assert live == 0 if outcome_of(error) == "not_created" else live <= 1
            clock.advance(seconds=60)
        else:
            [there] = plivo.live()
            assert created.session.carrier_session_uuid == there["session_uuid"]

    assert create(hasty).replayed
    assert len(plivo.live()) == 1


# The pair is active already


def test_a_pair_that_plivo_already_connects_is_refused_and_left_alone(
    flow: CreateFlow, plivo: SimulatedPlivo, table: Table
) -> None:
    plivo.switch(duplicate_pair="same")
    first = create(flow).session

    with pytest.raises(PairAlreadyActiveError) as refused:
        create(flow, key="order-18")

    [there] = plivo.live()
    second = table.load(sessions.session_uuid_for("acme", "order-18"))
    assert outcome_of(refused.value) == "not_created"
    assert there["session_uuid"] == first.carrier_session_uuid
    assert table.load(SESSION) == first
    assert second
    assert second.status is Status.FAILED


def test_a_second_attempt_that_is_answered_with_the_firsts_session_adopts_it(
    flow: CreateFlow, plivo: SimulatedPlivo, clock: Clock
) -> None:
    plivo.switch(duplicate_pair="same")
    plivo.arm(
        create_5xx_after_commit={"times": 1}, list_lag={"times": 2, "seconds": 300}
    )
    with pytest.raises(CarrierError):
        create(flow)
    clock.advance(seconds=60)

    created = create(flow)

    [there] = plivo.sessions()
    assert created.session.carrier_session_uuid == there["session_uuid"]
    assert len(plivo.requests("create")) == 2


# Many at once


def test_twenty_requests_with_one_key_at_once_make_one_session(
    flow: CreateFlow, plivo: SimulatedPlivo
) -> None:
    together = threading.Barrier(20)

    def send(_: int) -> str | None:
        together.wait()
        try:
            return create(flow).session.session_uuid
        except CreateInProgressError:
            return None

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, range(20)))

    assert set(answers) - {None} == {SESSION}
    assert len(plivo.requests("create")) == 1
    assert create(flow).replayed


def test_twenty_sessions_of_one_party_at_once_are_twenty_numbers(
    flow: CreateFlow, plivo: SimulatedPlivo
) -> None:
    def send(number: int) -> str | None:
        second = f"+120255501{number:02d}"
        return create(flow, key=f"n{number}", second_party=second).session.virtual_number

    with ThreadPoolExecutor(20) as pool:
        numbers = list(pool.map(send, range(20, 40)))

    assert len(set(numbers)) == 20
    assert len(plivo.live()) == 20


def test_many_who_come_after_the_lease_take_over_once(
    flow: CreateFlow, plivo: SimulatedPlivo, clock: Clock
) -> None:
    plivo.arm(create_5xx_before_commit={"times": 1})
    with pytest.raises(CarrierError):
        create(flow)
    clock.advance(seconds=60)

    def send(_: int) -> str | None:
        try:
            return create(flow).session.carrier_session_uuid
        except CreateInProgressError:
            return None

    with ThreadPoolExecutor(10) as pool:
        answers = set(pool.map(send, range(10)))

    [there] = plivo.live()
    assert answers - {None} == {there["session_uuid"]}
    assert len(plivo.requests("create")) == 2


class Interrupted:
    """A carrier during whose create something else happens."""

    def __init__(self, carrier: Carrier, meanwhile: Callable[[], object]) -> None:
        self._carrier = carrier
        self._meanwhile = meanwhile

    def create(self, *arguments: Any) -> CarrierSession:
        """Create, then let the other thing happen before the answer arrives."""
        answer = self._carrier.create(*arguments)
        self._meanwhile()
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._carrier, name)


def test_who_comes_back_too_late_removes_what_he_made(
    flow: CreateFlow, plivo: SimulatedPlivo, clock: Clock
) -> None:
    def overtake() -> None:
        clock.advance(seconds=61)
        plivo.arm(list_lag={"times": 1, "seconds": 300})
        assert create(flow).session.attempt == 2

    late: Any = Interrupted(flow.carrier, overtake)

    created = create(replace(flow, carrier=late))

    [there] = plivo.live()
    assert created.session.attempt == 2
    assert created.session.carrier_session_uuid == there["session_uuid"]
    assert len(plivo.sessions()) == 2


def test_who_comes_back_while_another_tries_makes_no_promise(
    flow: CreateFlow, table: Table, clock: Clock
) -> None:
    def retake() -> None:
        session = table.load(SESSION)
        assert session
        table.replace(session, sessions.retake(session, clock()))

    late: Any = Interrupted(flow.carrier, retake)

    with pytest.raises(CreateInProgressError) as unknown:
        create(replace(flow, carrier=late))

    assert outcome_of(unknown.value) == "unknown"


# Our storage fails


def test_without_a_reservation_plivo_is_not_asked(
    flow: CreateFlow, plivo: SimulatedPlivo, aws: EmbeddedAws, deployment: Deployment
) -> None:
    broken = faulty_table(aws, deployment.table_name, "PutItem")

    with pytest.raises(StorageUnavailableError) as failed:
        create(replace(flow, table=broken))

    assert outcome_of(failed.value) == "unknown"
    assert failed.value.retry_after == 2
    assert plivo.requests() == []


def test_without_what_was_asked_for_plivo_is_not_asked_and_the_key_recovers(
    flow: CreateFlow,
    plivo: SimulatedPlivo,
    clock: Clock,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    broken = faulty_table(aws, deployment.table_name, "PutItem", on=2)
    with pytest.raises(StorageUnavailableError):
        create(replace(flow, table=broken))
    assert plivo.requests() == []
    clock.advance(seconds=60)

    created = create(flow)

    assert created.session.attempt == 2
    assert create(flow).session.asked == created.session.asked
    assert len(plivo.live()) == 1


def test_a_session_that_could_not_be_confirmed_is_adopted_after_the_lease(
    flow: CreateFlow,
    plivo: SimulatedPlivo,
    clock: Clock,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    broken = faulty_table(aws, deployment.table_name, "PutItem", on=3)
    with pytest.raises(StorageUnavailableError) as failed:
        create(replace(flow, table=broken))
    clock.advance(seconds=60)

    created = create(flow)

    [there] = plivo.sessions()
    assert outcome_of(failed.value) == "unknown"
    assert created.replayed
    assert created.session.carrier_session_uuid == there["session_uuid"]


def test_a_reservation_that_cannot_be_read_is_in_progress(
    flow: CreateFlow, aws: EmbeddedAws, deployment: Deployment, clock: Clock
) -> None:
    class Forgetful(Table):
        def load(self, _session_uuid: str) -> None:
            return None

    reserve(flow.table, clock)
    forgetful = Forgetful(aws.client("dynamodb"), deployment.table_name)

    with pytest.raises(CreateInProgressError):
        create(replace(flow, table=forgetful))


def reserve(table: Table, clock: Clock) -> None:
    """Reserve the session of the usual request, as another function would."""
    request = contract.parse_create(PAIR)
    table.reserve(
        sessions.reserve(
            session_uuid=SESSION,
            tenant_id="acme",
            asked=contract.asked(request),
            labels=request.labels,
            base_url=BASE,
            now=clock(),
        )
    )


# The handler


@pytest.mark.usefixtures("deployment", "plivo")
def test_the_answer_is_plivos_envelope_with_clean_types() -> None:
    answer = app.lambda_handler(sample("create_session"), None)

    body = read(answer)
    session = body["session"]
    assert answer["statusCode"] == 201
    assert answer["headers"]["location"] == f"/v1/sessions/{session['session_uuid']}"
    assert answer["headers"]["etag"] == '"2"'
    assert answer["headers"]["content-type"] == "application/json"
    assert "idempotent-replayed" not in answer["headers"]
    assert body.keys() == {"api_id", "message", "session"}
    assert body["message"] == "Session created"
    assert session["status"] == "active"
    assert session["first_party"] == "+12025550100"
    assert session["second_party"] == "+12025550101"
    assert session["virtual_number"] == "+12025550180"
    assert session["call_time_limit"] == 1800
    assert session["record"] is True
    assert session["amount"] == "0"
    assert session["interaction"] == []
    assert session["first_party_pin"] is None
    assert session["callback_url"] == "https://app.example.com/masking/events"
    assert session["labels"] == {"order": "17"}
    assert session["expiry_time"].endswith("Z")


@pytest.mark.usefixtures("deployment", "plivo")
def test_a_replay_is_200_and_says_that_it_is_one() -> None:
    first = app.lambda_handler(sample("create_session"), None)
    second = app.lambda_handler(sample("create_session"), None)

    assert second["statusCode"] == 200
    assert second["headers"]["idempotent-replayed"] == "true"
    assert read(second)["session"] == read(first)["session"]


@pytest.mark.usefixtures("deployment", "plivo")
def test_pins_that_plivo_generated_go_to_the_tenant() -> None:
    answer = app.lambda_handler(sample("create_session.pin"), None)

    session = read(answer)["session"]
    assert answer["statusCode"] == 201
    assert len(session["first_party_pin"]) == len(session["second_party_pin"]) == 6
    assert session["first_party_pin"] != session["second_party_pin"]


@pytest.mark.usefixtures("deployment")
def test_callbacks_come_to_where_the_create_came_in(plivo: SimulatedPlivo) -> None:
    app.lambda_handler(sample("create_session"), None)

    domain = sample("create_session")["requestContext"]["domainName"]
    registered = plivo.sessions()[0]["session"]["callback_url"]
    assert registered.startswith(f"https://{domain}/v1/plivo/sessions/")


@pytest.mark.usefixtures("deployment")
def test_callbacks_come_to_the_public_address_if_one_is_set(
    plivo: SimulatedPlivo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://masks.example.com/api/")

    app.lambda_handler(sample("create_session"), None)

    registered = plivo.sessions()[0]["session"]["callback_url"]
    assert registered.startswith("https://masks.example.com/api/v1/plivo/sessions/")


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (http("create_session", body="{"), (400, "malformed_body")),
        (http("create_session", body="[1]"), (400, "malformed_body")),
        (http("create_session", body=b'"\xc3\xa9"'), (400, "malformed_body")),
        (
            {**http("create_session"), "body": "é!", "isBase64Encoded": True},
            (400, "malformed_body"),
        ),
        (http("create_session", body="x" * 65_537), (413, "body_too_large")),
        (http("create_session", body={}), (400, "invalid_request")),
        (sample("create_session.invalid"), (400, "invalid_request")),
        (
            http("create_session", body=PAIR, headers={"idempotency-key": "é"}),
            (400, "invalid_request"),
        ),
        (
            http("create_session", body=PAIR, headers={"idempotency-key": "k" * 256}),
            (400, "invalid_request"),
        ),
        (http("create_session", scopes="sessions:read"), (403, "scope_missing")),
        (http("create_session", scopes=""), (403, "scope_missing")),
        (
            http("create_session", query="first_party=12025550100"),
            (400, "number_in_url"),
        ),
    ],
    ids=range(12),
)
def test_what_is_refused_before_plivo_is_asked_is_not_created(
    plivo: SimulatedPlivo, event: dict[str, Any], expected: tuple[int, str]
) -> None:
    answer = app.lambda_handler(event, None)

    assert problem(answer) == (*expected, "not_created")
    assert plivo.requests() == []


@pytest.mark.usefixtures("deployment", "plivo")
def test_a_body_may_come_in_base64() -> None:
    answer = app.lambda_handler(http("create_session", body=PAIR, encoded=True), None)

    assert answer["statusCode"] == 201


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize(
    ("fault", "expected", "retry_after"),
    [
        ("create_pool_exhausted", (503, "number_pool_exhausted", "not_created"), "60"),
        ("create_429", (503, "carrier_throttled", "not_created"), "5"),
        ("create_429_retry_after", (503, "carrier_throttled", "not_created"), "2"),
        ("create_401", (502, "carrier_credentials_refused", "not_created"), None),
        ("create_403", (502, "carrier_forbidden", "not_created"), None),
        ("create_5xx_before_commit", (502, "carrier_failed", "unknown"), "60"),
    ],
)
def test_what_plivo_did_not_do_is_told_in_our_words(
    plivo: SimulatedPlivo,
    fault: str,
    expected: tuple[int, str, str],
    retry_after: str | None,
) -> None:
    plivo.arm(**{fault: {"times": 1}})

    answer = app.lambda_handler(sample("create_session"), None)

    assert problem(answer) == expected
    told = answer["headers"].get("retry-after")
    if expected[2] == "unknown":
        assert 55 <= int(told) <= 61
    else:
        assert told == retry_after


@pytest.mark.usefixtures("plivo")
def test_a_secret_that_nobody_filled_in_is_the_operators_to_mend(
    deployment: Deployment, aws: EmbeddedAws
) -> None:
    aws.client("secretsmanager").put_secret_value(
        SecretId=deployment.environment["CARRIER_SECRET_ARN"],
        SecretString='{"auth_id": "not-set", "auth_token": "placeholder"}',
    )

    answer = app.lambda_handler(sample("create_session"), None)

    assert problem(answer) == (502, "carrier_credentials_refused", "not_created")


@pytest.mark.usefixtures("deployment", "plivo")
def test_secrets_that_cannot_be_read_are_our_storages_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CARRIER_SECRET_ARN", "no-such-secret")

    answer = app.lambda_handler(sample("create_session"), None)

    assert problem(answer) == (503, "storage_unavailable", "not_created")


@pytest.mark.usefixtures("deployment", "plivo")
def test_an_unexpected_failure_says_nothing_but_that_the_outcome_is_unknown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RETENTION_DAYS", "call +12025550100")

    answer = app.lambda_handler(sample("create_session"), None)

    assert problem(answer) == (500, "internal_error", "unknown")
    assert "2025550100" not in answer["body"] + capsys.readouterr().out


@pytest.mark.usefixtures("deployment")
def test_neither_logs_nor_metrics_nor_problems_hold_numbers_or_pins(
    plivo: SimulatedPlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    pins = {
        "is_pin_authentication_required": True,
        "first_party_pin": "73310042",
        "second_party_pin": "73310043",
        "pin_prompt_play": "https://app.example.com/prompt.mp3",
    }
    plivo.arm(create_5xx_before_commit={"times": 1}, list_5xx={"times": 1})
    problems = [
        app.lambda_handler(http("create_session", body={**PAIR, **pins}), None),
        app.lambda_handler(
            http("create_session", body={**PAIR, "first_party_pin": "733100420" * 2}),
            None,
        ),
        app.lambda_handler(http("create_session", body="+12025550100"), None),
    ]
    app.lambda_handler(http("create_session", body={**PAIR, **pins}), None)

    emitted = capsys.readouterr()
    shown = emitted.out + emitted.err + "".join(p["body"] for p in problems)
    for secret in ("2025550100", "2025550101", "7331004"):
        assert secret not in shown
    assert "CarrierFailure" in emitted.out


def test_a_hanging_plivo_is_given_up_in_time(
    flow: CreateFlow, plivo: SimulatedPlivo, wire: Wire
) -> None:
    wire.answers(hang())
    carrier = Carrier(
        auth_id=plivo.auth_id,
        auth_token=plivo.auth_token,
        base_url=wire.origin,
        timeout=(0.3, 0.3),
    )

    with pytest.raises(CarrierTimeoutError) as unknown:
        create(replace(flow, carrier=carrier))

    assert outcome_of(unknown.value) == "unknown"
    assert [asked.method for asked in wire.asked] == ["POST", "GET"]
