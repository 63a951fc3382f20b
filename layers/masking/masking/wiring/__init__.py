"""Build what functions, commands and tests work with: the only composition root."""

from __future__ import annotations

import gc
from functools import lru_cache

# What a start makes stays: looking at it again and again for what can be freed takes a
# tenth of a start.
gc.set_threshold(20_000, 10, 10)

from masking.core.settings import settings  # noqa: E402 - most of a start is imports
from masking.wiring.services import Services  # noqa: E402 - as above

__all__ = ["Services", "services"]


@lru_cache(maxsize=1)
def services() -> Services:
    """Return the services of this process."""
    return Services(settings())
