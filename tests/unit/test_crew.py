"""A crew works side by side, and asks a Plivo that is down a few times only."""

from __future__ import annotations

import threading
from collections.abc import Callable

from masking.lifecycle.crew import Crew


def never() -> bool:
    """Return that it goes on."""
    return False


def crew_of(most: int) -> Crew:
    """Return a crew to which the word `bad` is a failure; five are too many."""
    return Crew(most, lambda outcome: outcome == "bad", 5)


def saying(outcome: str) -> Callable[[], str]:
    """Return work with an outcome."""
    return lambda: outcome


def test_all_work_is_done_and_never_more_than_the_crew_has_hands() -> None:
    crew = crew_of(4)
    lock = threading.Lock()
    working: list[int] = []
    most: list[int] = []

    def work() -> str:
        with lock:
            working.append(1)
            most.append(len(working))
        threading.Event().wait(0.002)
        with lock:
            working.pop()
        return "good"

    begun = [crew.begin(work, never) for _ in range(60)]
    crew.leave(never)

    assert all(begun)
    assert len(most) == 60
    assert max(most) <= 4


def test_after_five_failures_in_a_row_nothing_is_begun() -> None:
    crew = crew_of(16)
    begun = [crew.begin(saying("bad"), never) for _ in range(20)]
    crew.rest(never)
    again = crew.begin(saying("good"), never)
    crew.leave(never)

    assert begun == [True] * 5 + [False] * 15
    # After a rest they count anew.
    assert again


def test_failures_between_successes_stop_nobody() -> None:
    crew = crew_of(1)
    outcomes = ["bad", "bad", "good", "bad"] * 5

    begun = [crew.begin(saying(each), never) for each in outcomes]
    crew.leave(never)

    assert all(begun)


def test_what_raises_is_a_failure_and_frees_its_place() -> None:
    crew = crew_of(2)

    def work() -> str:
        raise KeyError

    begun = [crew.begin(work, never) for _ in range(8)]
    crew.leave(never)

    assert begun == [True] * 5 + [False] * 3


def test_who_waits_for_a_place_looks_whether_it_is_over() -> None:
    crew = crew_of(1)
    woken = threading.Event()

    def hang() -> str:
        woken.wait(30)
        return "good"

    first = crew.begin(hang, never)
    second = crew.begin(saying("good"), lambda: True)
    crew.leave(lambda: True)
    woken.set()

    assert (first, second) == (True, False)
