"""Requests are sent when they are due, and latency counts from then."""

from __future__ import annotations

import math
import threading

import pytest

from proofs.benches.load.arrivals import Arrival, percentile, send_all


def test_what_was_due_while_the_server_stalled_has_waited_too() -> None:
    stalled = threading.Lock()

    def send() -> str:
        with stalled:
            threading.Event().wait(0.03)
            return "200"

    sent = send_all([Arrival(number / 1_000, "create", send) for number in range(10)])

    latencies = [each.latency for each in sent]
    assert latencies == sorted(latencies)
    assert latencies[-1] > 5 * latencies[0]


def test_it_counts_if_nobody_was_free_to_send() -> None:
    def send() -> str:
        threading.Event().wait(0.05)
        return "200"

    sent = send_all([Arrival(0, "create", send) for _ in range(4)], workers=1)

    assert max(each.latency for each in sent) >= 0.2


def test_an_error_is_an_answer() -> None:
    def send() -> str:
        raise TimeoutError

    [sent] = send_all([Arrival(0, "create", send)])

    assert (sent.answer, sent.ok) == ("TimeoutError", False)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.95, 95), (1, 100)])
def test_a_percentile_is_not_exceeded_by_its_share(
    share: float, expected: float
) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], share) == expected


def test_of_nothing_there_is_no_percentile() -> None:
    assert math.isnan(percentile([], 0.5))
