"""The order in which files of tests begin, so that processors never wait for one."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path

# Of the tests that wait for other processes the longest come first, so that nothing is
# waited for alone at the end; about how many seconds they take.
LONGEST = {
    "stack/test_killed_handlers.py": 175,
    "proofs/test_alarms.py": 125,
    "stack/test_demo.py": 85,
    "stack/test_keys.py": 80,
    "stack/test_made_up_requests.py": 75,
    "proofs/test_starts.py": 75,
    "proofs/test_attack.py": 70,
    "proofs/test_creates.py": 70,
    "handlers/test_hung_endpoints.py": 70,
    "stack/test_erasing.py": 50,
    "stack/test_commands.py": 45,
    "stack/test_endings_on_the_stack.py": 45,
    "stack/test_samconfig.py": 45,
    "proofs/test_load.py": 45,
    "proofs/test_recordings.py": 45,
    "proofs/test_cost.py": 45,
    "stack/test_kept_state.py": 40,
    "stack/test_redrives.py": 40,
    "proofs/test_upgrade.py": 40,
    "proofs/test_calls_chaos.py": 35,
    "proofs/test_settlement_bench.py": 30,
    "proofs/test_flat.py": 30,
    "proofs/test_a_week.py": 30,
    "proofs/test_long_sessions.py": 30,
    "stack/test_probe.py": 30,
    "stack/test_nested.py": 25,
    "stack/test_typescript_client.py": 25,
    "stack/test_sam_build.py": 25,
    "stack/test_generators.py": 25,
    "proofs/test_two_stages.py": 25,
    "proofs/test_killed_functions.py": 25,
    "proofs/test_random_histories.py": 25,
}
OTHERS = 8


def order_of(paths: Iterable[Path]) -> dict[Path, float]:
    """Return the place of each file: both kinds come to their end at the same time."""
    tests = Path(__file__).parents[1]
    longest = {tests / name: seconds for name, seconds in LONGEST.items()}
    works = [tests / "handlers", tests / "unit"]
    working: list[Path] = []
    waiting: list[Path] = []
    for path in dict.fromkeys(paths):
        is_work = any(path.is_relative_to(each) for each in works)
        kind = working if is_work and path not in longest else waiting
        kind.append(path)
    waiting.sort(key=lambda path: -longest.get(path, OTHERS))
    order = {path: (at + 0.5) / len(working) for at, path in enumerate(working)}
    times = [longest.get(path, OTHERS) for path in waiting]
    begun = accumulate(times, initial=0)
    return order | {
        path: since / sum(times) for path, since in zip(waiting, begun, strict=False)
    }
