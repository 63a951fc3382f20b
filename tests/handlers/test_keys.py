"""An operator makes keys, sees when they are used, rotates and revokes them."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.authorize import app
from masking import keys, telemetry, tenants, wiring
from masking.errors import KeyNotFoundError
from masking.table import Table
from stack.aws.package import read_template
from stack.environments import ROOT
from tests.handlers.clock import Clock
from tests.handlers.embedded_aws import EmbeddedAws
from tests.handlers.faulty_table import faulty_table
from tests.handlers.payloads import sample


def authorized(key: str) -> bool:
    """Say whether a key opens the API."""
    event = sample("authorize")
    event["headers"]["authorization"] = f"Bearer {key}"
    return bool(app.lambda_handler(event, None)["isAuthorized"])


def test_a_key_is_a_prefix_and_256_random_bits(table: Table, clock: Clock) -> None:
    secrets = {keys.create(table, "acme", ["admin"], clock()).secret for _ in range(10)}

    assert len(secrets) == 10
    for secret in secrets:
        text = secret.removeprefix("maskline_")
        assert len(text) == 43
        assert len(base64.urlsafe_b64decode(text + "=")) == 32


def test_a_key_is_listed_by_its_id_and_never_itself(table: Table, clock: Clock) -> None:
    made_key = keys.create(
        table, "acme", ["sessions:read"], clock(), clock() + timedelta(days=1)
    )
    keys.create(table, "other", ["admin"], clock())

    [listed] = keys.listed(table, "acme")

    assert (listed.key_id, listed.scopes) == (made_key.key_id, ("sessions:read",))
    assert listed.created_at == clock()
    assert listed.expires_at == clock() + timedelta(days=1)
    assert listed.last_used_at is None
    assert made_key.secret not in str(listed)
    assert authorized(made_key.secret)


def test_all_of_many_keys_are_listed_the_oldest_first(
    table: Table, clock: Clock
) -> None:
    ids = []
    for _ in range(12):
        clock.advance(seconds=1)
        ids.append(keys.create(table, "acme", ["admin"], clock()).key_id)

    assert [key.key_id for key in keys.listed(table, "acme")] == ids


def test_a_key_that_was_never_written_is_not_listed(table: Table, clock: Clock) -> None:
    table.tenants.link_key("acme", "0123456789ab", "0123456789ab" + "0" * 52)

    assert keys.listed(table, "acme") == []
    with pytest.raises(KeyNotFoundError):
        keys.revoke(table, "acme", "0123456789ab", clock())


def test_a_rotated_key_opens_until_its_end_and_the_new_one_has_its_scopes_and_life(
    table: Table, clock: Clock
) -> None:
    old = keys.create(
        table, "acme", ["sessions:read"], clock(), clock() + timedelta(days=30)
    )
    clock.advance(days=10)

    new = keys.rotate(table, "acme", old.key_id, clock(), timedelta(hours=2))

    ends = {key.key_id: key.expires_at for key in keys.listed(table, "acme")}
    assert ends[old.key_id] == clock() + timedelta(hours=2)
    assert ends[new.key_id] == clock() + timedelta(days=30)
    for at, opens in ((timedelta(hours=1), True), (timedelta(hours=2), False)):
        caller = tenants.caller_of(table, f"Bearer {old.secret}", clock() + at)
        assert (caller is not None) == opens
    caller = tenants.caller_of(table, f"Bearer {new.secret}", clock())
    assert caller
    assert (caller.tenant_id, caller.scopes) == ("acme", ("sessions:read",))


def test_rotating_lets_no_key_live_longer_than_it_would_have(
    table: Table, clock: Clock
) -> None:
    ends = clock() + timedelta(hours=1)
    old = keys.create(table, "acme", ["admin"], clock(), ends)

    keys.rotate(table, "acme", old.key_id, clock(), timedelta(hours=24))

    kept = {key.key_id: key.expires_at for key in keys.listed(table, "acme")}
    assert kept[old.key_id] == ends


def test_a_revoked_key_opens_nothing_whatever_the_clock_says(
    table: Table, clock: Clock
) -> None:
    key = keys.create(table, "acme", ["admin"], clock())

    keys.revoke(table, "acme", key.key_id, clock() + timedelta(days=1))

    assert not authorized(key.secret)
    [listed] = keys.listed(table, "acme")
    assert not listed.opens(clock())
    with pytest.raises(KeyNotFoundError):
        keys.rotate(table, "acme", key.key_id, clock(), timedelta(hours=1))


def test_revoking_again_changes_nothing(table: Table, clock: Clock) -> None:
    key = keys.create(table, "acme", ["admin"], clock())
    keys.revoke(table, "acme", key.key_id, clock())

    keys.revoke(table, "acme", key.key_id, clock() + timedelta(days=1))

    [listed] = keys.listed(table, "acme")
    assert listed.revoked_at == clock()


def test_a_tenant_cannot_be_relieved_of_another_tenants_key(
    table: Table, clock: Clock
) -> None:
    key = keys.create(table, "acme", ["admin"], clock())

    with pytest.raises(KeyNotFoundError):
        keys.revoke(table, "other", key.key_id, clock())

    assert authorized(key.secret)


# Last used


def test_the_use_of_a_key_is_noted_every_ten_minutes_at_most(
    table: Table, clock: Clock
) -> None:
    key = keys.create(table, "acme", ["admin"], clock())
    header = f"Bearer {key.secret}"
    first = tenants.caller_of(table, header, clock())
    assert first

    assert authorized(key.secret)

    [listed] = keys.listed(table, "acme")
    used = listed.last_used_at
    assert used
    assert abs(used - clock()) < timedelta(minutes=1)
    again = tenants.caller_of(table, header, used)
    assert again
    assert tenants.is_use_due(first, used)
    assert not tenants.is_use_due(again, used + timedelta(minutes=9, seconds=59))
    assert tenants.is_use_due(again, used + timedelta(minutes=10))


def test_a_use_that_was_just_noted_is_not_written_again(
    table: Table, clock: Clock
) -> None:
    key = keys.create(table, "acme", ["admin"], clock())
    assert authorized(key.secret)
    [first] = keys.listed(table, "acme")

    assert authorized(key.secret)

    assert keys.listed(table, "acme") == [first]


def test_that_a_use_cannot_be_noted_is_counted_and_raises_nothing(
    table: Table,
    clock: Clock,
    aws: EmbeddedAws,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = keys.create(table, "acme", ["admin"], clock())
    caller = tenants.caller_of(table, f"Bearer {key.secret}", clock())
    assert caller

    tenants.note_use(faulty_table(aws, table._name, "UpdateItem"), caller, clock())
    telemetry.flush()

    assert "KeyUseNotNoted" in capsys.readouterr().out
    [listed] = keys.listed(table, "acme")
    assert listed.last_used_at is None


def test_noting_a_use_takes_a_small_part_of_the_authorizers_time() -> None:
    template = read_template(ROOT / "template.yaml")
    properties = template["Resources"]["AuthorizeFunction"]["Properties"]
    hasty: Any = wiring.HASTY

    longest = hasty.connect_timeout + hasty.read_timeout

    assert hasty.retries["total_max_attempts"] == 1
    assert longest <= properties["Timeout"] / 5


def test_noting_the_use_of_a_key_that_is_gone_makes_none(
    table: Table, clock: Clock
) -> None:
    caller = tenants.Caller("acme", ("admin",), digest="0" * 64)

    tenants.note_use(table, caller, clock())

    assert table.tenants.key("0" * 64) is None


@given(
    random=st.binary(min_size=32, max_size=32),
    other=st.binary(min_size=32, max_size=32),
)
def test_every_two_keys_have_two_ids_that_tell_nothing_of_them(
    random: bytes, other: bytes
) -> None:
    texts = [base64.urlsafe_b64encode(each).decode() for each in (random, other)]

    ids = [tenants.key_id_of(tenants.digest_of(text)) for text in texts]

    assert (ids[0] == ids[1]) == (random == other)
    assert ids[0] not in texts[0]
