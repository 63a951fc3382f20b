"""Build what functions, commands and tests work with: the only composition root."""

from __future__ import annotations

import gc
from contextlib import suppress
from functools import lru_cache
from importlib import import_module

# What a start makes stays: looking at it again and again for what can be freed takes a
# tenth of a start.
gc.set_threshold(20_000, 10, 10)

from masking.core.settings import is_function, settings  # noqa: E402 - most of a start is imports
from masking.wiring.services import Services  # noqa: E402 - as above

__all__ = ["Services", "prepare", "services"]


@lru_cache(maxsize=1)
def services() -> Services:
    """Return the services of this process."""
    return Services(settings())


def prepare(*modules: str) -> None:
    """Do what the first request needs while the function starts, and not in its time.

    While it starts, Lambda gives a function a whole processor, afterwards its share.
    Clients are made and *modules* imported; nothing is asked of anybody. What fails
    here fails again where it is needed, and is told there.
    """
    if is_function():
        with suppress(Exception):
            services().connect()
            for module in modules:
                import_module(module)
        # What is there stays, and is not looked at again. What requests leave is let go
        # sooner than a start's: it would come to two megabytes.
        gc.freeze()
        gc.set_threshold(2_000, 10, 10)
