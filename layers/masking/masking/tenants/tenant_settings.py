"""The settings of a tenant: quotas, retention, a sub-account of its own."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masking.core.key_space import Item
    from masking.storage.tenants import TenantStore


@dataclass(frozen=True)
class TenantSettings:
    """A tenant's settings; None means no quota, or the deployment's default.

    *creates_per_minute* is exact, *live_sessions* approximate (see `live_sessions`).
    *retention_days* is how long sessions are kept after their end. *subaccount* is the
    Plivo sub-account of every session of the tenant.
    """

    creates_per_minute: int | None = None
    live_sessions: int | None = None
    retention_days: int | None = None
    subaccount: str | None = None


NAMES = tuple(each.name for each in fields(TenantSettings))

NONE = TenantSettings()


def load(
    tenants: TenantStore, tenant_id: str, *, consistent: bool = False
) -> TenantSettings:
    """Read a tenant's settings; unless *consistent* they may be a second old.

    That is enough for functions, and not for changing them.
    """
    item = tenants.settings(tenant_id, consistent=consistent) or {}
    return TenantSettings(**{name: item.get(name) for name in NAMES})


def save(tenants: TenantStore, tenant_id: str, settings: TenantSettings) -> None:
    """Write a tenant's settings. Functions know them within a minute."""
    item: Item = {k: v for k, v in asdict(settings).items() if v is not None}
    tenants.put_settings(tenant_id, item)


def none_of(_tenant_id: str) -> TenantSettings:
    """Return the settings of a tenant that has none."""
    return NONE
