"""A child that leaves a child of its own, which does not listen to SIGTERM.

Run with a file's name; writes both process ids into it. Both end by themselves after
a minute, should a test fail to end them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

DEAF = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('deaf', flush=True); time.sleep(60)"
)


def main() -> None:
    """Start the deaf one, say who we are, and linger."""
    deaf = subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE)
    assert deaf.stdout
    deaf.stdout.readline()
    pids = Path(sys.argv[1])
    written = pids.with_suffix(".new")
    written.write_text(f"{os.getpid()} {deaf.pid}")
    written.rename(pids)
    time.sleep(60)


if __name__ == "__main__":
    main()
