"""What our own rules hand on is counted, so that an alarm hears if nobody takes it."""

from __future__ import annotations

import json

import pytest

from functions.publish_changes import app as publish_changes
from masking.storage.bus import Bus
from masking.storage.stores import Stores
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.embedded_aws import EmbeddedAws, make_queue
from tests.support.partial_bus import RefusingClient
from tests.support.publishing import Publish, active
from tests.support.sessions_there import planted
from tests.support.table_stream import TableStream

HOOK = "https://app.example.com/events"


def counted(printed: str) -> dict[str, float]:
    """Return the metrics that an invocation printed, but for those of one event."""
    found: dict[str, float] = {}
    for line in map(json.loads, printed.splitlines()):
        for name in ("EventsForWebhooks", "EventsForRecordings"):
            if name in line:
                found[name] = found.get(name, 0) + sum(line[name])
    return found


def test_an_event_for_an_app_is_counted_and_another_is_not(
    stores: Stores,
    clock: Clock,
    publish_new: Publish,
    capsys: pytest.CaptureFixture[str],
) -> None:
    active(stores, clock)
    publish_new()
    assert counted(capsys.readouterr().out) == {}

    active(stores, clock, second_party="+12025550155", callback_url=HOOK)
    publish_new()
    assert counted(capsys.readouterr().out) == {"EventsForWebhooks": 1}


def test_a_recording_that_is_to_be_fetched_is_counted(
    services: Services,
    clock: Clock,
    publish_new: Publish,
    capsys: pytest.CaptureFixture[str],
) -> None:
    session = planted(services.stores, clock)
    services.stores.callbacks.put(
        session.session_uuid,
        "digest",
        kind="recordings",
        tenant_id="acme",
        attempt=1,
        attributes={
            "EventName": "SessionRecordingCompleted",
            "RecordingUUID": "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c",
            "RecordingURL": "https://media.plivo.com/x.mp3",
        },
        received_at=clock(),
    )
    publish_new(2)

    assert counted(capsys.readouterr().out)["EventsForRecordings"] == 1


def test_what_the_bus_refuses_is_not_counted(
    services: Services,
    stores: Stores,
    clock: Clock,
    stream: TableStream,
    aws: EmbeddedAws,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    parked = make_queue(aws.client("sqs"), "parked")
    monkeypatch.setenv("CHANGE_DEAD_LETTERS_URL", parked)
    services.bus = Bus(RefusingClient(frozenset({0})), "x")  # type: ignore[arg-type]
    active(stores, clock, callback_url=HOOK)

    answer = publish_changes.lambda_handler({"Records": stream.new()}, None)

    assert answer["batchItemFailures"]
    assert counted(capsys.readouterr().out) == {}
