"""From the table's stream to the bus: what events say, and what becomes of failures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from functions.check_sessions import app as check_sessions
from functions.list_events import app as list_events
from functions.on_recording_event import app as on_recording_event
from functions.on_session_event import app as on_session_event
from functions.publish_changes import app as publish_changes
from functions.republish_changes import app as republish_changes
from masking.core.errors import EventsNotTakenError
from masking.domain import (
    bus_events,
    erasures,
    recording_transitions,
    sessions,
    transitions,
)
from masking.domain.bus_events import Event
from masking.domain.recordings import Announcement, Recording, Source
from masking.lifecycle import settlement
from masking.storage import bus
from masking.storage.timelines import callback_event_from
from masking.wiring import Services
from stack.aws.package import read_template
from stack.environments import ROOT
from tests.support.embedded_aws import Deployment
from tests.support.event_schemas import TYPES, check_event
from tests.support.raw_callbacks import (
    FIRST,
    SECOND,
    active_session,
    answer_of,
    api_event,
    path_of,
    signed_form,
)
from tests.support.simulated_calls import STRANGER, Told, play, text_of

PIN = {
    "is_pin_authentication_required": True,
    "first_party_pin": "1234",
    "second_party_pin": "5678",
    "pin_prompt_play": "https://app.example.com/prompt.mp3",
}
NUMBERS = ("2025550100", "2025550101", "2025550102", "2025550166")


def _check(event: dict[str, Any]) -> None:
    check_event(event)
    text = json.dumps(event)
    assert not [number for number in NUMBERS if number in text], event["type"]


def _post_all(services: Services, session: sessions.Session, told: Told) -> None:
    for callback in told.callbacks:
        recording = callback.channel == "recording"
        path = path_of(services, session, "recordings" if recording else "events")
        handler = on_recording_event if recording else on_session_event
        attributes = text_of(callback.attributes)
        # Of this very session at Plivo, not of the one that the calls were played in.
        attributes["SessionUUID"] = str(session.carrier_session_uuid)
        form = list(attributes.items())
        answer = handler.lambda_handler(signed_form(path, form), None)
        assert answer["statusCode"] == 200


def _publish(deployment: Deployment, seen: int = 0) -> int:
    records = deployment.stream(seen)
    for start in range(0, len(records), 20):
        answer = publish_changes.lambda_handler(
            {"Records": records[start : start + 20]}, None
        )
        assert answer == {"batchItemFailures": []}
    return seen + len(records)


def _settle_and_repair(services: Services, session_uuid: str, now: datetime) -> None:
    """Mend an expired session, and take Plivo's totals for it."""
    expired = services.stores.sessions.load(session_uuid)
    assert expired
    repaired = transitions.note(expired, "orphan_removed")
    services.stores.sessions.replace(expired, repaired)
    totals = {"amount": "0.0055", "total_call_count": 2, "total_call_amount": "0.011"}
    answer = replace(answer_of(expired), status="expired", totals=totals)
    changed = settlement.changes_of(repaired, answer)
    services.stores.sessions.replace(
        repaired,
        transitions.settle(repaired, answer, changed, now + timedelta(hours=1)),
    )


def _live_recordings(
    services: Services, session: sessions.Session, now: datetime
) -> None:
    """Take one recording through all of its life, others through less of it."""
    stores = services.stores
    found = Announcement(
        recording_uuid="00000000-0000-4000-8000-0000000000aa",
        url="https://media.example.com/a.wav",
        format="wav",
        duration=2,
        call={
            "call_uuid": "00000000-0000-4000-8000-0000000000ab",
            "started_at": "2026-03-01T12:00:00Z",
            "from": "first",
            "to": "second",
        },
    )
    facts: dict[str, Any] = {
        "session_uuid": session.session_uuid,
        "tenant_id": session.tenant_id,
        "retention_days": 365,
        "source": Source.CARRIER,
        "now": now,
    }
    announced = recording_transitions.announce(found, **facts)
    findings = {"bucket": "b", "key": "k", "bytes": 5, "sha256": "0" * 64}

    def claimed(before: Recording) -> Recording:
        after = recording_transitions.claim(before, now)
        assert after
        return after

    steps: list[Callable[[Recording], Recording]] = [
        recording_transitions.nudge,
        claimed,
        lambda each: recording_transitions.give_up(
            each, "unreachable", "nobody answers", now
        ),
        claimed,
        lambda each: recording_transitions.store(each, findings, now),
        lambda each: recording_transitions.begin_deletion(each, now),
        lambda each: recording_transitions.delete(each, now),
    ]
    stores.recordings.add(announced)
    current = announced
    for step in steps:
        after = step(current)
        stores.recordings.replace(current, after)
        current = after
    # Plivo did not say how long it is, nor whose.
    name = "00000000-0000-4000-8000-0000000000ac"
    bare = replace(found, recording_uuid=name, duration=None, call={})
    unknown = recording_transitions.announce(bare, **facts)
    stores.recordings.add(unknown)
    stored = recording_transitions.store(unknown, findings, now)
    stores.recordings.replace(unknown, stored)
    services.bus.put([bus_events.event_of_access(stored, "a-request", now)])
    # Never stored, and of a session that is no longer kept.
    failed = recording_transitions.announce_failure(
        "00000000-0000-4000-8000-0000000000ad",
        reason="malformed",
        explanation="Plivo names no URL of it",
        **{**facts, "session_uuid": "00000000-0000-4000-8000-0000000000ae"},
    )
    stores.recordings.add(failed)
    stores.recordings.replace(failed, recording_transitions.delete(failed, now))


def _forget_somebody(services: Services, now: datetime) -> None:
    """Complete the erasure of a number of which there was nothing."""
    stores = services.stores
    erasure = erasures.request("acme", "the hash of a number", now)
    stores.erasures.begin(erasure, None)
    stores.erasures.put(erasures.close(erasure, [], now))


def test_every_event_is_as_its_schema_says_and_names_no_number(
    deployment: Deployment, services: Services
) -> None:
    session = active_session(services, callback_url="https://app.example.com/hooks")
    call = {"from": FIRST, "gap": 0, "talk_seconds": 2, "ring_seconds": 1}
    told = [
        play(
            [call, {**call, "from": STRANGER, "digits": ["0", "0"], "replace": True}],
            switches={"generation": generation, "attributes": attributes},
            settings=settings,
        )
        for generation, attributes, settings in (
            ("current", "relevant", {**PIN, "record": True}),
            ("2023", "all", {"record": True}),
            ("2024", "all", {}),
        )
    ]
    for each in told:
        _post_all(services, session, each)
    for name in ("SessionRecordingFailed", "SessionSomethingNew"):
        form = [("EventName", name), ("From", "12025550100"), ("Hint", "12025550101")]
        request = signed_form(path_of(services, session), form)
        on_session_event.lambda_handler(request, None)
    for number in range(5):
        failure = [
            ("EventName", "SessionPinAuthenticationStatus"),
            ("PinAuthenticationStatus", "failed"),
            ("From", "12025550166"),
            ("SequenceNumber", str(900 + number)),
        ]
        request = signed_form(path_of(services, session), failure)
        on_session_event.lambda_handler(request, None)
    now = datetime.now(UTC)
    begun = transitions.begin_update(session, {"record": True}, now)
    done = replace(
        transitions.finish_update(begun, None),
        answered={**begun.answered, "record": True},
    )
    services.stores.sessions.replace(session, begun)
    services.stores.sessions.replace(begun, done)
    services.stores.sessions.replace(done, transitions.expire(done, now))
    _settle_and_repair(services, session.session_uuid, now)
    _live_recordings(services, session, now)
    _forget_somebody(services, now)

    # What a callback tells of a recording is in the stream once it was published.
    _publish(deployment, _publish(deployment))

    published = deployment.published()
    for event in published:
        _check(event)
    kinds = {event["type"] for event in published}
    assert kinds == TYPES


def test_an_id_is_the_same_whenever_the_event_is_published(
    deployment: Deployment, services: Services
) -> None:
    session = active_session(services)
    told = play([{"from": FIRST, "gap": 0}], switches={}, settings={})
    _post_all(services, session, told)

    _publish(deployment)
    first = Counter(each["id"] for each in deployment.published())
    _publish(deployment)
    second = Counter(each["id"] for each in deployment.published())

    assert first == second
    assert set(first.values()) == {1}


@pytest.mark.parametrize(
    ("wanted", "url", "expected"),
    [
        ("*", None, {"session.created", "call.started"}),
        ("", None, set()),
        ("call.started", None, {"call.started"}),
        ("", "https://app.example.com/x", {"session.created", "call.started"}),
    ],
)
def test_nothing_is_put_on_the_bus_that_no_rule_wants(
    deployment: Deployment,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    wanted: str,
    url: str | None,
    expected: set[str],
) -> None:
    monkeypatch.setenv("BUS_EVENTS", wanted)
    session = active_session(services, **({"callback_url": url} if url else {}))
    form = [("EventName", "SessionFirstPartyAnswer")]
    on_session_event.lambda_handler(signed_form(path_of(services, session), form), None)

    _publish(deployment)

    published = deployment.published()
    assert {each["type"] for each in published} == expected
    assert {each.get("webhook") for each in published} <= {
        "callback_url" if url else None
    }


def test_what_a_rule_of_the_template_wants_is_put_on_the_bus_whoever_else_does(
    deployment: Deployment, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources = read_template(ROOT / "template.yaml")["Resources"].values()
    patterns = [
        each["Properties"]["EventPattern"]
        for each in resources
        if each["Type"] == "AWS::Events::Rule" and "EventPattern" in each["Properties"]
    ]
    by_type = {kind for each in patterns for kind in each.get("detail-type", ())}
    monkeypatch.setenv("BUS_EVENTS", "")
    session = active_session(services)
    _live_recordings(services, session, datetime.now(UTC))

    _publish(deployment)

    published = {each["type"] for each in deployment.published()}
    assert published == by_type | {"recording.accessed"}


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

    _publish(deployment)

    state = services.stores.sessions.load_state(session.session_uuid)
    assert state
    assert state.virtual_number == "+12025550181"
    assert state.version == session.version + 1


@pytest.mark.parametrize("generation", ["2023", "2024", "current"])
def test_the_end_of_a_call_is_told_once_in_every_vocabulary(
    deployment: Deployment, services: Services, generation: str
) -> None:
    session = active_session(services)
    told = play(
        [{"from": FIRST, "gap": 0, "talk_seconds": 2}],
        switches={"generation": generation},
        settings={},
    )
    # One after the other, each published before the next comes.
    seen = 0
    for callback in told.callbacks:
        _post_all(services, session, replace(told, callbacks=(callback,)))
        seen = _publish(deployment, seen)
    checks = deployment.taken(deployment.environment["CHECK_QUEUE_URL"])
    for check in checks:
        check_sessions.lambda_handler({"Records": [{"body": json.dumps(check)}]}, None)

    ended = [e for e in deployment.published() if e["type"] == "call.ended"]
    assert len({each["id"] for each in ended}) == 1
    assert ended[0]["call"]["outcome"] == "connected"


# What fails


@dataclass
class PartialBus:
    """EventBridge that does not take some entries, as often as it is told."""

    refuse: dict[str, list[str]] = field(default_factory=dict)
    requests: list[list[dict[str, Any]]] = field(default_factory=list)

    def put_events(self, Entries: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.requests.append(list(Entries))
        answers = []
        for entry in Entries:
            codes = self.refuse.get(entry["DetailType"], [])
            answers.append({"ErrorCode": codes.pop(0)} if codes else {"EventId": "x"})
        failed = sum("ErrorCode" in answer for answer in answers)
        return {"FailedEntryCount": failed, "Entries": answers}


def _events(count: int, size: int = 10) -> list[Event]:
    return [
        Event(f"t{n}", str(n), "now", "s", "acme", {"x": "é" * (size // 2)})
        for n in range(count)
    ]


def _bus(client: PartialBus) -> bus.Bus:
    return bus.Bus(client, "b", sleep=lambda _: None)  # type: ignore[arg-type]


def test_requests_hold_ten_entries_and_256_kb_at_most() -> None:
    client = PartialBus()

    _bus(client).put(_events(25))
    _bus(client).put(_events(6, size=100 * 1024))

    assert [len(entries) for entries in client.requests] == [10, 10, 5, 2, 2, 2]


def test_an_event_that_is_too_large_is_left_out_and_named() -> None:
    client = PartialBus()

    refused = _bus(client).offer([*_events(1), *_events(1, size=300 * 1024)])

    assert refused == {1: bus.TOO_LARGE}
    assert len(client.requests) == 1


def test_what_a_request_left_out_is_put_again_alone() -> None:
    client = PartialBus({"t1": ["InternalFailure"], "t3": ["ThrottlingException"] * 2})

    _bus(client).put(_events(5))

    sent = [[entry["DetailType"] for entry in each] for each in client.requests]
    assert sent == [["t0", "t1", "t2", "t3", "t4"], ["t1", "t3"], ["t3"]]


def test_what_is_never_taken_is_an_error() -> None:
    client = PartialBus({"t1": ["InternalFailure"] * 9})

    with pytest.raises(EventsNotTakenError, match="InternalFailure"):
        _bus(client).put(_events(3))


def _records(deployment: Deployment, services: Services, callbacks: int) -> list[Any]:
    session = active_session(services)
    for number in range(callbacks):
        form = [("EventName", "SessionFirstPartyAnswer"), ("n", str(number))]
        request = signed_form(path_of(services, session), form)
        on_session_event.lambda_handler(request, None)
    return [
        r for r in deployment.stream() if r["dynamodb"]["Keys"]["sk"]["S"][:2] == "E#"
    ]


def test_a_poison_record_blocks_nothing_and_is_parked_with_key_and_reason(
    deployment: Deployment, services: Services
) -> None:
    records = _records(deployment, services, 3)
    del records[1]["dynamodb"]["NewImage"]["attributes"]

    answer = publish_changes.lambda_handler({"Records": records}, None)

    assert answer == {"batchItemFailures": []}
    assert len(deployment.published()) == 2
    [parked] = deployment.taken(deployment.environment["CHANGE_DEAD_LETTERS_URL"])
    keys = records[1]["dynamodb"]["Keys"]
    assert (parked["pk"], parked["sk"]) == (keys["pk"]["S"], keys["sk"]["S"])
    assert parked["reason"] == "KeyError"


def test_what_was_parked_is_published_from_the_table_by_the_redrive(
    deployment: Deployment, services: Services
) -> None:
    records = _records(deployment, services, 1)
    [kept] = services.stores.callbacks.of_session(
        records[0]["dynamodb"]["Keys"]["pk"]["S"][2:]
    )
    expected = bus_events.event_of_callback(
        callback_event_from(kept), active_session(services)
    )
    del records[0]["dynamodb"]["NewImage"]["attributes"]
    publish_changes.lambda_handler({"Records": records}, None)
    [parked] = deployment.taken(deployment.environment["CHANGE_DEAD_LETTERS_URL"])

    republish_changes.lambda_handler({"Records": [{"body": json.dumps(parked)}]}, None)

    [event] = deployment.published()
    assert expected
    assert event["id"] == expected.id


@pytest.mark.parametrize("was", ["reserved", None])
def test_a_change_of_a_session_keeps_its_id_through_the_redrive(
    deployment: Deployment, services: Services, was: str | None
) -> None:
    session = active_session(services)
    _publish(deployment)
    [created] = deployment.published()

    parked = {
        "pk": f"S#{session.session_uuid}",
        "sk": "A#STATE",
        "reason": "KeyError",
        "was": was,
    }
    republish_changes.lambda_handler({"Records": [{"body": json.dumps(parked)}]}, None)

    [again] = deployment.published()
    assert (again["id"], again["type"]) == (created["id"], "session.created")


@pytest.mark.parametrize(
    "failure",
    [
        EndpointConnectionError(endpoint_url="https://events.invalid"),
        ClientError({"Error": {"Code": "ThrottlingException"}}, "PutEvents"),
    ],
)
def test_what_fails_since_aws_fails_comes_again_and_is_parked_after_a_while(
    deployment: Deployment,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
) -> None:
    records = _records(deployment, services, 3)

    class Down:
        def put_events(self, **_: Any) -> Any:
            raise failure

    monkeypatch.setitem(services.__dict__, "bus", bus.Bus(Down(), "b"))  # type: ignore[arg-type]
    first = records[0]["dynamodb"]["SequenceNumber"]

    young = publish_changes.lambda_handler({"Records": records}, None)
    long_ago = (datetime.now(UTC) - timedelta(hours=1)).timestamp()
    for record in records:
        record["dynamodb"]["ApproximateCreationDateTime"] = long_ago
    old = publish_changes.lambda_handler({"Records": records}, None)

    assert young == {"batchItemFailures": [{"itemIdentifier": first}]}
    assert old == {"batchItemFailures": []}
    parked = deployment.taken(deployment.environment["CHANGE_DEAD_LETTERS_URL"])
    assert len(parked) == 3


def test_of_a_partial_failure_the_first_record_comes_again(
    deployment: Deployment, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = _records(deployment, services, 4)
    codes = [*[None] * 2, "InternalFailure", None]

    class Partial:
        def put_events(self, Entries: Any) -> Any:  # noqa: N803
            chosen = codes[:4] if len(Entries) == 4 else ["InternalFailure"]
            answers = [{"ErrorCode": c} if c else {"EventId": "x"} for c in chosen]
            return {"FailedEntryCount": 1, "Entries": answers}

    quiet = bus.Bus(Partial(), "b", sleep=lambda _: None)  # type: ignore[arg-type]
    monkeypatch.setitem(services.__dict__, "bus", quiet)

    answer = publish_changes.lambda_handler({"Records": records}, None)

    third = records[2]["dynamodb"]["SequenceNumber"]
    assert answer == {"batchItemFailures": [{"itemIdentifier": third}]}


# The history


def _history(session_uuid: str, query: str = "", tenant: str = "acme") -> Any:
    event = api_event(f"/v1/sessions/{session_uuid}/events", method="GET", query=query)
    event["pathParameters"] = {"session_uuid": session_uuid}
    context = {"tenant_id": tenant, "scopes": "sessions:read"}
    event["requestContext"]["authorizer"] = {"lambda": context}
    answer = list_events.lambda_handler(event, None)
    return answer["statusCode"], json.loads(answer["body"]), answer["body"]


def test_the_history_is_paged_in_order_and_masked(services: Services) -> None:
    session = active_session(services)
    told = play(
        [{"from": FIRST, "gap": 0}, {"from": SECOND, "gap": 3}],
        switches={"sequence": "per_call"},
        settings={"record": True},
    )
    _post_all(services, session, told)

    pages, query = [], "limit=5"
    while True:
        status, page, text = _history(session.session_uuid, query)
        assert status == 200
        assert not [number for number in NUMBERS if number in text]
        pages.append(page["objects"])
        if page["meta"]["next"] is None:
            break
        query = f"limit=5&cursor={page['meta']['next']}"

    shown = [each for page in pages for each in page]
    assert [len(page) for page in pages] == [5, 5, 5, 1]
    assert [each["occurred_at"] for each in shown] == sorted(
        each["occurred_at"] for each in shown
    )
    assert [each["call"] for each in shown] == [1] * 8 + [2] * 8
    assert {each["from"] for each in shown} == {"first", "second"}


def test_the_history_is_its_tenants_alone(services: Services) -> None:
    session = active_session(services)

    assert _history(session.session_uuid, tenant="another")[0] == 404


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "cursor=x", "cursor=WzFd", "who=me"]
)
def test_a_page_that_cannot_be_asked_for_is_refused(
    services: Services, query: str
) -> None:
    session = active_session(services)
    path = path_of(services, session)
    form = [("EventName", "SessionTimeout"), ("EventTimestamp", "2026-03-01 12:00:00")]
    on_session_event.lambda_handler(signed_form(path, form), None)

    assert _history(session.session_uuid, query)[0] == 400
