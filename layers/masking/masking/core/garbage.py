"""Spare the garbage collector what a start makes: it stays as long as the process.

Looking at it again and again takes a twentieth of a cold start and frees nothing.
"""

from __future__ import annotations

import gc
from functools import lru_cache

USUAL = gc.get_threshold()

# More than a start and the first invocation make.
SELDOM = (100_000, 10, 10)


def hold() -> None:
    """Collect hardly ever, until the first invocation has ended."""
    gc.set_threshold(*SELDOM)


@lru_cache(maxsize=1)
def resume() -> None:
    """Collect as usual from now on, but for what is there already."""
    gc.freeze()
    gc.set_threshold(*USUAL)
