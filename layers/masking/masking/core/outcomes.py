"""What a problem document says became of a change: done nothing, or unknown."""

from __future__ import annotations

NOT_CREATED = "not_created"
NOT_UPDATED = "not_updated"
NOT_EXPIRED = "not_expired"
UNKNOWN = "unknown"
