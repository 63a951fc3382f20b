"""How large the tests of endings are: small in `make test`, full in `make endings`."""

from __future__ import annotations

import os

FULL = os.environ.get("MASKLINE_ENDINGS") == "full"


def size(small: int, full: int) -> int:
    """Choose a size."""
    return full if FULL else small
