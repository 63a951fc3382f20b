"""Read how an erasure stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from masking.api.gateway import UUID
from masking.core.problems import ErasureNotFoundError
from masking.domain.erasures import Erasure

if TYPE_CHECKING:
    from masking.storage.stores import Stores


@dataclass(frozen=True)
class GetErasure:
    """Reads erasures."""

    stores: Stores

    def get(self, erasure_id: str, *, tenant_id: str) -> Erasure:
        """Return a tenant's erasure. Raises ErasureNotFoundError."""
        if not UUID.fullmatch(erasure_id):
            raise ErasureNotFoundError
        erasure = self.stores.erasures.get(erasure_id)
        if erasure is None or erasure.tenant_id != tenant_id:
            raise ErasureNotFoundError
        return erasure
