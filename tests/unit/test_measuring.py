"""What is called untraced is not measured, and what comes after it is."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from tests.support.measuring import untraced


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Return the names of the functions that are traced from now on."""
    # Threads of other tests of this process may still be ending.
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    names: list[str] = []

    def trace(frame: FrameType, event: str, argument: object) -> Any:  # noqa: ARG001
        names.append(frame.f_code.co_name)

    before = sys.gettrace()
    sys.settrace(trace)
    yield names
    sys.settrace(before)


def outer(inner: Callable[[], int]) -> int:
    """Call *inner*."""
    return inner()


def one() -> int:
    """Return 1."""
    return 1


def fail() -> int:
    """Raise an error."""
    raise ValueError("made to fail")


def test_a_call_and_all_below_it_are_not_traced(traced: list[str]) -> None:
    assert untraced(outer)(one) == 1

    assert {"outer", "one"}.isdisjoint(traced)


@pytest.mark.parametrize("inner", [one, fail])
def test_what_comes_afterwards_is_traced(
    traced: list[str], inner: Callable[[], int]
) -> None:
    try:
        untraced(outer)(inner)
    except ValueError:
        assert inner is fail

    outer(one)

    assert [name for name in traced if name in ("outer", "one")] == ["outer", "one"]


def test_beside_other_threads_a_call_stays_traced(
    traced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 2)

    assert untraced(outer)(one) == 1

    assert [name for name in traced if name in ("outer", "one")] == ["outer", "one"]
