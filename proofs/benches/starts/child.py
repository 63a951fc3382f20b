"""Be a cold start: import a handler, give it one event, say what either took.

Runs on the runtime's bare interpreter by its path: ``child.py MODULE FOLDER...`` with
the event on standard input; without a MODULE it does nothing. The last line of the
output is CPU seconds at three moments: begun, imported, answered.
"""

from __future__ import annotations

import sys
import time

sys.path[:] = [each for each in sys.path if "benches" not in each]
BEGUN = time.process_time()


class Context:
    """What handlers ask Lambda's context for."""

    aws_request_id = "6a8f2f3b-0d5c-4c63-9d07-3a1c2b9a7f10"
    function_name = "bench"
    function_version = "1"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:bench"
    memory_limit_in_mb = 512

    def get_remaining_time_in_millis(self) -> int:
        """Return what a request to the API has left."""
        return 25_000


def main(module: str, *folders: str) -> None:
    """Import *module* from *folders* and let its handler answer."""
    sys.path[:0] = folders
    handler = __import__(module).lambda_handler
    imported = time.process_time()
    import json

    answer = handler(json.loads(sys.stdin.read()), Context())
    answered = time.process_time()
    print(json.dumps(answer, default=str))
    print(BEGUN, imported, answered)


if sys.argv[1:]:
    main(*sys.argv[1:])
