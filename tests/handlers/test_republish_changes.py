"""What was parked is published from the table, under the id that it had."""

from __future__ import annotations

import json

import pytest

from functions.publish_changes import app as publish_changes
from functions.republish_changes import app as republish_changes
from masking.domain import (
    bus_events,
)
from masking.storage.timelines import callback_event_from
from masking.wiring import Services
from tests.support.embedded_aws import Deployment
from tests.support.publishing import (
    callback_records,
    publish,
)
from tests.support.raw_callbacks import (
    active_session,
)


def test_what_was_parked_is_published_from_the_table_by_the_redrive(
    deployment: Deployment, services: Services
) -> None:
    records = callback_records(deployment, services, 1)
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
    publish(deployment)
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
