"""The authorizer says whose key a request carries, never what it may do."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.authorize import app
from masking.core import telemetry
from masking.core.errors import KeyNotFoundError
from masking.storage.stores import Stores
from masking.tenants import api_keys, authorize
from masking.wiring import connections
from stack.aws.package import read_template
from stack.environments import ROOT
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.faulty_stores import faulty_stores
from tests.support.payloads import sample

KEY = "local-dev-key"


def authorization(header: str | None) -> dict[str, Any]:
    """Return the sample of an authorizer's event with another header."""
    event = sample("authorize")
    if header is None:
        del event["headers"]["authorization"]
    else:
        event["headers"]["authorization"] = header
    return event


def test_a_key_tells_tenant_and_scopes(stores: Stores) -> None:
    authorize.issue(
        stores, key=KEY, tenant_id="acme", scopes=["sessions:write", "sessions:read"]
    )

    answer = app.lambda_handler(sample("authorize"), None)

    assert answer == {
        "isAuthorized": True,
        "context": {"tenant_id": "acme", "scopes": "sessions:read sessions:write"},
    }


def test_the_header_is_known_by_its_name_in_any_case(stores: Stores) -> None:
    """`sam local` writes it as the client did."""
    authorize.issue(stores, key=KEY, tenant_id="acme", scopes=["admin"])
    event = authorization(None)
    event["headers"]["Authorization"] = f"Bearer {KEY}"

    assert app.lambda_handler(event, None)["isAuthorized"]


@pytest.mark.parametrize("header", [f"bearer {KEY}", f" BEARER   {KEY} "])
def test_the_scheme_is_read_in_any_case(stores: Stores, header: str) -> None:
    authorize.issue(stores, key=KEY, tenant_id="acme", scopes=["admin"])

    assert app.lambda_handler(authorization(header), None)["isAuthorized"]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        KEY,
        "Bearer",
        "Bearer ",
        f"Basic {KEY}",
        f"Bearer {KEY} {KEY}",
        f"Bearer {KEY}x",
        f"Bearer {KEY.upper()}",
        "Bearer " + "k" * 513,
        "Bearer ké",
    ],
    ids=repr,
)
def test_any_other_header_opens_nothing(stores: Stores, header: str | None) -> None:
    authorize.issue(stores, key=KEY, tenant_id="acme", scopes=authorize.SCOPES)

    answer = app.lambda_handler(authorization(header), None)

    assert answer == {"isAuthorized": False, "context": {}}


def test_a_key_opens_until_it_expires(stores: Stores, clock: Clock) -> None:
    authorize.issue(
        stores, key=KEY, tenant_id="acme", scopes=["admin"], expires_at=clock()
    )
    header = f"Bearer {KEY}"

    before = authorize.caller_of(stores, header, clock() - timedelta(microseconds=1))
    after = authorize.caller_of(stores, header, clock())

    assert before == authorize.Caller("acme", ("admin",), digest="")
    assert after is None


def test_an_unknown_scope_is_granted_to_nobody(stores: Stores) -> None:
    with pytest.raises(ValueError, match="unknown scopes: everything"):
        authorize.issue(
            stores, key=KEY, tenant_id="acme", scopes=["admin", "everything"]
        )

    assert not app.lambda_handler(sample("authorize"), None)["isAuthorized"]


def test_a_key_is_kept_as_its_hash_alone(
    stores: Stores, aws: EmbeddedAws, deployment: Deployment
) -> None:
    authorize.issue(stores, key=KEY, tenant_id="acme", scopes=["admin"])

    kept = aws.client("dynamodb").scan(TableName=deployment.table_name)["Items"]

    assert sorted(item["sk"]["S"][:4] for item in kept) == ["KEY", "KEY#"]
    assert KEY not in str(kept)


def test_a_key_that_is_refused_is_not_logged(
    stores: Stores, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stores.tenants.key("none") is None

    app.lambda_handler(sample("authorize.unknown_key"), None)

    assert "nobody-has-this-key" not in capsys.readouterr().out


# The life of a key


def authorized(key: str) -> bool:
    """Return whether a key opens the API."""
    event = sample("authorize")
    event["headers"]["authorization"] = f"Bearer {key}"
    return bool(app.lambda_handler(event, None)["isAuthorized"])


def test_a_key_is_a_prefix_and_256_random_bits(stores: Stores, clock: Clock) -> None:
    secrets = {
        api_keys.create(stores, "acme", ["admin"], clock()).secret for _ in range(10)
    }

    assert len(secrets) == 10
    for secret in secrets:
        text = secret.removeprefix("maskline_")
        assert len(text) == 43
        assert len(base64.urlsafe_b64decode(text + "=")) == 32


def test_a_key_is_listed_by_its_id_and_never_itself(
    stores: Stores, clock: Clock
) -> None:
    made_key = api_keys.create(
        stores, "acme", ["sessions:read"], clock(), clock() + timedelta(days=1)
    )
    api_keys.create(stores, "other", ["admin"], clock())

    [listed] = api_keys.listed(stores, "acme")

    assert (listed.key_id, listed.scopes) == (made_key.key_id, ("sessions:read",))
    assert listed.created_at == clock()
    assert listed.expires_at == clock() + timedelta(days=1)
    assert listed.last_used_at is None
    assert made_key.secret not in str(listed)
    assert authorized(made_key.secret)


def test_all_of_many_keys_are_listed_the_oldest_first(
    stores: Stores, clock: Clock
) -> None:
    ids = []
    for _ in range(12):
        clock.advance(seconds=1)
        ids.append(api_keys.create(stores, "acme", ["admin"], clock()).key_id)

    assert [key.key_id for key in api_keys.listed(stores, "acme")] == ids


def test_a_key_that_was_never_written_is_not_listed(
    stores: Stores, clock: Clock
) -> None:
    stores.tenants.link_key("acme", "0123456789ab", "0123456789ab" + "0" * 52)

    assert api_keys.listed(stores, "acme") == []
    with pytest.raises(KeyNotFoundError):
        api_keys.revoke(stores, "acme", "0123456789ab", clock())


def test_a_rotated_key_opens_until_its_end_and_the_new_one_has_its_scopes_and_life(
    stores: Stores, clock: Clock
) -> None:
    old = api_keys.create(
        stores, "acme", ["sessions:read"], clock(), clock() + timedelta(days=30)
    )
    clock.advance(days=10)

    new = api_keys.rotate(stores, "acme", old.key_id, clock(), timedelta(hours=2))

    ends = {key.key_id: key.expires_at for key in api_keys.listed(stores, "acme")}
    assert ends[old.key_id] == clock() + timedelta(hours=2)
    assert ends[new.key_id] == clock() + timedelta(days=30)
    for at, opens in ((timedelta(hours=1), True), (timedelta(hours=2), False)):
        caller = authorize.caller_of(stores, f"Bearer {old.secret}", clock() + at)
        assert (caller is not None) == opens
    caller = authorize.caller_of(stores, f"Bearer {new.secret}", clock())
    assert caller
    assert (caller.tenant_id, caller.scopes) == ("acme", ("sessions:read",))


def test_rotating_lets_no_key_live_longer_than_it_would_have(
    stores: Stores, clock: Clock
) -> None:
    ends = clock() + timedelta(hours=1)
    old = api_keys.create(stores, "acme", ["admin"], clock(), ends)

    api_keys.rotate(stores, "acme", old.key_id, clock(), timedelta(hours=24))

    kept = {key.key_id: key.expires_at for key in api_keys.listed(stores, "acme")}
    assert kept[old.key_id] == ends


def test_a_revoked_key_opens_nothing_whatever_the_clock_says(
    stores: Stores, clock: Clock
) -> None:
    key = api_keys.create(stores, "acme", ["admin"], clock())

    api_keys.revoke(stores, "acme", key.key_id, clock() + timedelta(days=1))

    assert not authorized(key.secret)
    [listed] = api_keys.listed(stores, "acme")
    assert not listed.opens(clock())
    with pytest.raises(KeyNotFoundError):
        api_keys.rotate(stores, "acme", key.key_id, clock(), timedelta(hours=1))


def test_revoking_again_changes_nothing(stores: Stores, clock: Clock) -> None:
    key = api_keys.create(stores, "acme", ["admin"], clock())
    api_keys.revoke(stores, "acme", key.key_id, clock())

    api_keys.revoke(stores, "acme", key.key_id, clock() + timedelta(days=1))

    [listed] = api_keys.listed(stores, "acme")
    assert listed.revoked_at == clock()


def test_a_tenant_cannot_be_relieved_of_another_tenants_key(
    stores: Stores, clock: Clock
) -> None:
    key = api_keys.create(stores, "acme", ["admin"], clock())

    with pytest.raises(KeyNotFoundError):
        api_keys.revoke(stores, "other", key.key_id, clock())

    assert authorized(key.secret)


# Last used


def test_the_use_of_a_key_is_noted_every_ten_minutes_at_most(
    stores: Stores, clock: Clock
) -> None:
    key = api_keys.create(stores, "acme", ["admin"], clock())
    header = f"Bearer {key.secret}"
    first = authorize.caller_of(stores, header, clock())
    assert first

    assert authorized(key.secret)

    [listed] = api_keys.listed(stores, "acme")
    used = listed.last_used_at
    assert used
    assert abs(used - clock()) < timedelta(minutes=1)
    again = authorize.caller_of(stores, header, used)
    assert again
    assert authorize.is_use_due(first, used)
    assert not authorize.is_use_due(again, used + timedelta(minutes=9, seconds=59))
    assert authorize.is_use_due(again, used + timedelta(minutes=10))


def test_a_use_that_was_just_noted_is_not_written_again(
    stores: Stores, clock: Clock
) -> None:
    key = api_keys.create(stores, "acme", ["admin"], clock())
    assert authorized(key.secret)
    [first] = api_keys.listed(stores, "acme")

    assert authorized(key.secret)

    assert api_keys.listed(stores, "acme") == [first]


def test_that_a_use_cannot_be_noted_is_counted_and_raises_nothing(
    stores: Stores,
    clock: Clock,
    aws: EmbeddedAws,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = api_keys.create(stores, "acme", ["admin"], clock())
    caller = authorize.caller_of(stores, f"Bearer {key.secret}", clock())
    assert caller

    authorize.note_use(
        faulty_stores(aws, stores.table.name, "UpdateItem"), caller, clock()
    )
    telemetry.flush()

    assert "KeyUseNotNoted" in capsys.readouterr().out
    [listed] = api_keys.listed(stores, "acme")
    assert listed.last_used_at is None


def test_noting_a_use_takes_a_small_part_of_the_authorizers_time() -> None:
    template = read_template(ROOT / "template.yaml")
    properties = template["Resources"]["AuthorizeFunction"]["Properties"]
    impatient: Any = connections.BEST_EFFORT

    longest = impatient.connect_timeout + impatient.read_timeout

    assert impatient.retries["total_max_attempts"] == 1
    assert longest <= properties["Timeout"] / 5


def test_noting_the_use_of_a_key_that_is_gone_makes_none(
    stores: Stores, clock: Clock
) -> None:
    caller = authorize.Caller("acme", ("admin",), digest="0" * 64)

    authorize.note_use(stores, caller, clock())

    assert stores.tenants.key("0" * 64) is None


@given(
    random=st.binary(min_size=32, max_size=32),
    other=st.binary(min_size=32, max_size=32),
)
def test_every_two_keys_have_two_ids_that_tell_nothing_of_them(
    random: bytes, other: bytes
) -> None:
    texts = [base64.urlsafe_b64encode(each).decode() for each in (random, other)]

    ids = [authorize.key_id_of(authorize.digest_of(text)) for text in texts]

    assert (ids[0] == ids[1]) == (random == other)
    assert ids[0] not in texts[0]
