"""Ask for a number to be forgotten; the work is done behind the table's stream."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from masking.core import numbers
from masking.core.errors import StaleStateError
from masking.core.problems import StorageUnavailableError
from masking.domain import erasures
from masking.domain.erasures import Erasure

if TYPE_CHECKING:
    from masking.storage.erasures import ErasureTable


# So often a marker is written that others write at the same time.
TURNS = 3


def begin(
    number: str,
    *,
    tenant_id: str,
    table: ErasureTable,
    number_key: bytes,
    now: datetime,
) -> Erasure:
    """Begin the erasure of a tenant's *number*, or give the one that runs.

    Raises StorageUnavailableError if others ask all the time.
    """
    hashed = numbers.hashed(number_key, number)
    for _ in range(TURNS):
        marker = table.marker(tenant_id, hashed)
        known = table.erasure(marker["erasure_id"]) if marker else None
        if known and known.completed_at is None:
            return known
        fresh = erasures.request(tenant_id, hashed, now)
        try:
            table.begin_erasure(fresh, marker)
        except StaleStateError:
            continue
        return fresh
    raise StorageUnavailableError(retry_after=1)
