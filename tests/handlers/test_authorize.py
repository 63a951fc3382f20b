"""The authorizer says whose key a request carries, never what it may do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from functions.authorize import app
from masking.storage.stores import Stores
from masking.tenants import authorize
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.payloads import sample

KEY = "local-dev-key"


def authorization(header: str | None) -> dict[str, Any]:
    """Give the sample of an authorizer's event with another header."""
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
