"""What a session takes is counted on a stack, and stays within generous bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from proofs.benches.cost import model
from proofs.benches.cost.workload import Counts, check, count
from proofs.http_listener import HttpListener
from stack.addresses import free_addresses
from stack.stack import Stack


@pytest.fixture(name="counts", scope="module")
def _counts(tmp_path_factory: pytest.TempPathFactory) -> Counts:
    folder: Path = tmp_path_factory.mktemp("cost")
    with HttpListener() as app, Stack(free_addresses(), folder) as stack:
        return count(stack.running, stack.aws_pid, app, sessions=2, lifetime=20)


def test_every_kind_of_work_is_counted(counts: Counts) -> None:
    check(counts)

    assert {"E", "W", "A STATE", "R", "index duties"} <= set(counts.writes)
    assert {
        *("create_session", "on_session_event", "on_recording_event"),
        *("publish_changes", "store_recording", "deliver_webhook"),
    } <= set(counts.invocations)
    assert counts.invocations["create_session"] == 1
    assert counts.deliveries >= 5


def test_a_session_takes_no_more_than_it_did(counts: Counts) -> None:
    """Bounds are half as much again as what was counted when they were written."""
    assert counts.api_requests <= 21
    assert sum(counts.invocations.values()) <= 68
    assert sum(counts.writes.values()) <= 70
    assert counts.reads <= 130
    assert counts.events <= 18
    assert counts.log_bytes <= 36_000
    assert counts.kept_bytes <= 30_000


def test_keeping_costs_less_than_running(counts: Counts) -> None:
    assert model.total(model.kept(counts)) < model.total(model.running(counts))
