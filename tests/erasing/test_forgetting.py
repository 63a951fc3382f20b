"""A person is forgotten: whatever there was of the number, nothing is found of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from masking.domain.sessions import Session, Status
from plivo_simulator.server import Running
from tests.ending.scale import size
from tests.ending.world import TENANT
from tests.erasing.world import (
    ADDRESS,
    AUDIO_ADDRESS,
    MARKS,
    NAME,
    OTHER,
    PERSON,
    PIN,
    STRANGER,
    ErasingWorld,
    all_logs,
    as_another_tenants,
    forms_of,
    traces,
)
from tests.support.embedded_aws import EmbeddedAws

# What it repeats is covered elsewhere, and takes half the time unmeasured.
pytestmark = pytest.mark.no_cover

NEEDLES = forms_of(PERSON)

# What the bus and the logs never had is looked for in the table alone.
EVERYWHERE = NEEDLES | {PIN}

ASKED: dict[str, Any] = {
    "callback_url": ADDRESS,
    "first_party_play_url": AUDIO_ADDRESS,
    "is_pin_authentication_required": True,
    "first_party_pin": PIN,
    "second_party_pin": "880143",
    "pin_prompt_play": "https://app.example.com/pin.mp3",
    "labels": {"customer": NAME, "order_id": "A-17"},
    "record": True,
}

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


def session_of(world: ErasingWorld, plan: dict[str, Any]) -> Session:
    """Make a session in which the person has the role of the plan."""
    role = plan["role"]
    if role in ("given_up", "reserved"):
        session = world.reserve()
        if role == "given_up":
            from masking.domain import transitions

            world.stores.sessions.replace(session, transitions.fail(session))
        return session
    if role == "added":
        single = {k: v for k, v in ASKED.items() if "pin" not in k}
        session = world.create(
            first_party=OTHER,
            second_party=None,
            create_session_with_single_party=True,
            **single,
        )
        return world.update(session, second_party=PERSON)
    parties = {
        "first": (PERSON, OTHER),
        "second": (OTHER, PERSON),
        "caller": (OTHER, STRANGER),
    }[role]
    return world.create(first_party=parties[0], second_party=parties[1], **ASKED)


def leave_traces(world: ErasingWorld, plan: dict[str, Any], number: int) -> Session:
    """Make a session, and all that the plan says comes of it."""
    session = session_of(world, plan)
    if session.status is Status.ACTIVE:
        if plan["role"] == "caller":
            world.stranger_calls(session)
        if plan["call"]:
            world.call(session, talk_seconds=5)
            world.advance(seconds=60)
            world.tell(session)
        if plan["after"] == "ended":
            world.end(world.load(session))
        if plan["after"] in ("expired", "settled"):
            world.advance(minutes=11)
    for place, state in enumerate(plan["recordings"]):
        world.record(session, 10 * number + place, state)
    for place in range(plan["deliveries"]):
        world.deliver(session, 10 * number + place)
    if plan["is_published"]:
        world.publish()
        world.check()
    if plan["after"] == "settled":
        world.quarters(4)
    return session


@settings(max_examples=size(10, 25), phases=NO_SHRINKING)
@given(drawn=st.lists(plans, min_size=1, max_size=3))
def test_nothing_is_found_of_a_number_that_was_forgotten(
    aws: EmbeddedAws, stopped_plivo: Running, drawn: list[dict[str, Any]]
) -> None:
    with all_logs() as logs:
        world = ErasingWorld(aws, stopped_plivo)
        world.control("POST", "reset", {})
        made = [leave_traces(world, plan, n) for n, plan in enumerate(drawn)]

        erasure = world.ask()
        world.run()

    proof = world.proof(erasure)
    assert proof.status == "completed"
    assert proof.found["sessions"] == len(made)
    assert traces(world.everything(logs.getvalue()), EVERYWHERE) == []
    assert traces({"table": world.everything()["table"]}, set(MARKS)) == []
    assert world.versions() == []
    assert not any(
        world.alive(s)
        for s in map(world.load, made)
        if s.status is Status.EXPIRED and s.carrier_session_uuid
    )
    for session in map(world.load, made):
        assert session.erased_at
        assert session.status in (Status.EXPIRED, Status.FAILED)


@settings(max_examples=size(4, 8), phases=NO_SHRINKING)
@given(plan=plans)
def test_what_settles_or_comes_late_brings_nothing_back(
    aws: EmbeddedAws, stopped_plivo: Running, plan: dict[str, Any]
) -> None:
    world = ErasingWorld(aws, stopped_plivo)
    world.control("POST", "reset", {})
    session = leave_traces(world, {**plan, "call": False}, 1)
    if session.status is Status.ACTIVE and plan["after"] == "live":
        world.call(session, talk_seconds=5)
    world.ask()
    world.run()

    world.advance(minutes=3)
    if session.carrier_session_uuid:
        world.tell(session)
    world.quarters(6)
    world.run()

    assert traces(world.everything(), EVERYWHERE) == []
    assert world.load(session).settle_at is None


def test_another_tenants_session_of_the_same_number_stays(world: ErasingWorld) -> None:
    mine = world.create(first_party=PERSON, second_party=OTHER, **ASKED)
    theirs = as_another_tenants(mine, "umbrella")
    world.stores.sessions.reserve(theirs)
    world.publish()
    before = [item for item in world.export() if theirs.session_uuid in item["pk"]]

    world.ask()
    world.run()

    after = [item for item in world.export() if theirs.session_uuid in item["pk"]]
    assert after == before
    assert world.load(theirs).settings["first_party"] == PERSON
    assert world.load(mine).erased_at


def test_a_session_made_after_the_request_stays(world: ErasingWorld) -> None:
    old = world.create(first_party=PERSON, second_party=OTHER)
    world.publish()
    erasure = world.ask()
    world.advance(seconds=1)
    new = world.create(first_party=PERSON, second_party=STRANGER)

    world.run()

    assert world.load(old).erased_at
    assert world.load(new).erased_at is None
    assert world.load(new).settings["first_party"] == PERSON
    assert world.proof(erasure).found["sessions"] == 1
    assert world.load(new).tenant_id == TENANT


@pytest.mark.parametrize("is_published", [False, True])
def test_a_party_that_was_added_after_the_request_stays(
    world: ErasingWorld, *, is_published: bool
) -> None:
    session = world.create(
        first_party=OTHER, second_party=None, create_session_with_single_party=True
    )
    world.publish()
    world.ask()
    world.advance(seconds=1)
    world.update(session, second_party=PERSON)
    if is_published:
        world.publish()

    world.run()

    assert world.load(session).settings["second_party"] == PERSON


def test_the_numbers_are_searched_for_in_every_form() -> None:
    import base64

    for shift in range(3):
        encoded = base64.b64encode(b"x" * shift + PERSON.encode() + b"y").decode()
        assert traces({"text": encoded}, NEEDLES)
    assert traces({"text": "%2B12025550142"}, NEEDLES)
    assert traces({"text": "\\u002b12025550142"}, NEEDLES)
