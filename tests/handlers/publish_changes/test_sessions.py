"""A change of a session becomes links and one event, however often it is seen."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import timedelta

from functions.on_session_event import app as on_session_event
from functions.publish_changes import app as publish_changes
from masking.core import key_space, numbers
from masking.domain import (
    deliveries,
    sessions,
    transitions,
)
from masking.domain.sessions import CarrierSession, Session
from masking.domain.told_calls import ToldCall
from masking.storage import session_items
from masking.storage.deliveries import delivery_item
from masking.storage.stores import Stores
from masking.storage.table import written_item
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.payloads import PAIR
from tests.support.publishing import (
    PERSONAL,
    Publish,
    active,
    keep,
    publish,
)
from tests.support.raw_callbacks import (
    active_session,
    path_of,
    signed_form,
)
from tests.support.sessions_there import reserved, stored
from tests.support.signed_callbacks import ANSWERED
from tests.support.table_stream import TableStream


def test_a_reserved_session_is_no_news(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    reserved(stores, clock)

    assert publish_new(expected=0) == []


def test_a_confirmed_session_is_announced_without_its_parties(
    stores: Stores, clock: Clock, publish_new: Publish, deployment: Deployment
) -> None:
    session = active(stores, clock, labels={"order": "17"})

    [event] = publish_new()

    detail = event["detail"]
    assert event["source"] == "maskline"
    assert event["detail-type"] == detail["type"] == "session.created"
    assert detail["session_uuid"] == session.session_uuid
    assert detail["tenant_id"] == "acme"
    assert detail["version"] == 2
    assert detail["virtual_number"] == "+12025550180"
    assert detail["labels"] == {"order": "17"}
    assert detail["occurred_at"].endswith("Z")
    assert not any(number in json.dumps(event) for number in PERSONAL)
    assert deployment.bus.events() == []


def test_a_confirmed_session_is_found_by_party_label_plivos_uuid_and_tenant(
    services: Services, stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock, labels={"order": "17"})
    publish_new()

    place = session_items.created_key(session)
    for number in PAIR.values():
        hashed = numbers.hashed(services.number_key, number)
        assert stores.links.has(key_space.party_key("acme", hashed), place)
    assert stores.links.has(key_space.label_key("acme", "order", "17"), place)
    assert stores.links.has(
        key_space.carrier_key(str(session.carrier_session_uuid)), key_space.LINK
    )
    assert stores.links.list_keys(
        session_items.listing_of_tenant("acme"), at_most="9", at_least="0", most=10
    ) == [place]


def test_no_key_and_no_link_holds_a_personal_number(
    stores: Stores,
    clock: Clock,
    publish_new: Publish,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    session = active(stores, clock)
    keep(stores, session, clock, {**ANSWERED, "From": "12025550177"}, "events")
    publish_new(expected=2)

    kept = aws.client("dynamodb").scan(TableName=deployment.table_name)["Items"]
    links = [i for i in kept if i["pk"]["S"][:2] != "S#"]
    # Two parties, Plivo's UUID, a stranger, and the virtual number.
    assert len(links) == 5
    assert not any(number in json.dumps(links) for number in PERSONAL)
    assert not any(
        number in json.dumps([item["pk"], item["sk"]])
        for item in kept
        for number in PERSONAL
    )


def test_the_same_records_again_give_the_same_ids_and_no_more_items(
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    session = active(stores, clock, labels={"order": "17"})
    keep(stores, session, clock, {**ANSWERED, "From": "12025550177"}, "events")
    records = stream.new()

    def publish_again() -> tuple[set[str], int]:
        publish_changes.lambda_handler({"Records": records}, None)
        ids = {event["detail"]["id"] for event in deployment.bus.events(2)}
        counted = aws.client("dynamodb").scan(
            TableName=deployment.table_name, Select="COUNT"
        )
        return ids, counted["Count"]

    first = publish_again()

    assert len(first[0]) == 2
    assert publish_again() == first


def test_new_labels_take_the_place_of_the_old_ones_and_so_do_their_links(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock, labels={"order": "17", "shop": "a"})
    publish_new()
    changes = {"labels": {"order": "18", "shop": "a"}}

    begun = transitions.begin_update(session, changes, clock())
    stores.sessions.replace(session, begun)
    stores.sessions.replace(begun, transitions.finish_update(begun, None))
    [event] = publish_new()

    place = session_items.created_key(session)
    linked = {
        (label, value): stores.links.has(
            key_space.label_key("acme", label, value), place
        )
        for label, value in (("order", "17"), ("order", "18"), ("shop", "a"))
    }
    assert linked == {
        ("order", "17"): False,
        ("order", "18"): True,
        ("shop", "a"): True,
    }
    assert event["detail"]["type"] == "session.updated"
    assert event["detail"]["changed"] == ["labels"]
    assert event["detail"]["labels"] == changes["labels"]


def test_the_events_of_a_session_have_a_sequence_that_stays_when_they_come_again(
    stores: Stores, clock: Clock, stream: TableStream, deployment: Deployment
) -> None:
    session = active(stores, clock)
    keep(stores, session, clock, ANSWERED, "events")
    begun = transitions.begin_update(session, {"labels": {"a": "b"}}, clock())
    stores.sessions.replace(session, begun)
    done = transitions.finish_update(begun, None)
    stores.sessions.replace(begun, done)
    stores.sessions.replace(done, transitions.expire(done, clock()))
    records = stream.new()

    def publish_again() -> list[tuple[str, str]]:
        publish_changes.lambda_handler({"Records": records}, None)
        details = [event["detail"] for event in deployment.bus.events(4)]
        return sorted((detail["sequence"], detail["type"]) for detail in details)

    first = publish_again()

    assert [kind for _, kind in first] == [
        *("session.created", "call.answered", "session.updated", "session.expired"),
    ]
    assert publish_again() == first


def test_links_are_looked_at_before_they_are_written_again(
    stores: Stores, clock: Clock, stream: TableStream, publish_new: Publish
) -> None:
    active(stores, clock)
    publish_new()
    links = stream.new()
    assert {record["eventName"] for record in links} == {"INSERT"}

    publish_changes.lambda_handler({"Records": links}, None)

    assert stream.new() == []


def test_an_update_is_announced_when_it_is_done(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    publish_new()
    begun = transitions.begin_update(session, {"record": True}, clock())
    stores.sessions.replace(session, begun)
    assert publish_new(expected=0) == []

    answer = CarrierSession(
        session_uuid=str(session.carrier_session_uuid),
        virtual_number=None,
        status="active",
        created_time=None,
        modified_time=None,
        expiry_time=None,
        duration=None,
        callback_url="",
        settings={**PAIR, "record": True},
    )
    stores.sessions.replace(begun, transitions.finish_update(begun, answer))

    [event] = publish_new()
    assert event["detail"]["type"] == "session.updated"
    assert event["detail"]["version"] == 4


def test_an_update_that_changed_nothing_is_no_news(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    publish_new()
    begun = transitions.begin_update(session, {"record": True}, clock())
    stores.sessions.replace(session, begun)
    stores.sessions.replace(begun, transitions.drop_update(begun))

    assert publish_new(expected=0) == []


def test_the_end_of_a_session_is_announced_once(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    publish_new()
    ending = transitions.begin_ending(session, clock())
    stores.sessions.replace(session, ending)
    stores.sessions.replace(ending, transitions.expire(ending, clock()))

    [event] = publish_new()

    assert event["detail"]["type"] == "session.expired"


def test_a_session_that_was_found_expired_is_announced_and_can_be_found(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = reserved(stores, clock)
    answer = CarrierSession(
        session_uuid="7d1f0f3e-2b1c-4d7b-8a51-2f6e5c4b3a29",
        virtual_number="+12025550180",
        status="expired",
        created_time=clock(),
        modified_time=clock(),
        expiry_time=clock(),
        duration=3600,
        callback_url="",
        settings=PAIR,
    )
    stores.sessions.replace(session, transitions.confirm(session, answer, 1))

    published = publish_new(expected=2)

    types = sorted(event["detail"]["type"] for event in published)
    assert types == ["session.created", "session.expired"]
    assert stores.links.has(key_space.carrier_key(answer.session_uuid), key_space.LINK)


def test_a_single_party_is_the_only_one_to_be_found_by(
    services: Services, stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = transitions.reserve(
        session_uuid=sessions.session_uuid_for("acme", None),
        tenant_id="acme",
        asked={"first_party": "+12025550110", "session_expiry": 60},
        labels={},
        base_url="https://masks.example.com",
        now=clock(),
    )
    answer = CarrierSession(
        session_uuid="7d1f0f3e-2b1c-4d7b-8a51-2f6e5c4b3a29",
        virtual_number="+12025550180",
        status="active",
        created_time=clock(),
        modified_time=clock(),
        expiry_time=clock() + timedelta(minutes=1),
        duration=60,
        callback_url="",
        settings={"first_party": "+12025550110"},
    )
    stores.sessions.reserve(session)
    confirmed = transitions.confirm(session, answer, 1)
    stores.sessions.replace(session, confirmed)

    [event] = publish_new()

    hashed = numbers.hashed(services.number_key, "+12025550110")
    assert event["detail"]["type"] == "session.created"
    assert stores.links.has(
        key_space.party_key("acme", hashed), session_items.created_key(confirmed)
    )


def test_a_short_life_is_told_whole_and_in_order_in_one_batch(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    stores.sessions.replace(session, transitions.expire(session, clock()))

    published = publish_new(expected=2)

    types = {event["detail"]["version"]: event["detail-type"] for event in published}
    assert types == {2: "session.created", 3: "session.expired"}


def test_what_sets_out_for_plivo_is_checked_later(
    stores: Stores,
    clock: Clock,
    publish_new: Publish,
    aws: EmbeddedAws,
    deployment: Deployment,
) -> None:
    session = active(stores, clock)
    publish_new()
    begun = transitions.begin_update(session, {"record": True}, clock())
    stores.sessions.replace(session, begun)
    stores.sessions.replace(begun, transitions.doubt(begun))

    publish_new(expected=0)

    messages = aws.client("sqs").receive_message(
        QueueUrl=deployment.check_queue_url, MaxNumberOfMessages=10
    )["Messages"]
    assert [json.loads(message["Body"]) for message in messages] == [
        {"session_uuid": session.session_uuid}
    ]


def test_what_ttl_removes_is_no_news(
    stores: Stores, clock: Clock, stream: TableStream, deployment: Deployment
) -> None:
    active(stores, clock)
    record = next(r for r in stream.new() if "OldImage" in r["dynamodb"])
    removed = {
        **record,
        "eventName": "REMOVE",
        "dynamodb": {k: v for k, v in record["dynamodb"].items() if k != "NewImage"},
        "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
    }

    assert publish_changes.lambda_handler({"Records": [removed]}, None) == {
        "batchItemFailures": []
    }
    assert deployment.bus.events() == []


def test_a_request_that_was_purged_early_does_not_stop_the_news(
    stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock)
    stores.table.client.delete_item(
        TableName=stores.table.name,
        Key=written_item({"pk": f"S#{session.session_uuid}", "sk": key_space.REQUEST}),
    )

    [event] = publish_new()

    assert event["detail"]["type"] == "session.created"
    assert stored(stores, session).asked == {}


def test_a_number_that_was_replaced_is_the_sessions_number(
    deployment: Deployment, services: Services
) -> None:
    session = active_session(services)
    path = path_of(services, session)
    for second, number in ((9, "12025550181"), (5, "12025550180")):
        form = [
            ("EventName", "SessionVirtualNumberReplaced"),
            ("EventTimestamp", f"2026-03-01 12:00:0{second}"),
            ("VirtualNumber", number),
        ]
        on_session_event.lambda_handler(signed_form(path, form), None)

    publish(deployment)

    state = services.stores.sessions.load_state(session.session_uuid)
    assert state
    assert state.virtual_number == "+12025550181"
    assert state.version == session.version + 1


def test_all_that_leads_to_a_session_goes_with_it_also_when_its_end_moves(
    services: Services, stores: Stores, clock: Clock, publish_new: Publish
) -> None:
    session = active(stores, clock, labels={"order": "17"})
    stranger = "+12025550177"
    fields = {"EventName": "SessionUnknownCaller", "From": stranger}
    keep(stores, session, clock, fields, "events")
    publish_new(expected=0)
    place = session_items.created_key(session)
    hashed = [
        numbers.hashed(services.number_key, each) for each in (*PAIR.values(), stranger)
    ]
    links = [
        *((key_space.party_key("acme", each), place) for each in hashed[:2]),
        (key_space.caller_key("acme", hashed[2]), place),
        (key_space.label_key("acme", "order", "17"), place),
        (key_space.carrier_key(str(session.carrier_session_uuid)), key_space.LINK),
    ]

    delivery = deliveries.begin(
        {"id": str(uuid.uuid4()), "type": "call.started", "webhook": "callback_url"}
        | {"tenant_id": "acme", "session_uuid": session.session_uuid},
        clock(),
        purge_at=stores.sessions.purge_at(session),
    )
    stores.deliveries.put(
        session.session_uuid, delivery.event_id, delivery_item(delivery), clock()
    )
    told = ToldCall("0" * 64, clock(), clock(), "c", "c", {}, 1)
    stores.told_calls.put(
        session.session_uuid, told, None, stores.sessions.purge_at(session)
    )

    def purged() -> int:
        items = stores.sessions.load_items(session.session_uuid)
        assert {item["sk"][0] for item in items} == {"A", "C", "E", "W"}
        found = [stores.links.get(*link) for link in links]
        assert all(found)
        [at] = {item["purge_at"] for item in [*items, *found] if item}
        return int(at)

    def move(by: timedelta) -> Session:
        before = stores.sessions.load(session.session_uuid)
        assert before
        assert before.expiry_time
        ends = before.expiry_time + by
        moved = replace(before, version=before.version + 1, expiry_time=ends)
        stores.sessions.replace(before, moved)
        publish_new(expected=0)
        return moved

    first = purged()
    move(timedelta(days=6))
    assert purged() == first
    moved = move(timedelta(days=2))
    assert moved.expiry_time
    ends = int((moved.expiry_time + timedelta(days=400)).timestamp())
    assert first < ends < purged() <= ends + timedelta(days=7).total_seconds()
    # An end that comes much sooner takes everything with it as well.
    move(timedelta(days=-30))
    assert purged() < first
    caller = stores.links.get(*links[2])
    assert caller
    assert "since" in caller
