"""Plivo and the table as an operator's commands use them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from masking.plivo.account import Account
from masking.plivo.client import Carrier
from masking.plivo.rate_limit import RateLimit
from masking.storage.stores import Stores
from masking.wiring import derived
from operate.deployment import Deployment

# A command may take a third of what Plivo allows.
PER_SECOND = 20.0


@dataclass(frozen=True)
class Tools:
    """What a command works with."""

    carrier: Carrier
    account: Account
    stores: Stores
    callback_key: bytes
    answer_url: str
    now: Callable[[], datetime]


def tools(found: Deployment) -> Tools:
    """Build what commands work with from a deployment's outputs."""
    secrets = found.client("secretsmanager")
    credentials = json.loads(secret(secrets, found.outputs["CarrierSecretArn"]))
    root = secret(secrets, found.outputs["SigningSecretArn"])
    carrier = Carrier(
        auth_id=credentials["auth_id"],
        auth_token=credentials["auth_token"],
        base_url=found.outputs["CarrierBaseUrl"].rstrip("/"),
        before=RateLimit(PER_SECOND).wait,
    )
    return Tools(
        carrier=carrier,
        account=Account(carrier),
        stores=Stores(found.client("dynamodb"), found.outputs["TableName"]),
        callback_key=derived(root, "callbacks"),
        answer_url=found.outputs["AnswerUrl"],
        now=lambda: datetime.now(UTC),
    )


def secret(client: Any, arn: str) -> str:
    """Read a secret."""
    return str(client.get_secret_value(SecretId=arn)["SecretString"])
