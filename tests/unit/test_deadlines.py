"""A name that is never resolved costs its asker no more than the deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from masking.core.deadlines import Deadline, Lookups, resolve_within

SOON = 3.0


@pytest.fixture(name="over")
def _over() -> Iterator[threading.Event]:
    over = threading.Event()
    yield over
    over.set()


def test_a_deadline_counts_down_and_is_over_once() -> None:
    now = [100.0]
    deadline = Deadline(5, lambda: now[0])

    now[0] = 103.0
    assert deadline.left() == 2.0
    now[0] = 105.0
    with pytest.raises(TimeoutError):
        deadline.left()


def test_a_resolver_that_never_answers_is_given_up_at_the_deadline(
    over: threading.Event,
) -> None:
    lookups = Lookups(lambda *_: [str(over.wait(30))])
    started = time.monotonic()

    with pytest.raises(TimeoutError):
        lookups.find("dead.example.com", 443, Deadline(0.3))

    assert time.monotonic() - started < SOON


def test_a_dead_name_has_one_thread_however_often_it_is_asked_for(
    over: threading.Event,
) -> None:
    asked: list[str] = []

    def resolve(host: str, _: int) -> list[str]:
        asked.append(host)
        over.wait(30)
        return ["192.0.2.1"]

    lookups = Lookups(resolve)
    before = set(threading.enumerate())
    for _ in range(5):
        with pytest.raises(TimeoutError):
            lookups.find("dead.example.com", 443, Deadline(0.02))

    assert len(set(threading.enumerate()) - before) == 1
    over.set()
    found = lookups.find("dead.example.com", 443, Deadline(5))

    assert found == ["192.0.2.1"]
    assert 1 <= len(asked) <= 2


def test_a_name_without_an_address_is_an_error_each_time_it_is_asked_for() -> None:
    def resolve(*_: object) -> list[str]:
        raise OSError(-2, "Name or service not known")

    lookups = Lookups(resolve)

    for _ in range(2):
        with pytest.raises(OSError, match="not known"):
            lookups.find("nowhere.example.com", 443, Deadline(5))


def test_a_resolver_with_a_limit_gives_up(over: threading.Event) -> None:
    resolve = resolve_within(0.05, Lookups(lambda *_: [str(over.wait(30))]))

    with pytest.raises(TimeoutError):
        resolve("dead.example.com", 443)


def test_an_interpreter_ends_although_a_name_is_still_looked_up(
    over: threading.Event,
) -> None:
    before = set(threading.enumerate())
    with pytest.raises(TimeoutError):
        Lookups(lambda *_: [str(over.wait(30))]).find("x", 1, Deadline(0.02))

    [left] = set(threading.enumerate()) - before
    assert left.daemon
