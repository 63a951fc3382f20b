"""Another tenant's things are 404 or absent, by every route there is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from functions.publish_changes import app as publisher
from masking.domain import deliveries, recording_transitions
from masking.domain.sessions import Session
from masking.storage.deliveries import delivery_item
from masking.wiring import Services
from tests.support.clock import Clock, at
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.payloads import EVERY_SCOPE, PAIR, problem, read
from tests.support.sessions_there import created
from tests.support.simulated_plivo import SimulatedPlivo
from tests.support.table_stream import TableStream
from tests.support.walks import ROUTES, answer_of, event_for

RECORDING = "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c"
EVENT = "11111111-2222-5333-8444-555555555555"
OTHER_PAIR = {"first_party": "+12025550150", "second_party": "+12025550151"}
NUMBER = "+12025550100"

NOTHING = "00000000-0000-4000-8000-000000000000"

Answer = Mapping[str, Any]


@dataclass(frozen=True)
class World:
    """A tenant's session and all that belongs to it."""

    session: Session
    delivery_id: str
    erasure_id: str
    stores: Any

    def names(self, path: str) -> dict[str, str]:
        """Return the parameters of a route, leading to what is there."""
        known = {
            "session_uuid": self.session.session_uuid,
            "recording_uuid": RECORDING,
            "erasure_id": self.erasure_id,
            "id": self.delivery_id,
        }
        return {name: value for name, value in known.items() if f"{{{name}}}" in path}


@dataclass(frozen=True)
class Walk:
    """A request to a route: what it sends, and what owner and stranger hear.

    *code* is of the problem that a stranger gets; None where he gets an answer in
    which *absent* says that nothing of the owner's is.
    """

    code: str | None
    owner: int = 200
    body: Mapping[str, Any] | None = None
    query: str = ""
    absent: Callable[[Answer], bool] = field(default=lambda _: False)


def is_empty(answer: Answer) -> bool:
    """Return whether a page is empty."""
    return answer["statusCode"] == 200 and not read(answer)["objects"]


SESSION_MISSING = Walk("session_not_found")

# One entry or more for each route, those that destroy last.
WALKS: dict[str, list[Walk]] = {
    "GET /v1/sessions": [
        Walk(None, absent=is_empty),
        Walk(None, query="label.order=17", absent=is_empty),
    ],
    "POST /v1/sessions/search": [
        Walk(None, body={}, absent=is_empty),
        Walk(None, body={"first_party": NUMBER}, absent=is_empty),
        Walk(None, body={"second_party": PAIR["second_party"]}, absent=is_empty),
        Walk(None, body={"labels": {"order": "17"}}, absent=is_empty),
    ],
    "GET /v1/sessions/{session_uuid}": [SESSION_MISSING],
    "GET /v1/sessions/{session_uuid}/events": [SESSION_MISSING],
    "GET /v1/sessions/{session_uuid}/recordings": [SESSION_MISSING],
    "GET /v1/recordings/{recording_uuid}": [Walk("recording_not_found", owner=302)],
    "GET /v1/webhooks/deliveries": [
        Walk("session_not_found", query="session_uuid={session_uuid}")
    ],
    "POST /v1/webhooks/deliveries/{id}/replay": [Walk("delivery_not_found", owner=202)],
    # Another tenant's idempotency key names another session.
    "POST /v1/sessions": [
        Walk(
            None,
            body=OTHER_PAIR,
            owner=422,
            absent=lambda answer: answer["statusCode"] == 201,
        )
    ],
    # What another tenant has of the same number is another's to forget.
    "POST /v1/erasures": [
        Walk(
            None,
            body={"phone_number": NUMBER},
            owner=202,
            absent=lambda answer: read(answer)["erasure"]["found"] is None,
        )
    ],
    "GET /v1/erasures/{erasure_id}": [Walk("erasure_not_found")],
    "PATCH /v1/sessions/{session_uuid}": [
        Walk("session_not_found", body={"ring_timeout": 30})
    ],
    "DELETE /v1/recordings/{recording_uuid}": [Walk("recording_not_found")],
    "DELETE /v1/sessions/{session_uuid}": [SESSION_MISSING],
}

EVERY = [(name, walk) for name, walks in WALKS.items() for walk in walks]


@pytest.fixture
def world(
    services: Services,
    clock: Clock,
    plivo: SimulatedPlivo,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> World:
    """Return a session of acme's with an event, a recording, a delivery and links."""
    assert plivo.sessions() == []
    stream = TableStream(aws, deployment)
    session = created(services, clock, key="order-17", labels={"order": "17"})
    stores = services.stores
    stores.callbacks.put(
        session.session_uuid,
        "d" * 64,
        kind="events",
        tenant_id="acme",
        attempt=1,
        attributes={"EventName": "SessionFirstPartyAnswer", "From": "12025550100"},
        received_at=clock(),
    )
    _store_recording(services, session, clock)
    detail = {
        "session_uuid": session.session_uuid,
        "tenant_id": "acme",
        "id": EVENT,
        "type": "session.created",
        "webhook": "callback_url",
    }
    delivery = deliveries.begin(detail, clock())
    stores.deliveries.put(session.session_uuid, EVENT, delivery_item(delivery), clock())
    publisher.lambda_handler({"Records": stream.new()}, None)
    erasure = at(services, clock).create_erasure.begin("+12025550177", tenant_id="acme")
    return World(session, delivery.delivery_id, erasure.erasure_id, stores)


def _store_recording(services: Services, session: Session, clock: Clock) -> None:
    announced = at(services, clock).announcer.from_callback(
        {
            "EventName": "SessionRecordingCompleted",
            "RecordingUUID": RECORDING,
            "RecordingURL": "https://media.plivo.com/recording.mp3",
        },
        "d",
        session,
    )
    claimed = recording_transitions.claim(announced, clock())
    assert claimed
    key = f"recordings/{RECORDING}.mp3"
    findings = {"bucket": services.bucket.name, "key": key, "bytes": 3, "sha256": "0"}
    stored = recording_transitions.store(claimed, findings, clock())
    services.stores.recordings.replace(announced, stored)


def ask(world: World, name: str, walk: Walk, tenant: str) -> dict[str, Any]:
    """Send a walk's request with every scope of a tenant."""
    route = ROUTES[name]
    event = event_for(
        route,
        {"tenant_id": tenant, "scopes": EVERY_SCOPE},
        world.names(route.path),
        query=walk.query.format(session_uuid=world.session.session_uuid),
        body=json.dumps(walk.body) if walk.body is not None else "",
        headers={"idempotency-key": "order-17"},
    )
    return answer_of(route, event)


def test_every_route_is_walked() -> None:
    assert set(WALKS) == set(ROUTES), "a new route needs its walk"


@pytest.mark.parametrize(
    ("name", "walk"), EVERY, ids=[f"{name} {n}" for n, (name, _) in enumerate(EVERY)]
)
def test_a_stranger_finds_nothing_and_changes_nothing(
    world: World, plivo: SimulatedPlivo, name: str, walk: Walk
) -> None:
    before = world.stores.sessions.load_whole(world.session.session_uuid)
    asked = len(plivo.requests())

    answer = ask(world, name, walk, "other")

    if walk.code:
        assert problem(answer)[:2] == (404, walk.code)
        assert len(plivo.requests()) == asked
    else:
        assert walk.absent(answer)
    assert world.session.session_uuid not in str(answer)
    assert str(world.session.virtual_number) not in str(answer["headers"])
    assert world.stores.sessions.load_whole(world.session.session_uuid) == before


def test_a_stranger_hears_the_same_of_what_is_there_and_of_what_is_not(
    world: World,
) -> None:
    context = {"tenant_id": "other", "scopes": EVERY_SCOPE}

    for name, walks in WALKS.items():
        route = ROUTES[name]
        names = world.names(route.path)
        if not names or "id" in names:
            continue
        there = ask(world, name, walks[0], "other")
        body = json.dumps(walks[0].body) if walks[0].body is not None else ""
        missing = answer_of(
            route, event_for(route, context, dict.fromkeys(names, NOTHING), body=body)
        )

        assert there["statusCode"] == missing["statusCode"] == 404
        same = {"instance": read(there)["instance"]}
        assert read(there) == {**read(missing), **same}


def test_the_owner_finds_all_of_it(world: World) -> None:
    """Without this the walk could pass by finding nothing for anybody."""
    for name, walk in EVERY:
        answer = ask(world, name, walk, "acme")

        assert answer["statusCode"] == walk.owner, (name, answer)
        if walk.absent is is_empty:
            assert not is_empty(answer), (name, walk)
