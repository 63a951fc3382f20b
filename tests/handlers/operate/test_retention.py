"""Commands that write keep to the retention that the deployment has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from masking.core.settings import Settings
from masking.domain.sessions import Session
from masking.wiring import Services
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.maskline import Command, command_on
from tests.support.recorded_calls import announced
from tests.support.sessions_there import created
from tests.support.simulated_plivo import SimulatedPlivo

DAYS = 30

Items = Mapping[tuple[str, str], Mapping[str, Any]]


@pytest.fixture
def thirty(deployment: Deployment) -> Services:
    """Return what functions work with in a deployment that keeps sessions 30 days."""
    return Services(Settings({**deployment.environment, "RETENTION_DAYS": str(DAYS)}))


@pytest.fixture
def command(deployment: Deployment, aws: EmbeddedAws) -> Command:
    """Return the command for that deployment."""
    return command_on(deployment, aws, RetentionDays=str(DAYS))


@pytest.fixture
def session(thirty: Services, plivo: SimulatedPlivo, clock: Clock) -> Session:
    """Return a session that is active, here and at Plivo."""
    assert plivo.sessions() == []
    return created(thirty, clock)


def items_in(deployment: Deployment, aws: EmbeddedAws) -> Items:
    """Return every item of the table by its key."""
    found = aws.client("dynamodb").scan(TableName=deployment.table_name)["Items"]
    return {(item["pk"]["S"], item["sk"]["S"]): item for item in found}


def changed(before: Items, after: Items) -> Items:
    """Return the items that are new, gone or not as they were."""
    keys = before.keys() | after.keys()
    return {
        key: after.get(key, {}) for key in keys if before.get(key) != after.get(key)
    }


def purged_at(item: Mapping[str, Any]) -> int:
    """Return when an item is purged, in seconds since 1970."""
    return int(item["purge_at"]["N"])


def test_a_repaired_session_is_purged_as_the_deployment_says(
    command: Command,
    thirty: Services,
    session: Session,
    clock: Clock,
    deployment: Deployment,
    aws: EmbeddedAws,
) -> None:
    thirty.carrier.expire(str(session.carrier_session_uuid))
    before = items_in(deployment, aws)

    ended = command.run("audit", "--repair")

    assert (ended.status, ended.err) == (0, "")
    found = changed(before, items_in(deployment, aws))
    place = f"S#{session.session_uuid}"
    # It has ended hours before its time: what was asked for keeps its purge time.
    assert found.keys() == {(place, "A#STATE")}
    for item in found.values():
        kept = int(item["kept_until"]["N"]) - clock().timestamp()
        assert abs(kept - timedelta(days=DAYS).total_seconds()) < 3600
        assert purged_at(item) == purged_at(before[place, "A#REQUEST"])
    assert found[place, "A#STATE"]["status"] == {"S": "expired"}


def test_a_hold_that_is_lifted_leaves_purge_dates_as_they_were(
    command: Command,
    thirty: Services,
    session: Session,
    clock: Clock,
    deployment: Deployment,
    aws: EmbeddedAws,
) -> None:
    made = announced(thirty, session, clock, "https://media.plivo.com/x.wav")
    before = items_in(deployment, aws)
    uuid = session.session_uuid

    command.lines("hold", "set", uuid)
    held = items_in(deployment, aws)
    command.lines("hold", "lift", uuid)

    assert {sk for _, sk in changed(before, held)} == {
        "A#HOLD",
        f"R#{made.recording_uuid}",
        "LINK",
    }
    after = items_in(deployment, aws)
    assert before.keys() == after.keys()
    for key, item in after.items():
        assert item.get("purge_at") == before[key].get("purge_at"), key


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize(
    ("arguments", "owners"),
    [
        (["keys", "create", "acme"], {"KEY", "TENANT"}),
        (["keys", "rotate", "acme", "KEY"], {"KEY", "TENANT"}),
        (["keys", "revoke", "acme", "KEY"], {"KEY"}),
        (["tenants", "set", "acme", "--live-sessions", "9"], {"TENANT"}),
        (["tenants", "set", "acme", "--recording-retention-days", "7"], {"TENANT"}),
        (["tenants", "recount", "acme"], {"TENANT"}),
        (["webhooks", "rotate", "acme"], {"TENANT"}),
        (["webhooks", "retire", "acme"], {"TENANT"}),
        (["numbers", "attach"], set()),
        (["redrive", "recordings"], set()),
        (["redrive", "webhooks"], set()),
        (["redrive", "changes"], set()),
        (["redrive", "erasures"], set()),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_touches_no_session_and_sets_no_purge_date(
    command: Command,
    deployment: Deployment,
    aws: EmbeddedAws,
    arguments: list[str],
    owners: set[str],
) -> None:
    key = command.json("keys", "create", "acme")["key_id"]
    before = items_in(deployment, aws)

    ended = command.run(*(key if word == "KEY" else word for word in arguments))

    assert (ended.status, ended.err) == (0, "")
    found = changed(before, items_in(deployment, aws))
    assert {pk.partition("#")[0] for pk, _ in found} <= owners
    assert not any("purge_at" in item for item in found.values())
