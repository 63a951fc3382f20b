"""PATCH /v1/sessions/{session_uuid}: the table and Plivo change together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, cast

import pytest

from functions.publish_changes import app as publish_changes
from functions.update_session import app
from masking.api import requests, session_views
from masking.core.problems import (
    FieldNotUpdatableError,
    InvalidRequestError,
    ProblemError,
    SessionExpiredError,
    SessionNotActiveError,
    SessionNotFoundError,
    StorageUnavailableError,
    UpdateInProgressError,
    VersionMismatchError,
)
from masking.domain import due_work, sessions, transitions
from masking.domain.sessions import EndedBy, Session, Status
from masking.lifecycle.update_session import UpdateSession
from masking.plivo.client import Carrier
from masking.plivo.errors import (
    CarrierError,
    CarrierRefusedError,
    CarrierTimeoutError,
    CarrierUnreachableError,
)
from masking.storage.sessions import SessionStore
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.faulty_stores import faulty_stores
from tests.support.interrupted import Interrupted, rewriting
from tests.support.payloads import http, problem, read, sample
from tests.support.sessions_there import created, reserved, stored
from tests.support.simulated_plivo import SimulatedPlivo
from tests.support.stores import own_stores

UNKNOWN = ["update_reset_before_commit", "update_reset_after_commit"]
ANSWERED = ["update_5xx_after_commit", "update_non_json"]
REFUSED = ["update_401", "update_403", "update_429"]
SEED = {"call_time_limit": 3600, "record": True}


@pytest.fixture
def flow(services: Services, plivo: SimulatedPlivo, clock: Clock) -> UpdateSession:
    """Return the use case, with a clock of the test's."""
    assert plivo.sessions() == []
    return at(services, clock).update_session


@pytest.fixture
def session(services: Services, flow: UpdateSession, clock: Clock) -> Session:
    """Return an active session."""
    assert flow.carrier is services.carrier
    return created(services, clock, call_time_limit=1800)


def update(
    flow: UpdateSession, session: Session, if_match: int | None = None, **changes: Any
) -> Session:
    """Send an update of tenant acme."""
    return flow.update(
        session.session_uuid,
        requests.parse_update(changes or SEED),
        tenant_id="acme",
        if_match=if_match,
    )


def outcome_of(error: ProblemError) -> Any:
    """Return what an error says about the change."""
    return error.members["outcome"]


# What an update does


def test_the_seed_pages_update_changes_the_session_here_and_at_plivo(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo, stores: Stores
) -> None:
    updated = update(flow, session)

    there = plivo.sessions()[0]["session"]
    here = stored(stores, session)
    assert there["call_time_limit"] == 3600
    assert there["record"] is True
    assert here == updated
    assert here.settings["call_time_limit"] == 3600
    assert here.settings["record"] is True
    assert here.pending is None
    assert here.version == session.version + 2


def test_a_new_expiry_counts_from_now_as_plivo_says(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo
) -> None:
    updated = update(flow, session, session_expiry=7200)

    assert updated.expiry_time
    assert session.expiry_time
    gained = (updated.expiry_time - session.expiry_time).total_seconds()
    assert 3600 <= gained < 3660
    assert (
        plivo.sessions()[0]["expiry_time"][:19]
        == (updated.expiry_time.isoformat()[:19])
    )


def test_what_plivo_answers_wins_over_what_was_asked(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo
) -> None:
    plivo.switch(call_limit="clamp")

    assert update(flow, session, call_time_limit=5).settings["call_time_limit"] == 60


def test_the_apps_callbacks_change_without_asking_plivo(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo
) -> None:
    hook = "https://app.example.com/new"

    updated = update(flow, session, callback_url=hook, callback_method="GET")

    assert updated.settings["callback_url"] == hook
    assert updated.settings["callback_method"] == "GET"
    assert plivo.requests("update") == []


def test_our_callbacks_at_plivo_survive_every_update(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo
) -> None:
    before = plivo.sessions()[0]["session"]["callback_url"]

    update(flow, session, callback_url="https://app.example.com/new", record=True)

    assert plivo.sessions()[0]["session"]["callback_url"] == before


# Who may update what


def test_an_unknown_session_is_not_found(flow: UpdateSession, session: Session) -> None:
    other = replace(session, session_uuid=sessions.session_uuid_for("acme", "other"))

    with pytest.raises(SessionNotFoundError) as refused:
        update(flow, other)

    assert outcome_of(refused.value) == "not_updated"


def test_another_tenants_session_is_not_found_either(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo
) -> None:
    with pytest.raises(SessionNotFoundError):
        flow.update(
            session.session_uuid, requests.parse_update(SEED), tenant_id="other"
        )

    assert plivo.requests("update") == []


def test_an_update_may_insist_on_the_version_it_knows(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo
) -> None:
    update(flow, session, if_match=session.version)

    with pytest.raises(VersionMismatchError) as refused:
        update(flow, session, if_match=session.version)

    assert outcome_of(refused.value) == "not_updated"
    assert refused.value.members["version"] == session.version + 2
    assert len(plivo.requests("update")) == 1


@pytest.mark.parametrize("party", ["first_party", "second_party"])
def test_the_parties_of_a_pair_are_fixed(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo, party: str
) -> None:
    change: dict[str, Any] = {party: "+12025550109"}
    with pytest.raises(FieldNotUpdatableError) as refused:
        update(flow, session, **change)

    [violation] = refused.value.members["violations"]
    assert violation["field"] == party
    assert violation["sent"] is None
    assert outcome_of(refused.value) == "not_updated"
    assert plivo.requests("update") == []


@pytest.mark.parametrize(
    ("known", "missing"),
    [("first_party", "second_party"), ("second_party", "first_party")],
)
def test_a_single_party_session_takes_its_missing_party_once(
    flow: UpdateSession,
    services: Services,
    clock: Clock,
    plivo: SimulatedPlivo,
    known: str,
    missing: str,
) -> None:
    single = created(
        services,
        clock,
        create_session_with_single_party=True,
        geomatch=False,
        **{known: "+12025550110"},
    )

    added: dict[str, Any] = {missing: "+12025550111"}
    whole = update(flow, single, **added)

    assert plivo.sessions()[0][missing] == "+12025550111"
    assert whole.settings[missing] == "+12025550111"
    for party in (missing, known):
        again: dict[str, Any] = {party: "+12025550112"}
        with pytest.raises(FieldNotUpdatableError):
            update(flow, single, **again)


def test_a_party_cannot_be_added_twice_over(
    flow: UpdateSession, services: Services, clock: Clock, plivo: SimulatedPlivo
) -> None:
    single = created(
        services,
        clock,
        create_session_with_single_party=True,
        first_party="+12025550110",
    )

    with pytest.raises(InvalidRequestError) as refused:
        update(flow, single, second_party="+12025550110")

    [violation] = refused.value.members["violations"]
    assert violation["rule"] == "must differ from first_party"
    assert plivo.requests("update") == []


def test_a_party_that_is_added_is_no_virtual_number_and_in_no_label(
    flow: UpdateSession, services: Services, clock: Clock, plivo: SimulatedPlivo
) -> None:
    single = created(
        services,
        clock,
        create_session_with_single_party=True,
        first_party="+12025550110",
        labels={"customer": "202 555 0111"},
    )
    rules = {
        str(
            single.virtual_number
        ): "must be a person's number and not a virtual number",
        "+12025550111": "must not be a number that a label of the session holds",
    }

    for number, rule in rules.items():
        with pytest.raises(InvalidRequestError) as refused:
            update(flow, single, second_party=number)

        [violation] = refused.value.members["violations"]
        assert (violation["field"], violation["rule"]) == ("second_party", rule)
        assert outcome_of(refused.value) == "not_updated"
    assert plivo.requests("update") == []


def test_a_party_that_plivo_calls_wrong_is_the_callers_mistake(
    flow: UpdateSession, services: Services, clock: Clock
) -> None:
    single = created(
        services,
        clock,
        create_session_with_single_party=True,
        first_party="+12025550110",
    )

    class Refusing:
        def update(self, *_: object) -> None:
            detail = "Plivo refused the request: invalid second_party"
            raise CarrierRefusedError(detail, carrier_status=400)

    asking = replace(flow, carrier=cast(Carrier, Refusing()))

    with pytest.raises(InvalidRequestError) as refused:
        update(asking, single, second_party="+12025550111")

    [violation] = refused.value.members["violations"]
    assert violation["field"] == "second_party"
    assert outcome_of(refused.value) == "not_updated"
    assert stored(services.stores, single).pending is None


def test_an_expired_session_cannot_be_updated_whether_swept_or_not(
    flow: UpdateSession, session: Session, stores: Stores, clock: Clock
) -> None:
    clock.advance(hours=2)
    with pytest.raises(SessionExpiredError):
        update(flow, session)
    stores.sessions.replace(session, transitions.expire(session, clock()))
    with pytest.raises(SessionExpiredError) as refused:
        update(flow, session)

    assert outcome_of(refused.value) == "not_updated"


def test_a_session_that_plivo_has_not_confirmed_cannot_be_updated(
    flow: UpdateSession, stores: Stores, clock: Clock
) -> None:
    with pytest.raises(SessionNotActiveError):
        update(flow, reserved(stores, clock))


def test_a_session_that_is_ending_cannot_be_updated(
    flow: UpdateSession, session: Session, stores: Stores, clock: Clock
) -> None:
    stores.sessions.replace(session, transitions.begin_ending(session, clock()))

    with pytest.raises(SessionNotActiveError):
        update(flow, session)


# One at a time


def test_a_second_update_meanwhile_is_told_to_wait(
    flow: UpdateSession, session: Session, stores: Stores, clock: Clock
) -> None:
    stores.sessions.replace(
        session, transitions.begin_update(session, {"record": True}, clock())
    )
    clock.advance(seconds=20)

    with pytest.raises(UpdateInProgressError) as refused:
        update(flow, session)

    assert outcome_of(refused.value) == "not_updated"
    assert refused.value.retry_after == 20


def test_an_update_that_nobody_works_on_any_more_is_settled_first(
    flow: UpdateSession, session: Session, stores: Stores, clock: Clock
) -> None:
    left = {"ring_timeout": 10}
    stores.sessions.replace(session, transitions.begin_update(session, left, clock()))
    clock.advance(seconds=60)

    updated = update(flow, session)

    assert updated.settings["ring_timeout"] == 120
    assert updated.settings["record"] is True
    assert updated.pending is None


def test_while_plivo_cannot_say_what_became_of_one_update_there_is_no_other(
    flow: UpdateSession,
    session: Session,
    stores: Stores,
    clock: Clock,
    plivo: SimulatedPlivo,
) -> None:
    stores.sessions.replace(
        session, transitions.begin_update(session, {"record": True}, clock())
    )
    clock.advance(seconds=60)
    plivo.arm(get_5xx={})

    with pytest.raises(CarrierError) as refused:
        update(flow, session)

    assert outcome_of(refused.value) == "not_updated"
    assert stored(stores, session).pending
    assert plivo.requests("update") == []


def test_of_ten_updates_at_once_each_is_done_whole_or_not_at_all(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo, stores: Stores
) -> None:
    def send(limit: int) -> int | None:
        try:
            update(flow, session, call_time_limit=limit)
        except UpdateInProgressError:
            return None
        return limit

    with ThreadPoolExecutor(10) as pool:
        done = set(pool.map(send, range(600, 610))) - {None}

    limit = plivo.sessions()[0]["session"]["call_time_limit"]
    assert limit in done
    assert stored(stores, session).settings["call_time_limit"] == limit
    assert len(plivo.requests("update")) == len(done)


# Plivo says no, or nothing


@pytest.mark.parametrize("fault", REFUSED)
def test_a_definite_no_changes_nothing(
    flow: UpdateSession,
    session: Session,
    plivo: SimulatedPlivo,
    stores: Stores,
    fault: str,
) -> None:
    plivo.arm(**{fault: {"times": 1}})

    with pytest.raises(CarrierError) as refused:
        update(flow, session)

    left = stored(stores, session)
    assert outcome_of(refused.value) == "not_updated"
    assert left.pending is None
    assert left.settings == session.settings
    assert update(flow, session).settings["record"] is True


def test_a_plivo_that_cannot_be_reached_has_changed_nothing(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo, stores: Stores
) -> None:
    nowhere = Carrier(
        auth_id=plivo.auth_id,
        auth_token=plivo.auth_token,
        base_url="http://127.0.0.1:9",
    )

    with pytest.raises(CarrierUnreachableError) as refused:
        update(replace(flow, carrier=nowhere), session)

    assert outcome_of(refused.value) == "not_updated"
    assert stored(stores, session).pending is None


def test_a_session_that_has_ended_at_plivo_is_called_expired(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo, stores: Stores
) -> None:
    plivo.end(str(session.carrier_session_uuid))

    with pytest.raises(SessionExpiredError) as refused:
        update(flow, session)

    assert outcome_of(refused.value) == "not_updated"
    assert stored(stores, session).pending is None


@pytest.mark.parametrize("fault", UNKNOWN)
def test_an_unknown_outcome_is_called_so_and_left_to_the_reconciler(
    flow: UpdateSession,
    session: Session,
    plivo: SimulatedPlivo,
    stores: Stores,
    clock: Clock,
    fault: str,
) -> None:
    plivo.arm(**{fault: {"times": 1}})

    with pytest.raises(CarrierError) as unknown:
        update(flow, session)

    left = stored(stores, session)
    assert outcome_of(unknown.value) == "unknown"
    assert unknown.value.retry_after == 61
    assert left.pending
    assert left.pending.changes == SEED
    assert left.doubted
    assert due_work.due_work_of(left) == due_work.DueWork(
        due_work.Action.CHECK_UPDATE, clock() + sessions.LEASE
    )
    with pytest.raises(UpdateInProgressError) as refused:
        update(flow, session)
    assert refused.value.retry_after == 61


@pytest.mark.parametrize("fault", ANSWERED)
@pytest.mark.parametrize("changes", [SEED, {"session_expiry": 7200}])
def test_what_plivo_did_and_answered_with_a_failure_is_found_out_at_once(
    flow: UpdateSession,
    session: Session,
    plivo: SimulatedPlivo,
    stores: Stores,
    fault: str,
    changes: dict[str, Any],
) -> None:
    plivo.arm(**{fault: {"times": 1}})

    updated = update(flow, session, **changes)

    [there] = plivo.sessions()
    assert updated.pending is None
    assert updated == stored(stores, session)
    assert updated.expiry_time
    assert there["expiry_time"][:19] == updated.expiry_time.isoformat()[:19]
    assert updated.settings["record"] is ("record" in changes)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_update_that_plivo_plainly_failed_frees_the_session(
    flow: UpdateSession,
    session: Session,
    plivo: SimulatedPlivo,
    stores: Stores,
    status: int,
) -> None:
    plivo.arm(update_5xx_before_commit={"times": 1, "status": status})

    with pytest.raises(CarrierError) as failed:
        update(flow, session, session_expiry=7200)

    left = stored(stores, session)
    assert outcome_of(failed.value) == "not_updated"
    assert (left.pending, left.doubted) == (None, False)
    assert left.expiry_time == session.expiry_time
    assert update(flow, session).settings["record"] is True


def test_behind_a_gateway_that_timed_out_plivo_may_still_act(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo, stores: Stores
) -> None:
    plivo.arm(update_5xx_before_commit={"times": 1, "status": 504})

    with pytest.raises(CarrierError) as unknown:
        update(flow, session)

    assert outcome_of(unknown.value) == "unknown"
    assert stored(stores, session).doubted


def test_an_update_that_was_answered_waits_for_no_lease_once_plivo_can_say(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo, stores: Stores
) -> None:
    plivo.arm(update_5xx_before_commit={"times": 1}, get_5xx={"times": 2})
    with pytest.raises(CarrierError) as unknown:
        update(flow, session)
    doubted = stored(stores, session)

    updated = update(flow, session)

    assert outcome_of(unknown.value) == "unknown"
    assert unknown.value.retry_after == 2
    assert doubted.doubted
    assert updated.settings["record"] is True
    assert updated.pending is None


@pytest.mark.parametrize(
    "odd",
    [
        {"expiry_time": None},
        {"expiry_time": "soon"},
        {"session_uuid": "7d1f0f3e-2b1c-4d7b-8a51-2f6e5c4b3a29"},
    ],
    ids=["no expiry", "unreadable expiry", "another session"],
)
def test_an_odd_answer_is_looked_up_and_never_believed(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo, odd: dict[str, Any]
) -> None:
    carrier = rewriting(plivo, "update", **odd)

    updated = update(replace(flow, carrier=carrier), session, session_expiry=7200)

    [there] = plivo.sessions()
    assert updated.expiry_time
    assert there["expiry_time"][:19] == updated.expiry_time.isoformat()[:19]
    assert updated.carrier_session_uuid == session.carrier_session_uuid


# While others change the session


def test_a_number_that_was_replaced_meanwhile_and_the_update_come_together(
    flow: UpdateSession, session: Session, stores: Stores
) -> None:
    def replace_number() -> None:
        pending = stored(stores, session)
        stores.sessions.replace(pending, transitions.renumber(pending, "+12025550199"))

    late: Any = Interrupted(flow.carrier, replace_number)

    updated = update(replace(flow, carrier=late), session)

    assert updated == stored(stores, session)
    assert updated.settings["record"] is True
    assert updated.virtual_number == "+12025550199"
    assert updated.pending is None
    assert update(flow, session, ring_timeout=33).settings["ring_timeout"] == 33


def test_an_update_is_recorded_beside_a_change_that_was_faster(
    flow: UpdateSession, session: Session, services: Services, stores: Stores
) -> None:
    class Overtaken(SessionStore):
        """A store in which a callback is faster, once."""

        left = 1

        def replace(self, before: Session, after: Session) -> None:
            while self.left:
                self.left -= 1
                number = transitions.renumber(before, "+12025550199")
                super().replace(before, number)
            super().replace(before, after)

    overtaken = own_stores(services)
    overtaken.sessions = Overtaken(overtaken.table)

    updated = update(replace(flow, stores=overtaken), session)

    assert updated.settings["record"] is True
    assert stored(stores, session) == updated


@pytest.mark.parametrize("fault", ["", "update_5xx_after_commit"])
def test_an_end_that_came_in_between_wins_over_the_update(
    flow: UpdateSession,
    session: Session,
    clock: Clock,
    plivo: SimulatedPlivo,
    stores: Stores,
    fault: str,
) -> None:
    if fault:
        plivo.arm(**{fault: {"times": 1}})

    def begin_ending() -> None:
        pending = stored(stores, session)
        stores.sessions.replace(pending, transitions.begin_ending(pending, clock()))

    late: Any = Interrupted(flow.carrier, begin_ending)

    updated = update(replace(flow, carrier=late), session, session_expiry=7200)

    assert updated.status is Status.EXPIRED
    assert updated == stored(stores, session)
    assert updated.ended_by is EndedBy.REQUEST
    assert plivo.live() == []


def test_a_late_update_of_a_session_that_is_over_is_ended_at_plivo(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo, stores: Stores
) -> None:
    def expire() -> None:
        pending = stored(stores, session)
        stores.sessions.replace(pending, transitions.expire(pending, flow.now()))

    late: Any = Interrupted(flow.carrier, expire)

    updated = update(replace(flow, carrier=late), session, session_expiry=7200)

    assert updated.status is Status.EXPIRED
    assert plivo.live() == []


def test_silence_is_a_time_out_of_unknown_outcome(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo
) -> None:
    plivo.arm(update_timeout_after_commit={"times": 1, "seconds": 4})
    impatient = Carrier(
        auth_id=plivo.auth_id,
        auth_token=plivo.auth_token,
        base_url=plivo.origin,
        timeout=(1.5, 1.5),
    )

    with pytest.raises(CarrierTimeoutError) as unknown:
        update(replace(flow, carrier=impatient), session)

    assert unknown.value.status == 504
    assert outcome_of(unknown.value) == "unknown"


# Our storage fails


def test_without_a_record_of_the_update_plivo_is_not_asked(
    flow: UpdateSession,
    session: Session,
    plivo: SimulatedPlivo,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    broken = faulty_stores(aws, deployment.table_name, "PutItem")

    with pytest.raises(StorageUnavailableError) as failed:
        update(replace(flow, stores=broken), session)

    assert outcome_of(failed.value) == "not_updated"
    assert plivo.requests("update") == []


def test_an_answer_that_could_not_be_stored_is_settled_later(
    flow: UpdateSession,
    session: Session,
    clock: Clock,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    broken = faulty_stores(aws, deployment.table_name, "PutItem", on=2)

    with pytest.raises(StorageUnavailableError) as failed:
        update(replace(flow, stores=broken), session)
    clock.advance(seconds=60)
    after = update(flow, session, ring_timeout=33)

    assert outcome_of(failed.value) == "unknown"
    assert after.settings["record"] is True
    assert after.settings["ring_timeout"] == 33


def test_a_request_is_kept_as_long_as_the_session_that_was_extended(
    flow: UpdateSession,
    session: Session,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    seen = len(deployment.stream())
    updated = update(flow, session, session_expiry=90 * 86_400)
    publish_changes.lambda_handler({"Records": deployment.stream(seen)}, None)

    def purge_at(sort_key: str) -> int:
        key = {"pk": {"S": f"S#{session.session_uuid}"}, "sk": {"S": sort_key}}
        item = aws.client("dynamodb").get_item(TableName=deployment.table_name, Key=key)
        return int(item["Item"]["purge_at"]["N"])

    assert updated.expiry_time
    assert purge_at("A#REQUEST") == purge_at("A#STATE")
    ends = int(updated.expiry_time.timestamp()) + 400 * 86_400
    assert ends <= purge_at("A#STATE") <= ends + 14 * 86_400


# The handler


@pytest.mark.usefixtures("flow")
def test_the_answer_is_plivos_envelope(session: Session) -> None:
    event = http("update_session", session_uuid=session.session_uuid)

    answer = app.lambda_handler(event, None)

    body = read(answer)
    assert answer["statusCode"] == 200
    assert answer["headers"]["etag"] == f'"{session.version + 2}"'
    assert body["message"] == "Session updated"
    assert body["session"]["call_time_limit"] == 3600
    assert body["session"]["record"] is True


@pytest.mark.usefixtures("flow")
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"body": {}}, (400, "invalid_request")),
        ({"body": {"geomatch": False}}, (422, "field_not_updatable")),
        ({"body": "{"}, (400, "malformed_body")),
        ({"headers": {"if-match": '"99"'}}, (412, "version_mismatch")),
        ({"headers": {"if-match": "2"}}, (400, "invalid_request")),
        ({"headers": {"if-match": 'W/"2"'}}, (400, "invalid_request")),
        ({"scopes": "sessions:read"}, (403, "scope_missing")),
        ({"tenant": "other"}, (404, "session_not_found")),
    ],
)
def test_what_is_refused_is_not_updated(
    session: Session,
    plivo: SimulatedPlivo,
    changed: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    event = http("update_session", session_uuid=session.session_uuid, **changed)

    answer = app.lambda_handler(event, None)

    assert problem(answer) == (*expected, "not_updated")
    assert plivo.requests("update") == []


@pytest.mark.usefixtures("flow")
@pytest.mark.parametrize("tag", ["*", '"2"', ' "2" '])
def test_a_matching_or_open_tag_lets_an_update_pass(session: Session, tag: str) -> None:
    event = http(
        "update_session", session_uuid=session.session_uuid, headers={"if-match": tag}
    )

    assert app.lambda_handler(event, None)["statusCode"] == 200


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize(
    "name", ["nonsense", "../x", "0B0C7E0A-5A7E-4A53-9D5E-1A2B3C4D"]
)
def test_what_is_no_session_uuid_is_not_found(name: str) -> None:
    event = http("update_session", session_uuid=name)

    assert problem(app.lambda_handler(event, None)) == (
        *(404, "session_not_found", "not_updated"),
    )


@pytest.mark.usefixtures("flow")
def test_frozen_fields_with_other_values_are_named_in_the_answer(
    session: Session, plivo: SimulatedPlivo
) -> None:
    event = {
        **sample("update_session.frozen"),
        "pathParameters": {"session_uuid": session.session_uuid},
    }
    event["requestContext"]["authorizer"]["lambda"]["tenant_id"] = "acme"

    answer = app.lambda_handler(event, None)

    fields = [violation["field"] for violation in read(answer)["violations"]]
    assert answer["statusCode"] == 422
    assert fields == ["geomatch", "pin_retry"]
    assert plivo.requests("update") == []


# Values that repeat what there is


def test_what_the_api_shows_may_be_sent_back_and_changes_nothing(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo, clock: Clock
) -> None:
    shown = session_views.session_view(session, clock())
    repeated = {name: shown[name] for name in requests.REPEATABLE}

    assert update(flow, session, **repeated) == session
    assert plivo.requests("update") == []


@pytest.mark.parametrize("party", ["first_party", "second_party"])
def test_a_party_that_is_repeated_in_another_writing_is_no_change(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo, party: str
) -> None:
    repeated: dict[str, Any] = {party: session.settings[party].removeprefix("+")}

    assert update(flow, session, **repeated) == session
    assert plivo.requests("update") == []


def test_a_repeated_value_beside_a_change_is_not_sent_to_plivo(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo
) -> None:
    updated = update(flow, session, geomatch=True, pin_retry=1, ring_timeout=33)

    assert updated.settings["ring_timeout"] == 33
    [sent] = plivo.requests("update")
    assert sent["committed"]["fields"] == ["ring_timeout"]


@pytest.mark.parametrize(
    "changed",
    [
        {"geomatch": False},
        {"pin_retry": 2},
        {"generate_pin": True},
        {"first_party_pin": "0042"},
        {"subaccount": "SA" + "X" * 18},
        {"virtual_number_cooloff_period": 1},
        {"create_session_with_single_party": True},
        {"first_party": None},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_another_value_of_what_is_frozen_is_refused_beside_changes_too(
    flow: UpdateSession,
    session: Session,
    plivo: SimulatedPlivo,
    changed: dict[str, Any],
) -> None:
    with pytest.raises(FieldNotUpdatableError) as refused:
        update(flow, session, record=True, **changed)

    [violation] = refused.value.members["violations"]
    assert {violation["field"]} == changed.keys()
    assert outcome_of(refused.value) == "not_updated"
    assert plivo.requests("update") == []


# What is ours, and what can be unset


def test_labels_and_the_retention_of_recordings_change_without_asking_plivo(
    flow: UpdateSession, session: Session, plivo: SimulatedPlivo, stores: Stores
) -> None:
    update(flow, session, labels={"order": "18"}, recording_retention_days=30)

    here = stored(stores, session)
    assert here.labels == {"order": "18"}
    assert here.settings["recording_retention_days"] == 30
    assert plivo.requests("update") == []
    again = update(flow, session, labels={}, recording_retention_days=None)
    assert again.labels == {}
    assert again.settings["recording_retention_days"] is None


def test_an_own_attribute_is_kept_by_the_updates_that_follow(
    flow: UpdateSession, session: Session, stores: Stores
) -> None:
    update(flow, session, labels={"order": "18"}, recording_retention_days=30)

    update(flow, session, record=True)

    here = stored(stores, session)
    assert here.labels == {"order": "18"}
    assert here.settings["recording_retention_days"] == 30


def test_urls_are_unset_with_null_here_and_at_plivo(
    flow: UpdateSession,
    services: Services,
    clock: Clock,
    plivo: SimulatedPlivo,
    stores: Stores,
) -> None:
    urls = {
        "callback_url": "https://app.example.com/events",
        "recording_callback_url": "https://app.example.com/recordings",
        "first_party_play_url": "https://app.example.com/first.mp3",
        "second_party_play_url": "HTTPS://app.example.com/second.WAV",
    }
    session = created(services, clock, **urls)

    update(flow, session, **dict.fromkeys(urls))
    update(flow, session, ring_timeout=33)

    here = stored(stores, session)
    assert {name: here.settings[name] for name in urls} == dict.fromkeys(urls)
    there = plivo.sessions()[0]["session"]
    assert there["first_party_play_url"] == there["second_party_play_url"] == ""
    assert "/v1/plivo/sessions/" in there["callback_url"]
