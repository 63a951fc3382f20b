"""The secrets that sign a tenant's webhooks: derived, rotated, retired."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from masking.core.errors import StaleStateError
from masking.core.key_space import Item
from masking.domain import webhook_signing
from masking.domain.webhook_signing import Generations

if TYPE_CHECKING:
    from masking.storage.stores import Stores


def generations_of(stores: Stores, tenant_id: str) -> Generations:
    """Return the generations of a tenant's webhook secret that sign."""
    return _generations_from(stores.tenants.generations(tenant_id))


def change_generations(
    stores: Stores, tenant_id: str, change: Callable[[Generations], Generations]
) -> None:
    """Rotate or retire a secret. Raises StaleStateError if somebody else just did."""
    item = stores.tenants.generations(tenant_id)
    after = change(_generations_from(item))
    if not stores.tenants.put_generations(
        tenant_id,
        newest=after.newest,
        oldest=after.oldest,
        seen=item["newest"] if item else None,
    ):
        raise StaleStateError


def webhook_secrets(stores: Stores, key: bytes, tenant_id: str) -> list[str]:
    """Return the secrets that sign a tenant's webhooks, newest first."""
    return [
        webhook_signing.secret_of(key, tenant_id, generation)
        for generation in generations_of(stores, tenant_id).signing
    ]


def _generations_from(item: Item | None) -> Generations:
    return Generations(item["newest"], item["oldest"]) if item else Generations()
