"""Values of a problem document's `outcome`: nothing was done, or nobody knows."""

from __future__ import annotations

NOT_CREATED = "not_created"
NOT_UPDATED = "not_updated"
NOT_EXPIRED = "not_expired"
UNKNOWN = "unknown"
