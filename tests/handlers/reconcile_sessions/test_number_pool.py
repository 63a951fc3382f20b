"""The pool of virtual numbers: its use, how far it reaches, what limits it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from masking.core.numbers import calling_code
from masking.core.problems import InvalidRequestError
from masking.domain.sessions import Status
from masking.lifecycle import number_pool
from masking.lifecycle.number_pool import NumberPool
from masking.plivo.account import Account
from masking.plivo.errors import CarrierFailedError, NumberPoolExhaustedError
from tests.support.harness import Harness


def test_live_and_cooling_sessions_are_counted_against_the_pool(
    harness: Harness,
) -> None:
    for number in range(3):
        harness.create(number, session_expiry=86_000)
    harness.create(5, session_expiry=60, virtual_number_cooloff_period=3600)
    harness.create(6, session_expiry=60, virtual_number_cooloff_period=30)
    harness.advance(minutes=5)

    found = _pool(harness).measure()

    assert (found["US"].numbers, found["US"].live, found["US"].cooling) == (24, 3, 1)
    assert (found["GB"].numbers, found["GB"].live) == (8, 0)


def test_measuring_asks_plivo_as_often_whatever_is_alive(harness: Harness) -> None:
    counts = []
    number = 0
    for more in (5, 60):
        for _ in range(more):
            harness.create(number, session_expiry=86_000)
            number += 1
        asked: list[int] = []
        carrier = harness.new_carrier(before=lambda seen=asked: seen.append(1))
        harness.carrier = carrier
        _pool(harness).measure()
        counts.append(len(asked))

    print(f"requests to measure the pool, at 5 and 65 live sessions: {counts}")
    assert counts[0] == counts[1]


def test_every_rented_number_is_no_party_from_the_first_run_on(
    harness: Harness,
) -> None:
    rented = [each.number for each in _pool(harness).rented()]
    assert len(rented) == len(set(rented)) >= 32

    harness.services.reconcile_sessions(lambda: True).run()

    # No session has had any of them.
    for number in rented:
        for party in ("first_party", "second_party"):
            with pytest.raises(InvalidRequestError) as refused:
                harness.create(0, **{party: number})
            [violation] = refused.value.members["violations"]
            assert violation["field"] == party
    assert harness.create().status is Status.ACTIVE


def test_a_number_that_is_rented_no_more_may_be_a_persons_after_a_month(
    harness: Harness,
) -> None:
    known = harness.stores.sessions.has_virtual_number
    [number, *_] = [each.number for each in _pool(harness).rented()]
    _pool(harness).keep([number])

    assert known(number, harness.now() + timedelta(days=29))
    assert not known(number, harness.now() + timedelta(days=31))


def test_rented_numbers_are_written_every_other_week_and_read_in_batches(
    harness: Harness,
) -> None:
    numbers = [f"+1202555{number:04d}" for number in range(250)]
    keep = harness.stores.virtual_numbers.keep

    costs = []
    for days in (0, 1, 14, 16):
        before = replace(harness.units)
        keep(numbers, harness.now() + timedelta(days=days))
        costs.append((harness.units.write - before.write, harness.units.read))
        assert harness.units.requests - before.requests - costs[-1][0] == 3

    assert [write for write, _ in costs] == [250, 0, 0, 250]
    assert costs[0][1] == 125


def test_a_pool_that_plivo_cannot_list_is_kept_as_it_was(
    harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise CarrierFailedError

    account = Account(harness.new_carrier(before=fail))
    kept: list[Sequence[str]] = []

    number_pool.report(NumberPool(account, harness.now, kept.append))

    assert kept == []
    assert "PoolNumbers" not in capsys.readouterr().out


def test_an_exhausted_pool_is_named_without_naming_anybody(harness: Harness) -> None:
    harness.ask_simulator("PUT", "faults", {"create_pool_exhausted": {"times": 2}})

    with pytest.raises(NumberPoolExhaustedError) as matched:
        harness.create(first_party="+442079460200")
    with pytest.raises(NumberPoolExhaustedError) as anywhere:
        harness.create(geomatch=False, subaccount="SALOCALDEVELOPMENT00")

    members = matched.value.members
    assert members["limited_by"] == "numbers_in_country"
    assert members["calling_code"] == "+44"
    assert "2079460200" not in str(members)
    assert anywhere.value.members["limited_by"] == "numbers_of_account"
    assert anywhere.value.members["calling_code"] is None
    assert anywhere.value.members["subaccount"] == "SALOCALDEVELOPMENT00"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("+12025550100", "+1"),
        ("+70000000000", "+7"),
        ("+442079460100", "+44"),
        ("+910000000000", "+91"),
        ("+353000000000", "+353"),
        ("+971000000000", "+971"),
        ("+8800000000000", "+880"),
        ("+9640000000000", "+964"),
        ("nobody", None),
    ],
)
def test_of_a_number_only_the_calling_code_is_shown(
    number: str, code: str | None
) -> None:
    assert calling_code(number) == code


@pytest.mark.parametrize(
    ("concurrent", "numbers_needed"), [(0, 0), (1, 1), (2, 3), (10, 19)]
)
def test_c_sessions_at_once_take_2c_minus_1_numbers(
    concurrent: int, numbers_needed: int
) -> None:
    assert number_pool.needed(concurrent) == numbers_needed


def test_the_pools_metrics_are_by_country(
    harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.create(session_expiry=86_000)

    number_pool.report(_pool(harness))

    lines = [json.loads(x) for x in capsys.readouterr().out.splitlines() if "_aws" in x]
    live = {x["Country"]: x["LiveSessions"] for x in lines if "LiveSessions" in x}
    assert live["US"] == [1.0]
    assert set(live) == {"US", "GB", "IN"}


def _pool(harness: Harness) -> NumberPool:
    return harness.services.reconcile_sessions(lambda: True).number_pool
