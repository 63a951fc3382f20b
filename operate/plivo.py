"""Plivo and the table as the commands use them that compare the two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from masking.plivo.account import Account
from masking.plivo.client import Carrier
from masking.storage.stores import Stores
from operate.deployment import Deployment


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
    """Build what commands work with; they take the reconciler's share of requests."""
    services = found.services
    carrier = services.limited_carrier(services.rate_limit)
    return Tools(
        carrier=carrier,
        account=Account(carrier),
        stores=services.stores,
        callback_key=services.callback_key,
        answer_url=found.outputs["AnswerUrl"],
        now=services.now,
    )
