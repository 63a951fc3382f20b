"""Fail if a stack runs: ``python stack/in_use.py .local/state/lock``.

For ``make clean``, which must work with any Python and without an environment.
"""

from __future__ import annotations

import fcntl
import sys
from pathlib import Path

SENTENCE = "The stack runs (make run or make demo); end it first, with Ctrl-C."


def is_locked(lock: Path) -> bool:
    """Return whether a stack that runs holds *lock*, the file in its state folder."""
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


if __name__ == "__main__":
    sys.exit(SENTENCE if is_locked(Path(sys.argv[1])) else 0)
