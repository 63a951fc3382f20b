"""The command shows and sets what holds for a tenant, and counts its sessions."""

from __future__ import annotations

import pytest

from functions.publish_changes import app
from masking.storage.stores import Stores
from masking.tenants import tenant_settings
from masking.tenants.tenant_settings import TenantSettings
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.maskline import Command
from tests.support.sessions_there import planted
from tests.support.table_stream import TableStream

pytestmark = pytest.mark.usefixtures("acme")

NOTHING_SET = {
    "creates_per_minute": None,
    "live_sessions": None,
    "retention_days": None,
    "subaccount": None,
    "recording_retention_days": None,
}


def test_settings_are_set_shown_and_taken_away(
    command: Command, stores: Stores
) -> None:
    command.lines(
        *("tenants", "set", "acme", "--creates-per-minute", "20"),
        *("--retention-days", "30", "--subaccount", "SAXXXXXXXXXXXXXXXXXX"),
    )
    command.lines("tenants", "set", "acme", "--creates-per-minute", "none")

    assert [line.split() for line in command.lines("tenants", "show", "acme")] == [
        ["creates_per_minute", "none"],
        ["live_sessions", "none"],
        ["retention_days", "30"],
        ["subaccount", "SAXXXXXXXXXXXXXXXXXX"],
        ["recording_retention_days", "none"],
    ]
    assert tenant_settings.load(stores.tenants, "acme") == TenantSettings(
        retention_days=30, subaccount="SAXXXXXXXXXXXXXXXXXX"
    )


def test_how_long_recordings_are_kept_is_set_beside_the_other_settings(
    command: Command, stores: Stores
) -> None:
    shown = command.json("tenants", "set", "acme", "--recording-retention-days", "90")

    assert shown == {**NOTHING_SET, "recording_retention_days": 90}
    assert stores.recordings.retention_of("acme") == 90
    assert stores.tenants.settings("acme") is None


def test_a_quota_of_live_sessions_begins_with_a_count(
    command: Command,
    stores: Stores,
    aws: EmbeddedAws,
    deployment: Deployment,
    clock: Clock,
) -> None:
    planted(stores, clock)
    records = TableStream(aws, deployment).new()
    app.lambda_handler({"Records": list(records)}, None)

    shown = command.lines("tenants", "set", "acme", "--live-sessions", "5")

    assert shown[-1].split() == ["live_now", "1"]
    stores.tenants.put_live("acme", 99)
    recounted = command.lines("tenants", "recount", "acme")
    assert recounted[-1].split() == ["live_now", "1"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--creates-per-minute", "0"],
        ["--live-sessions", "-1"],
        ["--retention-days", "100001"],
        ["--retention-days", "many"],
        ["--subaccount", "MAXXXXXXXXXXXXXXXXXX"],
        ["--recording-retention-days", "31"],
        [],
    ],
    ids=" ".join,
)
def test_a_setting_that_breaks_its_rule_is_not_set(
    command: Command, stores: Stores, arguments: list[str]
) -> None:
    ended = command.run("tenants", "set", "acme", *arguments)

    assert (ended.status, ended.out) == (2, "")
    assert stores.tenants.settings("acme") is None
    assert stores.recordings.retention_of("acme") is None
