"""Counts of a run become dollars, and what is needed at scale is worked out."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from masking.domain.due_work import SHARDS
from proofs.benches.cost import model, run, scale
from proofs.benches.cost.prices import MEMORY, PRICES
from proofs.benches.cost.workload import Counts

COUNTS = Counts(
    api_requests=14,
    invocations={"publish_changes": 20, "on_session_event": 8, "deliver_webhook": 7},
    processor_seconds=0.3,
    writes={"E": 8, "W": 8, "A STATE": 7, "index duties": 7},
    reads=60,
    read_requests=80,
    events=11,
    deliveries=8,
    log_bytes=20_000,
    kept_bytes=18_000,
)


def dollars(lines: list[model.Line], item: str) -> float:
    """Return what an item of a bill comes to."""
    [found] = [line.dollars for line in lines if line.name == item]
    return found


def test_each_item_is_its_count_times_its_price() -> None:
    bill = model.running(COUNTS)

    assert dollars(bill, "API requests") == pytest.approx(14)
    assert dollars(bill, "Lambda requests") == pytest.approx(35 * 0.2)
    assert dollars(bill, "table writes") == pytest.approx(30 * 0.625)
    assert dollars(bill, "bus events") == pytest.approx(11)
    # A send for each delivery, a receive and a delete for each batch.
    assert dollars(bill, "queue requests") == pytest.approx((8 + 2 * 7) * 0.4)
    assert model.total(bill) == pytest.approx(sum(line.dollars for line in bill))


def test_processor_time_costs_the_same_whatever_the_memory() -> None:
    twice = replace(COUNTS, processor_seconds=0.6)

    more = dollars(model.running(twice), "Lambda time, processor") - dollars(
        model.running(COUNTS), "Lambda time, processor"
    )

    assert more == pytest.approx(0.3 * 1_769 / 1_024 * 13.3334)


def test_the_colder_class_is_the_cheaper_for_a_year_and_not_for_a_month() -> None:
    def recordings(months: float, *, cold: bool) -> float:
        return model.total(model.kept(COUNTS, recording_months=months, cold=cold))

    assert recordings(12, cold=True) < 0.7 * recordings(12, cold=False)
    assert recordings(1, cold=True) > recordings(1, cold=False)


def test_a_server_costs_the_same_when_nobody_calls() -> None:
    idle = sum(each for _, each in model.always_on(0, COUNTS))
    busy = sum(each for _, each in model.always_on(1e6, COUNTS))

    assert 100 < idle < busy


def test_a_price_is_read_somewhere_or_said_to_be_from_memory() -> None:
    for price in PRICES.values():
        assert price.dollars > 0
        assert price.source == MEMORY or price.source.startswith("https://")


def test_sessions_spread_over_shards_and_the_largest_tenant_is_known() -> None:
    fullest, largest = scale.hot_keys(20_000)

    assert 1 / SHARDS <= fullest < 1.2 / SHARDS
    assert 0.1 < largest < 0.3


def test_what_breaks_first_is_told_with_its_cure() -> None:
    few, many = scale.needs(COUNTS, 1e6), scale.needs(COUNTS, 1e9)

    assert all(need.used < 0.1 for need in few)
    assert many[0].used > 1
    assert many[0].cure
    assert [n.used for n in many] == sorted((n.used for n in many), reverse=True)


def test_a_goal_that_is_not_met_says_by_how_much() -> None:
    report = run.priced(COUNTS, replace(COUNTS, deliveries=0, events=1))

    running = model.total(model.running(COUNTS))
    assert report.checks[run.ALL_ON].failures == [
        f"${running:.0f}, ${running - 80:.0f} over"
    ]
    assert not math.isnan(
        report.tables["keeping, dollars for a million sessions"][
            "400 and 365 days, Standard (before)"
        ]["together"]
    )
    assert report.plots["dollars a month by sessions a month"]
