"""What ending costs: work follows what is due, whatever is alive."""

from __future__ import annotations

from tests.support.harness import Harness, copies
from tests.support.proof_size import size

LIVE = size(200, 2_000), size(2_000, 20_000)
DUE = 7


def test_the_cost_of_sweeps_and_runs_does_not_grow_with_live_sessions(
    harness: Harness,
) -> None:
    pattern = harness.create(session_expiry=86_000)
    written, number = 1, 1
    idle, reads, requests = [], [], []
    for live in LIVE:
        harness.put_sessions(copies(pattern, live - written))
        harness.skip_records()
        written = live
        for _ in range(DUE):
            harness.create(number, session_expiry=60)
            number += 1
        harness.advance(minutes=7)
        assert harness.sweep() == DUE
        before = harness.units.read
        assert harness.sweep() == 0
        idle.append(harness.units.read - before)
        read, asked = harness.units.read, harness.count_requests()
        harness.reconcile()
        reads.append(harness.units.read - read)
        requests.append(harness.count_requests() - asked)
        harness.run_quarters(2)

    print(
        f"at {LIVE[0]} and {LIVE[1]} live sessions: idle sweep {idle} read units; "
        f"a run with {DUE} due sessions {requests} requests to Plivo, {reads} reads"
    )
    assert idle == [8.0, 8.0]
    assert requests == [DUE, DUE]
    assert reads[0] == reads[1]


def test_ending_by_the_sweep_costs_three_writes_for_each(harness: Harness) -> None:
    made = [harness.create(number, session_expiry=60) for number in range(12)]
    harness.advance(seconds=61)
    before = harness.units.write, harness.units.read

    harness.sweep()

    written, read = harness.units.write - before[0], harness.units.read - before[1]
    print(f"{len(made)} ends: {written} write units, {read} read units")
    assert written == 3 * len(made)
    assert read <= 8 + len(made)
