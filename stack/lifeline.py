"""End a child process when its parent is gone, however the parent ended.

``python -m stack.lifeline FD MODULE ARGUMENTS...`` runs MODULE as ``python -m``
would and watches the pipe FD, whose other end only the parent holds. The kernel
closes that end with the parent, even on SIGKILL. Needs only the standard library,
because it runs in the embedded AWS's environment as well.
"""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import threading

# Time for an orderly end (state is saved, functions end) before the hard one.
GRACE_SECONDS = 6.0

# Outlives this process by at most the grace, to kill what it leaves in its group.
_LAST_RITES = """
import os, signal, sys, time
group, grace = int(sys.argv[1]), float(sys.argv[2])
deadline = time.monotonic() + grace
try:
    while time.monotonic() < deadline:
        os.killpg(group, 0)
        time.sleep(0.05)
    os.killpg(group, signal.SIGKILL)
except ProcessLookupError:
    pass
"""


def watch(lifeline: int) -> None:
    """End this process and its group once *lifeline* reads end-of-file."""
    threading.Thread(
        target=_end_with_parent, args=(lifeline,), name="lifeline", daemon=True
    ).start()


def _end_with_parent(lifeline: int) -> None:
    while os.read(lifeline, 1):
        pass
    group = os.getpgrp()
    if group == os.getpid():
        subprocess.Popen(
            [sys.executable, "-c", _LAST_RITES, str(group), str(GRACE_SECONDS)],
            start_new_session=True,
        )
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Watch the lifeline and become the module named on the command line."""
    watch(int(sys.argv[1]))
    module, sys.argv = sys.argv[2], sys.argv[2:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
