"""The settings of a tenant: quotas, retention, a sub-account of its own.

`Quotas` applies them to a create.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from masking.core.problems import (
    NOT_CREATED,
    InvalidRequestError,
    ProblemError,
    QuotaExceededError,
)

if TYPE_CHECKING:
    from masking.core.key_space import Item
    from masking.core.times import Clock
    from masking.domain.sessions import Session
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


# Applied to a create

# Seconds after which a session may have ended.
ENDS_AFTER = 30

FOREIGN = "must be the sub-account of this tenant, or be left out"


def not_created(refusal: ProblemError) -> ProblemError:
    """Return a refusal that says that nothing has been created."""
    refusal.members["outcome"] = NOT_CREATED
    return refusal


@dataclass(frozen=True)
class Quotas:
    """The quotas of one tenant."""

    tenants: TenantStore
    tenant_id: str
    settings: TenantSettings
    now: Clock

    def bound(self, session: Session) -> Session:
        """Return a new session with its tenant's settings; its hash stays as asked."""
        own = self.settings.subaccount
        asked = {**session.asked, "subaccount": own} if own else session.asked
        return replace(
            session, asked=asked, retention_days=self.settings.retention_days
        )

    def refusal(self, asked: Mapping[str, Any]) -> ProblemError | None:
        """Return what forbids one more session, before anything is written.

        Costs half a read unit for each quota; a flood beyond a quota costs no write.
        """
        own = self.settings.subaccount
        if own and asked.get("subaccount", own) != own:
            violation = {"field": "subaccount", "rule": FOREIGN, "sent": None}
            return InvalidRequestError(violations=[violation])
        most = self.settings.live_sessions
        if most is not None and self.tenants.live(self.tenant_id) >= most:
            return QuotaExceededError(
                retry_after=ENDS_AFTER, quota="live_sessions", limit=most
            )
        most = self.settings.creates_per_minute
        now = self.now()
        if most is not None and self.tenants.creates_in(self.tenant_id, now) >= most:
            return self._used_up(most)
        return None

    def count(self) -> None:
        """Count a create that is about to be sent to Plivo.

        Raises QuotaExceededError if the quota of this minute is used up.
        """
        most = self.settings.creates_per_minute
        if most is None:
            return
        if not self.tenants.count_create(self.tenant_id, self.now(), most):
            raise self._used_up(most)

    def _used_up(self, most: int) -> QuotaExceededError:
        return QuotaExceededError(
            retry_after=60 - self.now().second, quota="creates_per_minute", limit=most
        )
