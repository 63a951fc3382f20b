"""An erasure may be stopped at any request, or be done twice at once.

What is asserted in the end is the same for every place. `make test` tries some of them,
MASKLINE_PROOFS=full tries all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from masking.domain import transitions
from masking.domain.sessions import Session
from plivo_simulator.server import Running
from tests.support.embedded_aws import EmbeddedAws
from tests.support.harness import Harness
from tests.support.harness_parts import kill_process
from tests.support.person import (
    ASKED,
    OTHER,
    PERSON,
    STRANGER,
    add_strangers_call,
    hashes_of,
    put_delivery,
    put_recording,
    reserve_only,
)
from tests.support.pii_scan import (
    assert_nothing_is_left,
    object_versions,
    table_items,
)
from tests.support.proof_size import size

FOUND = {
    "sessions": 3,
    "events": 2,
    "recordings": 2,
    "held_recordings": 0,
    "labels": 4,
    "deliveries": 1,
}


def leave_traces(aws: EmbeddedAws, plivo: Running) -> tuple[Harness, list[Session]]:
    """Leave a person in three sessions: as a party, as a caller, in a failed create."""
    harness = Harness(aws, plivo)
    live = harness.create(first_party=PERSON, second_party=OTHER, **ASKED)
    add_strangers_call(harness, live, STRANGER)
    put_recording(harness, live, 1, "stored")
    put_recording(harness, live, 2, "announced")
    put_delivery(harness, live, 1)
    called = harness.create(first_party=OTHER, second_party=STRANGER, labels={"a": "b"})
    add_strangers_call(harness, called)
    failed = reserve_only(harness)
    harness.stores.sessions.replace(failed, transitions.fail(failed))
    return harness, [live, called, failed]


def is_forgotten(harness: Harness, made: list[Session]) -> None:
    """Fail if anything is left of the person, or the erasure does not report it."""
    assert_nothing_is_left(harness)
    assert object_versions(harness) == []
    assert not any(hashes_of(PERSON) in each["pk"] for each in links(harness))
    for session in map(harness.load, made):
        assert session.erased_at
    [event] = {
        each["id"]: each for each in harness.bus.of_type("erasure.completed")
    }.values()
    assert event["found"] == FOUND


def links(harness: Harness) -> list[dict[str, Any]]:
    """List the links by number."""
    return [
        item for item in table_items(harness) if item["pk"][:2] in ("P#", "C#", "U#")
    ]


def at_every_request(
    aws: EmbeddedAws,
    plivo: Running,
    do: Callable[[Harness], Callable[[], None]],
    step: int,
) -> int:
    """Erase again and again, each time with *do* at a later request; count them."""
    for place in range(1, 400, step):
        harness, made = leave_traces(aws, plivo)
        harness.publish()
        harness.request_erasure(PERSON)
        harness.interruption.plan(place, do(harness))

        harness.run_until_idle()

        is_forgotten(harness, made)
        if harness.interruption.seen < place:
            return harness.interruption.seen
    raise AssertionError("the erasure does not come to an end")


def test_an_erasure_that_was_killed_at_any_request_is_completed(
    aws: EmbeddedAws, stepped_plivo: Running
) -> None:
    places = at_every_request(
        aws, stepped_plivo, lambda _: kill_process, step=size(16, 1)
    )

    assert places > 60
    print(f"killed at {places} places")


def test_an_erasure_that_is_done_twice_at_once_is_done_once(
    aws: EmbeddedAws, stepped_plivo: Running
) -> None:
    def do_it_meanwhile(harness: Harness) -> Callable[[], None]:
        def work() -> None:
            for item in table_items(harness):
                if item["sk"] == "ERASURE":
                    harness.carry_out(
                        {"erasure_id": item["pk"].removeprefix("ERASURE#")}
                    )

        return work

    places = at_every_request(aws, stepped_plivo, do_it_meanwhile, step=size(24, 1))

    assert places > 60
