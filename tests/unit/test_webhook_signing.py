"""A tenant's webhook secret is derived: from the root, the tenant, a generation."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from masking.domain.webhook_signing import (
    Generations,
    headers_for,
    retired,
    rotated,
    secret_of,
)

KEY = b"what all webhook secrets are derived from"

TENANTS = st.text(min_size=1, max_size=64)


def test_a_secret_is_what_standard_webhooks_takes() -> None:
    secret = secret_of(KEY, "acme", 1)
    now = datetime.now(UTC)
    headers = headers_for("msg-1", b'{"type": "session.created"}', [secret], now)

    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    verified = Webhook(secret).verify(b'{"type": "session.created"}', headers)
    assert verified == {"type": "session.created"}


@given(
    TENANTS,
    TENANTS,
    st.integers(1, 10_000),
    st.integers(1, 10_000),
)
def test_every_tenant_and_generation_has_a_secret_of_its_own(
    tenant: str, other: str, generation: int, later: int
) -> None:
    same = (tenant, generation) == (other, later)

    assert (secret_of(KEY, tenant, generation) == secret_of(KEY, other, later)) == same
    assert secret_of(KEY, tenant, generation) != secret_of(b"x", tenant, generation)


def test_a_tenant_begins_with_the_first_generation() -> None:
    assert list(Generations().signing) == [1]


@given(st.lists(st.sampled_from([rotated, retired]), max_size=20))
def test_after_any_rotations_the_newest_signs_and_the_one_before_at_most(
    changes: list[object],
) -> None:
    generations = Generations()
    for change in changes:
        before = generations
        assert callable(change)
        generations = change(generations)
        assert (change is retired) == (len(generations.signing) == 1)
        assert generations.newest in (before.newest, before.newest + 1)
        # Whoever has the newest secret of before can still verify.
        assert before.newest in generations.signing

    assert generations.signing[0] == 1 + changes.count(rotated)
