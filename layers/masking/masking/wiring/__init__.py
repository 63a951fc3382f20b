"""Build what functions, commands and tests work with: the only composition root."""

from __future__ import annotations

from functools import lru_cache

from masking.core import garbage

garbage.hold()

from masking.core.settings import settings  # noqa: E402 - most of a start is imports
from masking.wiring.services import Services  # noqa: E402 - as above

__all__ = ["Services", "services"]


@lru_cache(maxsize=1)
def services() -> Services:
    """Return the services of this process."""
    return Services(settings())
