"""A guard over cold and warm functions: ratios, with room for a busy machine."""

from __future__ import annotations

import pytest

from proofs.benches.starts import artifact, run, warm
from proofs.runner import ProofError

# The goals are 2.3, 4.0, 0.6 and 1.2; `make bench` holds them over more turns.
MOST = {
    "a create, x the floor": 3.0,
    "a first request with its authorizer, x the floor": 5.0,
    "a callback, x the tutorial's": 0.7,
}
MOST_WARM = 2.5


@pytest.fixture(autouse=True)
def _can_build() -> None:
    try:
        artifact.python()
    except ProofError as error:
        pytest.skip(f"NOT TESTED: cold starts. {error}.")


def test_cold_starts_keep_their_distance_to_other_ways() -> None:
    report = run.run(turns=3, other_turns=0)

    measured = report.tables["cold start beside other ways"]
    assert measured.keys() == MOST.keys()
    for name, most in MOST.items():
        assert measured[name]["measured"] <= most, (name, report.tables)
    assert {"bare", "floor", "tutorial", "create_session"} <= report.tables[
        run.TABLE
    ].keys()


def test_warm_functions_keep_one_connection_and_little_over_botocore() -> None:
    report = warm.run(turns=1, invocations=60, lasting=0)

    rows = report.tables["a warm invocation beside bare botocore"]
    assert rows.keys() == set(warm.FUNCTIONS)
    for name, row in rows.items():
        assert row["connections to one place"] == 1, name
        assert row["x bare"] <= MOST_WARM, name
