"""A number is erased: whatever there was of it, nothing is found afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from masking.domain.sessions import Session, Status
from plivo_simulator.server import Running
from tests.support.embedded_aws import EmbeddedAws
from tests.support.harness import TENANT, Harness
from tests.support.person import (
    ASKED,
    OTHER,
    PERSON,
    STRANGER,
    add_strangers_call,
    as_another_tenants,
    put_delivery,
    put_recording,
    reserve_only,
)
from tests.support.pii_scan import (
    EVERYWHERE,
    all_logs,
    all_places,
    assert_nothing_is_left,
    forms_of,
    object_versions,
    table_items,
    traces,
)
from tests.support.proof_size import size

NEEDLES = forms_of(PERSON)

# Each example takes a second or two; smaller ones are found by hand.
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)

STATES = ("announced", "storing", "stored", "hidden", "failed", "deleting", "deleted")

plans = st.fixed_dictionaries(
    {
        "role": st.sampled_from(
            ["first", "second", "added", "caller", "given_up", "reserved"]
        ),
        "after": st.sampled_from(["live", "ended", "expired", "settled"]),
        "call": st.booleans(),
        "recordings": st.lists(st.sampled_from(STATES), max_size=3),
        "deliveries": st.integers(0, 2),
        "is_published": st.booleans(),
    }
)


def session_of(harness: Harness, plan: dict[str, Any]) -> Session:
    """Make a session in which the person has the role of the plan."""
    role = plan["role"]
    if role in ("given_up", "reserved"):
        session = reserve_only(harness)
        if role == "given_up":
            from masking.domain import transitions

            harness.stores.sessions.replace(session, transitions.fail(session))
        return session
    if role == "added":
        single = {k: v for k, v in ASKED.items() if "pin" not in k}
        session = harness.create(
            first_party=OTHER,
            second_party=None,
            create_session_with_single_party=True,
            **single,
        )
        return harness.update(session, second_party=PERSON)
    parties = {
        "first": (PERSON, OTHER),
        "second": (OTHER, PERSON),
        "caller": (OTHER, STRANGER),
    }[role]
    return harness.create(first_party=parties[0], second_party=parties[1], **ASKED)


def leave_traces(harness: Harness, plan: dict[str, Any], number: int) -> Session:
    """Make a session, and all that the plan says comes of it."""
    session = session_of(harness, plan)
    if session.status is Status.ACTIVE:
        if plan["role"] == "caller":
            add_strangers_call(harness, session)
        if plan["call"]:
            harness.call(session, talk_seconds=5)
            harness.advance(seconds=60)
            harness.deliver_callbacks(session)
        if plan["after"] == "ended":
            harness.end(harness.load(session))
        if plan["after"] in ("expired", "settled"):
            harness.advance(minutes=11)
    for place, state in enumerate(plan["recordings"]):
        put_recording(harness, session, 10 * number + place, state)
    for place in range(plan["deliveries"]):
        put_delivery(harness, session, 10 * number + place)
    if plan["is_published"]:
        harness.publish()
        harness.run_checks()
    if plan["after"] == "settled":
        harness.run_quarters(4)
    return session


@settings(max_examples=size(6, 25), phases=NO_SHRINKING)
@given(drawn=st.lists(plans, min_size=1, max_size=3))
def test_nothing_is_found_of_a_number_that_was_erased(
    aws: EmbeddedAws, stepped_plivo: Running, drawn: list[dict[str, Any]]
) -> None:
    with all_logs() as logs:
        harness = Harness(aws, stepped_plivo)
        made = [leave_traces(harness, plan, n) for n, plan in enumerate(drawn)]

        erasure = harness.request_erasure(PERSON)
        harness.run_until_idle()

    proof = harness.load_erasure(erasure)
    assert proof.status == "completed"
    assert proof.found["sessions"] == len(made)
    assert_nothing_is_left(harness, logs.getvalue())
    assert object_versions(harness) == []
    assert not any(
        harness.is_live(s)
        for s in map(harness.load, made)
        if s.status is Status.EXPIRED and s.carrier_session_uuid
    )
    for session in map(harness.load, made):
        assert session.erased_at
        assert session.status in (Status.EXPIRED, Status.FAILED)


@settings(max_examples=size(4, 8), phases=NO_SHRINKING)
@given(plan=plans)
def test_what_settles_or_comes_late_brings_nothing_back(
    aws: EmbeddedAws, stepped_plivo: Running, plan: dict[str, Any]
) -> None:
    harness = Harness(aws, stepped_plivo)
    session = leave_traces(harness, {**plan, "call": False}, 1)
    if session.status is Status.ACTIVE and plan["after"] == "live":
        harness.call(session, talk_seconds=5)
    harness.request_erasure(PERSON)
    harness.run_until_idle()

    harness.advance(minutes=3)
    if session.carrier_session_uuid:
        harness.deliver_callbacks(session)
    harness.run_quarters(6)
    harness.run_until_idle()

    assert traces(all_places(harness), EVERYWHERE) == []
    assert harness.load(session).settle_at is None


def test_another_tenants_session_of_the_same_number_stays(harness: Harness) -> None:
    mine = harness.create(first_party=PERSON, second_party=OTHER, **ASKED)
    theirs = as_another_tenants(mine, "umbrella")
    harness.stores.sessions.reserve(theirs)
    harness.publish()
    before = [
        item for item in table_items(harness) if theirs.session_uuid in item["pk"]
    ]

    harness.request_erasure(PERSON)
    harness.run_until_idle()

    after = [item for item in table_items(harness) if theirs.session_uuid in item["pk"]]
    assert after == before
    assert harness.load(theirs).settings["first_party"] == PERSON
    assert harness.load(mine).erased_at


def test_a_session_made_after_the_request_stays(harness: Harness) -> None:
    old = harness.create(first_party=PERSON, second_party=OTHER)
    harness.publish()
    erasure = harness.request_erasure(PERSON)
    harness.advance(seconds=1)
    new = harness.create(first_party=PERSON, second_party=STRANGER)

    harness.run_until_idle()

    assert harness.load(old).erased_at
    assert harness.load(new).erased_at is None
    assert harness.load(new).settings["first_party"] == PERSON
    assert harness.load_erasure(erasure).found["sessions"] == 1
    assert harness.load(new).tenant_id == TENANT


@pytest.mark.parametrize("is_published", [False, True])
def test_a_party_that_was_added_after_the_request_stays(
    harness: Harness, *, is_published: bool
) -> None:
    session = harness.create(
        first_party=OTHER, second_party=None, create_session_with_single_party=True
    )
    harness.publish()
    harness.request_erasure(PERSON)
    harness.advance(seconds=1)
    harness.update(session, second_party=PERSON)
    if is_published:
        harness.publish()

    harness.run_until_idle()

    assert harness.load(session).settings["second_party"] == PERSON


def test_the_numbers_are_searched_for_in_every_form() -> None:
    import base64

    for shift in range(3):
        encoded = base64.b64encode(b"x" * shift + PERSON.encode() + b"y").decode()
        assert traces({"text": encoded}, NEEDLES)
    assert traces({"text": "%2B12025550142"}, NEEDLES)
    assert traces({"text": "\\u002b12025550142"}, NEEDLES)
