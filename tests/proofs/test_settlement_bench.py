"""The bench of settlement at a small size: its shape, and goals with wide margins."""

from __future__ import annotations

from pathlib import Path

from proofs.benches import settlement
from stack.addresses import free_addresses
from stack.stack import Stack


def test_a_small_bench_has_its_tables_and_meets_what_does_not_depend_on_the_machine(
    tmp_path: Path,
) -> None:
    plivo = settlement.Plivo()
    with (
        settlement.served(plivo) as origin,
        Stack(free_addresses(), tmp_path) as stack,
    ):
        bench = settlement.Bench(stack.running, plivo, origin)
        report = settlement.measure(bench, at_once=60, sizes=(20, 200))

    requests = report.tables["requests to Plivo for a session"]
    speed = next(rows for name, rows in report.tables.items() if "settled" in name)
    weights = report.tables["one settlement"]
    assert requests["settlement"]["one call"] == 2
    assert requests["the serial design"]["one call"] == 10
    assert speed["ours"]["ratio"] > 5
    assert {row["write units"] for row in weights.values()} == {3}
    assert {*report.failures} <= {
        settlement.RATE,
        settlement.FASTER,
        settlement.FLAT_CPU,
    }
    assert report.plots["write units of a settlement"]["ours"] == [(20, 3), (200, 3)]
