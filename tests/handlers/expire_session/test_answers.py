"""DELETE /v1/sessions/{session_uuid}: we say expired when Plivo connects no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.expire_session import app
from masking.api import requests, session_views
from masking.core.problems import (
    EndInProgressError,
    ProblemError,
    SessionNotActiveError,
    SessionNotFoundError,
    StorageUnavailableError,
    UpdateInProgressError,
    VersionMismatchError,
)
from masking.domain import bus_events, due_work, sessions, transitions
from masking.domain.due_work import Action, DueWork
from masking.domain.sessions import CarrierSession, EndedBy, Session, Status
from masking.lifecycle import settlement
from masking.lifecycle.expire_session import ExpireSession
from masking.plivo.client import Carrier
from masking.plivo.errors import CarrierError
from masking.storage.sessions import SessionStore
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.faulty_stores import faulty_stores
from tests.support.payloads import http, problem, read
from tests.support.sessions_there import created, reserved, stored
from tests.support.simulated_plivo import SimulatedPlivo
from tests.support.stores import own_stores

FAILING = ["delete_401", "delete_403", "delete_429"]


@pytest.fixture
def flow(services: Services, plivo: SimulatedPlivo, clock: Clock) -> ExpireSession:
    """Return the use case, with a clock of the test's."""
    assert plivo.sessions() == []
    return at(services, clock).expire_session


@pytest.fixture
def session(services: Services, clock: Clock) -> Session:
    """Return an active session."""
    return created(services, clock)


def end(flow: ExpireSession, session: Session, if_match: int | None = None) -> Session:
    """End a session of tenant acme."""
    return flow.end(session.session_uuid, tenant_id="acme", if_match=if_match)


def outcome_of(error: ProblemError) -> Any:
    """Return what an error says about the session's end."""
    return error.members["outcome"]


def test_a_session_ends_at_plivo_and_then_here(
    flow: ExpireSession, session: Session, plivo: SimulatedPlivo, stores: Stores
) -> None:
    ended = end(flow, session)

    assert plivo.live() == []
    assert ended.status is Status.EXPIRED
    assert stored(stores, session) == ended
    assert due_work.due_work_of(ended) == DueWork(
        Action.SETTLE, flow.now() + transitions.SETTLE_AFTER
    )


def test_ending_it_again_changes_nothing(
    flow: ExpireSession, session: Session, plivo: SimulatedPlivo
) -> None:
    first = end(flow, session)

    assert end(flow, session) == first
    assert len(plivo.requests("delete")) == 1


def test_a_session_whose_time_is_up_has_ended_without_plivo_being_asked(
    flow: ExpireSession, session: Session, plivo: SimulatedPlivo, clock: Clock
) -> None:
    clock.advance(hours=1, seconds=5)

    assert end(flow, session) == session
    assert plivo.requests("delete") == []


def test_a_session_that_has_ended_at_plivo_ends_here(
    flow: ExpireSession, session: Session, plivo: SimulatedPlivo
) -> None:
    plivo.end(str(session.carrier_session_uuid))

    assert end(flow, session).status is Status.EXPIRED


def test_a_session_that_plivo_does_not_know_ends_here(
    flow: ExpireSession, session: Session, plivo: SimulatedPlivo
) -> None:
    plivo.reset()

    assert end(flow, session).status is Status.EXPIRED


def test_only_the_tenants_own_sessions_can_be_ended(
    flow: ExpireSession, session: Session, plivo: SimulatedPlivo
) -> None:
    with pytest.raises(SessionNotFoundError):
        flow.end(session.session_uuid, tenant_id="other")
    with pytest.raises(SessionNotFoundError) as refused:
        flow.end(sessions.session_uuid_for("acme", "none"), tenant_id="acme")

    assert outcome_of(refused.value) == "not_expired"
    assert len(plivo.live()) == 1


def test_an_ending_may_insist_on_the_version_it_knows(
    flow: ExpireSession, session: Session
) -> None:
    with pytest.raises(VersionMismatchError) as refused:
        end(flow, session, if_match=session.version + 1)

    assert outcome_of(refused.value) == "not_expired"
    assert end(flow, session, if_match=session.version).status is Status.EXPIRED


def test_a_session_that_plivo_has_not_confirmed_cannot_be_ended(
    flow: ExpireSession, stores: Stores, clock: Clock
) -> None:
    with pytest.raises(SessionNotActiveError):
        end(flow, reserved(stores, clock))


@pytest.mark.parametrize("fault", FAILING)
def test_while_plivo_may_still_connect_the_session_is_ending(
    flow: ExpireSession,
    session: Session,
    plivo: SimulatedPlivo,
    stores: Stores,
    fault: str,
) -> None:
    plivo.arm(**{fault: {}})

    with pytest.raises(CarrierError) as failed:
        end(flow, session)

    left = stored(stores, session)
    assert outcome_of(failed.value) == "unknown"
    assert failed.value.status in (502, 503)
    assert left.status is Status.ENDING
    assert left.doubted


def test_a_failure_of_plivos_is_tried_again_at_once(
    flow: ExpireSession, session: Session, plivo: SimulatedPlivo
) -> None:
    plivo.arm(delete_5xx_after_commit={"times": 1})

    assert end(flow, session).status is Status.EXPIRED


def test_an_ending_in_doubt_can_be_sent_again_at_once(
    flow: ExpireSession, session: Session, plivo: SimulatedPlivo
) -> None:
    plivo.arm(delete_5xx_before_commit={"times": 2})
    with pytest.raises(CarrierError):
        end(flow, session)

    ended = end(flow, session)

    assert ended.status is Status.EXPIRED
    assert plivo.live() == []


@pytest.mark.parametrize(
    ("fault", "record"),
    [("update_reset_after_commit", True), ("update_reset_before_commit", False)],
)
def test_what_an_update_in_doubt_came_to_is_asked_when_all_is_over(
    flow: ExpireSession,
    session: Session,
    plivo: SimulatedPlivo,
    services: Services,
    clock: Clock,
    fault: str,
    record: bool,
) -> None:
    plivo.arm(**{fault: {"times": 1}})
    with pytest.raises(CarrierError):
        at(services, clock).update_session.update(
            session.session_uuid,
            requests.parse_update({"record": True}),
            tenant_id="acme",
        )

    ended = end(flow, session)

    [there] = plivo.sessions()
    assert ended.status is Status.EXPIRED
    assert ended.pending is None
    assert ended.settings.get("record", False) is record
    assert there["session"]["record"] is record
    assert flow.stores.sessions.load(session.session_uuid) == ended


def test_an_ending_on_its_way_is_waited_for_briefly_and_then_longer(
    flow: ExpireSession, session: Session, stores: Stores, clock: Clock
) -> None:
    stores.sessions.replace(session, transitions.begin_ending(session, clock()))
    pauses = []
    for _ in range(3):
        with pytest.raises(EndInProgressError) as busy:
            end(flow, session)
        assert outcome_of(busy.value) == "not_expired"
        pauses.append(busy.value.retry_after)
        clock.advance(seconds=20)

    assert pauses == [1, 20, 21]
    assert end(flow, session).status is Status.EXPIRED


def test_an_update_that_is_through_in_a_moment_does_not_keep_an_end_waiting(
    flow: ExpireSession,
    session: Session,
    stores: Stores,
    clock: Clock,
    plivo: SimulatedPlivo,
) -> None:
    begun = transitions.begin_update(session, {"session_expiry": 7200}, clock())
    stores.sessions.replace(session, begun)
    waited = []

    def update_comes_through(seconds: float) -> None:
        waited.append(seconds)
        ending = stored(stores, session)
        assert ending.status is Status.ENDING
        stores.sessions.replace(ending, transitions.drop_update(ending))

    ended = end(replace(flow, sleep=update_comes_through), session)

    assert ended.status is Status.EXPIRED
    assert ended == stored(stores, session)
    assert len(waited) == 1
    assert plivo.live() == []


def test_what_an_update_brings_to_life_after_the_end_was_sent_is_ended(
    flow: ExpireSession,
    session: Session,
    services: Services,
    clock: Clock,
    plivo: SimulatedPlivo,
) -> None:
    answers: list[Any] = []

    class SlowAnswer:
        """A carrier whose answer to an update comes after an end has been sent."""

        def update(self, *arguments: Any) -> Any:
            answer = services.carrier.update(*arguments)

            def finish_the_update(_: float) -> None:
                raise_to_life.append(answer)

            waiting = replace(flow, sleep=finish_the_update)
            with pytest.raises(UpdateInProgressError) as told:
                end(waiting, session)
            answers.append(told.value)
            return answer

        def __getattr__(self, name: str) -> Any:
            return getattr(services.carrier, name)

    raise_to_life: list[Any] = []
    slow: Any = SlowAnswer()

    updated = replace(at(services, clock).update_session, carrier=slow).update(
        session.session_uuid,
        requests.parse_update({"session_expiry": 7200}),
        tenant_id="acme",
    )

    assert [outcome_of(each) for each in answers] == ["unknown"]
    assert answers[0].retry_after == 2
    assert len(raise_to_life) == 10
    assert updated.status is Status.EXPIRED
    assert end(flow, session) == updated
    assert plivo.live() == []


def test_an_end_that_could_not_wait_for_an_update_is_done_by_the_reconciler(
    flow: ExpireSession,
    session: Session,
    services: Services,
    stores: Stores,
    clock: Clock,
    plivo: SimulatedPlivo,
) -> None:
    begun = transitions.begin_update(session, {"session_expiry": 7200}, clock())
    stores.sessions.replace(session, begun)
    with pytest.raises(UpdateInProgressError):
        end(replace(flow, sleep=lambda _: None), session)
    clock.advance(seconds=60)

    assert at(services, clock).reconciler.check(session.session_uuid) == "ended"

    assert stored(stores, session).status is Status.EXPIRED
    assert plivo.live() == []


def test_a_session_that_was_ended_says_when_and_why_and_what_plivo_has_of_it(
    flow: ExpireSession, session: Session, plivo: SimulatedPlivo
) -> None:
    ended = end(flow, session)

    [there] = plivo.sessions()
    assert ended.ended_by is EndedBy.REQUEST
    assert ended.expiry_time
    assert ended.ended_time == ended.expiry_time
    assert there["expiry_time"][:19] == ended.expiry_time.isoformat()[:19]
    assert ended.settings["duration"] == there["session"]["duration"] < 3600


def test_an_early_end_leaves_the_expiry_that_apps_see_as_it_was(
    flow: ExpireSession, session: Session
) -> None:
    planned = session_views.session_view(session, flow.now())["expiry_time"]
    ended = end(flow, session)

    shown = session_views.session_view(ended, flow.now())
    told = bus_events.event_of_session("session.expired", ended, "", session).data
    assert shown["ended_time"] < planned
    assert (shown["expiry_time"], shown["ended_by"]) == (planned, "request")
    assert told["expiry_time"] == planned
    assert told["ended_time"] == shown["ended_time"]


def test_the_settlement_leaves_it_as_well_and_names_the_end_that_it_corrects(
    flow: ExpireSession, session: Session
) -> None:
    ended = end(flow, session)
    assert ended.expiry_time
    later = ended.expiry_time + timedelta(seconds=2)
    answer = CarrierSession(
        session_uuid=str(ended.carrier_session_uuid),
        virtual_number=ended.virtual_number,
        status="expired",
        created_time=ended.created_time,
        modified_time=ended.modified_time,
        expiry_time=later,
        duration=None,
        callback_url="",
    )

    assert settlement.changes_of(ended, answer) == ["ended_time"]
    settled = transitions.settle(ended, answer, ["ended_time"], later)
    assert settled.planned_end == session.expiry_time
    assert (settled.ended_time, settled.ended_by) == (later, EndedBy.REQUEST)


def test_one_that_plivo_ended_early_keeps_its_expiry_too(
    flow: ExpireSession, session: Session, plivo: SimulatedPlivo
) -> None:
    plivo.end(str(session.carrier_session_uuid))
    ended = end(flow, session)

    assert ended.planned_end == session.expiry_time


def test_if_plivo_cannot_say_what_it_has_the_session_has_ended_all_the_same(
    flow: ExpireSession, session: Session, plivo: SimulatedPlivo
) -> None:
    plivo.arm(get_5xx={})

    ended = end(flow, session)

    assert ended.status is Status.EXPIRED
    assert (ended.ended_time, ended.ended_by) == (flow.now(), EndedBy.REQUEST)
    assert plivo.live() == []


def test_a_session_that_plivo_still_shows_as_active_has_not_ended(
    flow: ExpireSession, session: Session, stores: Stores
) -> None:
    class Unmoved:
        """A Plivo that says yes to an end and goes on."""

        def expire(self, _: str) -> None:
            """Do nothing."""

        def __getattr__(self, name: str) -> Any:
            return getattr(flow.carrier, name)

    unmoved: Any = Unmoved()

    with pytest.raises(CarrierError) as failed:
        end(replace(flow, carrier=unmoved), session)

    assert outcome_of(failed.value) == "unknown"
    assert failed.value.retry_after == 2
    assert stored(stores, session).status is Status.ENDING


def test_near_its_expiry_an_end_asks_plivo_while_an_update_is_in_doubt(
    flow: ExpireSession,
    session: Session,
    services: Services,
    plivo: SimulatedPlivo,
    clock: Clock,
) -> None:
    plivo.arm(update_reset_after_commit={"times": 1})
    with pytest.raises(CarrierError):
        at(services, clock).update_session.update(
            session.session_uuid,
            requests.parse_update({"session_expiry": 7200}),
            tenant_id="acme",
        )
    clock.advance(hours=1, seconds=5)

    ended = end(flow, session)

    assert ended.status is Status.EXPIRED
    assert plivo.live() == []
    assert len(plivo.requests("delete")) == 1


def test_a_number_that_was_replaced_meanwhile_and_the_end_come_together(
    flow: ExpireSession, session: Session, stores: Stores
) -> None:
    class Replacing:
        """A carrier during whose end a callback brings another number."""

        def expire(self, carrier_session_uuid: str) -> None:
            flow.carrier.expire(carrier_session_uuid)
            ending = stored(stores, session)
            number = transitions.renumber(ending, "+12025550199")
            stores.sessions.replace(ending, number)

        def __getattr__(self, name: str) -> Any:
            return getattr(flow.carrier, name)

    replacing: Any = Replacing()

    ended = end(replace(flow, carrier=replacing), session)

    assert ended == stored(stores, session)
    assert ended.status is Status.EXPIRED
    assert ended.virtual_number == "+12025550199"


def test_an_update_that_was_faster_by_a_moment_is_read_again(
    flow: ExpireSession, session: Session, services: Services, plivo: SimulatedPlivo
) -> None:
    class Overtaken(SessionStore):
        """A store in which an update begins and ends in between, once."""

        left = 1

        def replace(self, before: Session, after: Session) -> None:
            while self.left:
                self.left -= 1
                begun = transitions.begin_update(before, {"record": True}, flow.now())
                super().replace(before, begun)
                super().replace(begun, transitions.drop_update(begun))
            super().replace(before, after)

    overtaken = own_stores(services)
    overtaken.sessions = Overtaken(overtaken.table)

    assert end(replace(flow, stores=overtaken), session).status is Status.EXPIRED
    assert plivo.live() == []


def test_without_a_record_of_the_ending_plivo_is_not_asked(
    flow: ExpireSession,
    session: Session,
    plivo: SimulatedPlivo,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    broken = faulty_stores(aws, deployment.table_name, "PutItem")

    with pytest.raises(StorageUnavailableError) as failed:
        end(replace(flow, stores=broken), session)

    assert outcome_of(failed.value) == "not_expired"
    assert len(plivo.live()) == 1


def test_an_ending_that_could_not_be_stored_is_finished_later(
    flow: ExpireSession,
    session: Session,
    clock: Clock,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    broken = faulty_stores(aws, deployment.table_name, "PutItem", on=2)
    with pytest.raises(StorageUnavailableError) as failed:
        end(replace(flow, stores=broken), session)
    clock.advance(seconds=60)

    assert outcome_of(failed.value) == "unknown"
    assert end(flow, session).status is Status.EXPIRED


def test_of_two_who_end_it_at_once_one_is_told_so(
    flow: ExpireSession, session: Session, services: Services
) -> None:
    class Overtaken(SessionStore):
        def replace(self, before: Session, after: Session) -> None:
            flow.stores.sessions.replace(
                before, transitions.begin_ending(before, flow.now())
            )
            super().replace(before, after)

    overtaken = own_stores(services)
    overtaken.sessions = Overtaken(overtaken.table)

    with pytest.raises(EndInProgressError) as refused:
        end(replace(flow, stores=overtaken), session)

    assert outcome_of(refused.value) == "not_expired"


def test_who_comes_back_too_late_gives_what_is_stored(
    flow: ExpireSession, session: Session, stores: Stores
) -> None:
    class Late:
        def __init__(self, carrier: Carrier) -> None:
            self._carrier = carrier

        def expire(self, carrier_session_uuid: str) -> None:
            self._carrier.expire(carrier_session_uuid)
            ending = stored(stores, session)
            stores.sessions.replace(ending, transitions.expire(ending, flow.now()))

        def __getattr__(self, name: str) -> Any:
            return getattr(self._carrier, name)

    late: Any = Late(flow.carrier)

    ended = end(replace(flow, carrier=late), session)

    assert ended == stored(stores, session)
    assert ended.status is Status.EXPIRED


# The handler


@pytest.mark.usefixtures("flow")
def test_the_answer_shows_the_session_as_expired(session: Session) -> None:
    event = http("expire_session", session_uuid=session.session_uuid)

    answer = app.lambda_handler(event, None)

    body = read(answer)
    assert answer["statusCode"] == 200
    assert answer["headers"]["etag"] == f'"{session.version + 2}"'
    assert body["message"] == "Session expired"
    assert body["session"]["status"] == "expired"


@pytest.mark.usefixtures("flow")
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"headers": {"if-match": '"99"'}}, (412, "version_mismatch")),
        ({"scopes": "sessions:read"}, (403, "scope_missing")),
        ({"tenant": "other"}, (404, "session_not_found")),
        ({"query": "number=12025550100"}, (400, "number_in_url")),
    ],
)
def test_what_is_refused_is_not_expired(
    session: Session,
    plivo: SimulatedPlivo,
    changed: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    event = http("expire_session", session_uuid=session.session_uuid, **changed)

    assert problem(app.lambda_handler(event, None)) == (*expected, "not_expired")
    assert len(plivo.live()) == 1
