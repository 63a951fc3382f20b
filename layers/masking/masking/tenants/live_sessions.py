"""Count the live sessions of a tenant, from the stream, and recount them.

The count lags the table by the stream's delay, and drifts by a batch if a function is
killed right after counting. A recount corrects it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from masking.core import key_space, telemetry
from masking.domain.sessions import Status
from masking.storage import session_items

if TYPE_CHECKING:
    from masking.storage.stores import Stores
    from masking.tenants.tenant_settings import TenantSettings


LIVE = frozenset({Status.ACTIVE.value, Status.ENDING.value})

# The limit of one BatchGetItem.
PAGE = 100


def count(
    stores: Stores,
    settings_of: Callable[[str], TenantSettings],
    records: Sequence[Mapping[str, Any]],
) -> None:
    """Count the changes of stream records, for the tenants that have the quota.

    A failure is counted and not raised, because the records are published already.
    """
    try:
        for tenant_id, change in _changes_in(records).items():
            if change and settings_of(tenant_id).live_sessions is not None:
                stores.tenants.count_live(tenant_id, change)
    except (BotoCoreError, ClientError):
        telemetry.count("LiveSessionsNotCounted")


def recount(stores: Stores, tenant_id: str) -> int:
    """Count a tenant's live sessions by its listing, and set the counter to that."""
    found = 0
    for page in _pages(stores, tenant_id):
        states = stores.sessions.load_states([key.partition("#")[2] for key in page])
        found += sum(session.status.value in LIVE for session in states)
    stores.tenants.put_live(tenant_id, found)
    return found


def _changes_in(records: Sequence[Mapping[str, Any]]) -> Counter[str]:
    changes: Counter[str] = Counter()
    for record in records:
        after = record["dynamodb"].get("NewImage", {})
        before = record["dynamodb"].get("OldImage", {})
        image = after or before
        if _text(image, "sk") == key_space.STATE:
            changes[_text(image, "tenant_id")] += _is_live(after) - _is_live(before)
    return changes


def _is_live(image: Mapping[str, Any]) -> bool:
    return _text(image, "status") in LIVE


def _text(image: Mapping[str, Any], name: str) -> str:
    """Return an attribute; empty if an image lacks it, which must not stop the rest."""
    return str(image.get(name, {}).get("S", ""))


def _pages(stores: Stores, tenant_id: str) -> Iterator[list[str]]:
    """Return the keys of a tenant's listing, the newest first, page by page."""
    at_most = "~"
    while True:
        page = stores.links.list_keys(
            session_items.listing_of_tenant(tenant_id),
            at_most=at_most,
            at_least="0",
            most=PAGE,
        )
        fresh = [key for key in page if key != at_most]
        if not fresh:
            return
        yield fresh
        at_most = fresh[-1]
