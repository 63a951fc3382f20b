"""What a deployed function signs with is what the operator's command shows."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
from standardwebhooks import Webhook

from masking.tenants import api_keys
from proofs.http_listener import HttpListener
from stack.running import RunningStack
from tests.support.maskline import Command
from tests.support.stores import stores_over

# Of its own, so that no function remembers what signed for it before.
TENANT = "signed"


def test_a_webhook_is_signed_with_the_secrets_that_the_command_shows(
    stack: RunningStack,
) -> None:
    stores = stores_over(stack.aws.client("dynamodb"), stack.outputs["TableName"])
    key = api_keys.create(stores, TENANT, ["sessions:write"], datetime.now(UTC))
    secrets = Command(stack).lines("webhooks", "rotate", TENANT)

    with HttpListener() as sink:
        created = httpx.post(
            f"{stack.addresses.api_url}/v1/sessions",
            headers={"authorization": f"Bearer {key.secret}"},
            json={
                "first_party": "+12125550170",
                "second_party": "+12135550171",
                "callback_url": sink.url,
            },
            timeout=40,
            trust_env=False,
        )
        assert sink.wait_for(1, 30)

    assert created.status_code == 201
    assert len(secrets) == 2
    for secret in secrets:
        Webhook(secret).verify(sink.requests[0].body, sink.requests[0].headers)
