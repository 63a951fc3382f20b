"""Plivo and the table as the commands use them that compare the two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from masking.api import goodbye
from masking.plivo.account import Account, AnswerUrls
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
    answer_urls: AnswerUrls
    now: Callable[[], datetime]


def tools(found: Deployment) -> Tools:
    """Build what commands work with; they take the reconciler's share of requests."""
    services = found.services
    carrier = services.limited_carrier(services.rate_limit())
    return Tools(
        carrier=carrier,
        account=Account(carrier),
        stores=services.stores,
        callback_key=services.callback_key,
        answer_urls=answer_urls(found.outputs),
        now=services.now,
    )


def answer_urls(outputs: Mapping[str, str]) -> AnswerUrls:
    """Return what answers a number without a session, and what does if that fails."""
    return AnswerUrls(
        outputs["AnswerUrl"], outputs["AnswerFallbackUrl"], goodbye.RETRIES
    )
