"""How large proofs are: small in `make test`, full with MASKLINE_PROOFS=full."""

from __future__ import annotations

import os

FULL = os.environ.get("MASKLINE_PROOFS") == "full"


def size(small: int, full: int) -> int:
    """Choose a size."""
    return full if FULL else small
