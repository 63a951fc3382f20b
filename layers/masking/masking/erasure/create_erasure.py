"""Ask for a number to be erased; the work is done behind the table's stream."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from masking.core import numbers
from masking.core.errors import StaleStateError
from masking.core.problems import StorageUnavailableError
from masking.core.retries import retry_stale
from masking.domain import erasures
from masking.domain.erasures import Erasure

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.storage.stores import Stores


@dataclass(frozen=True)
class CreateErasure:
    """Begins erasures; *number_key* is the key that numbers are hashed with."""

    stores: Stores
    number_key: bytes
    now: Clock

    def begin(
        self,
        number: str,
        *,
        tenant_id: str,
        callback_url: str | None = None,
        callback_method: str = "POST",
    ) -> Erasure:
        """Begin the erasure of a tenant's *number*, or return the one that runs.

        *callback_url* is told once it is complete; one that runs keeps its own.
        Raises StorageUnavailableError if other requests for it always come in between.
        """
        hashed = numbers.hashed(self.number_key, number)

        def begin() -> Erasure:
            tombstone = self.stores.erasures.tombstone(tenant_id, hashed)
            known = (
                self.stores.erasures.get(tombstone["erasure_id"]) if tombstone else None
            )
            if known and known.completed_at is None:
                return known
            fresh = replace(
                erasures.request(tenant_id, hashed, self.now()),
                callback_url=callback_url,
                callback_method=callback_method,
            )
            self.stores.erasures.begin(fresh, tombstone)
            return fresh

        with suppress(StaleStateError):
            return retry_stale(begin)
        raise StorageUnavailableError(retry_after=1)
