"""Test sessions on the clock: expiry, updates, numbers that move or cool off."""

from __future__ import annotations

import pytest

from plivo_simulator.parameters import BadParameterError
from plivo_simulator.rules.model import Leg
from plivo_simulator.rules.steps import Outcome
from plivo_simulator.sessions import end_session, replace_number, update_session

from .stage import (
    ALICE,
    STRANGER,
    Stage,
)

pytestmark = pytest.mark.anyio

CAROL = "+12025550102"


async def test_r14_a_party_added_by_an_update_takes_the_strangers_place(
    stage: Stage,
) -> None:
    talk = stage.create(second_party=None, create_session_with_single_party=True)
    stage.call(STRANGER, talk)
    await stage.pass_time(30)

    update_session(stage.simulator, talk, {"second_party": CAROL})
    call_back = stage.call(ALICE, talk)
    await stage.pass_time(30)

    assert call_back.legs[Leg.CALLEE].number == CAROL.removeprefix("+")


async def test_s5_a_party_can_only_be_added_to_a_single_party_session(
    stage: Stage,
) -> None:
    talk = stage.create()

    with pytest.raises(BadParameterError, match="second_party cannot be updated"):
        update_session(stage.simulator, talk, {"second_party": CAROL})


async def test_n4_a_lone_second_party_decides_the_country(stage: Stage) -> None:
    talk = stage.create(
        first_party=None,
        second_party="+442079460001",
        create_session_with_single_party=True,
    )

    assert talk.virtual_number.startswith("4420")


async def test_n6_cool_off_keeps_the_number_from_its_parties_for_a_while(
    stage: Stage,
) -> None:
    first = stage.create(virtual_number_cooloff_period=300)
    await stage.pass_time(10)
    end_session(stage.simulator, first)

    during = stage.create(second_party=CAROL)
    others = stage.create(first_party="+12025550103", second_party="+12025550104")
    end_session(stage.simulator, during)
    await stage.pass_time(301)
    after = stage.create()

    assert during.virtual_number != first.virtual_number
    assert others.virtual_number == first.virtual_number
    assert after.virtual_number == first.virtual_number


async def test_a_freed_number_is_handed_out_again_at_once(stage: Stage) -> None:
    first = stage.create()
    end_session(stage.simulator, first)

    assert stage.create(second_party=CAROL).virtual_number == first.virtual_number


async def test_r15_s4_a_replaced_number_is_told_and_the_old_one_is_dead(
    stage: Stage,
) -> None:
    talk = stage.create()
    old = talk.virtual_number

    replace_number(stage.simulator, talk)
    await stage.pass_time(0)
    by_the_new = await stage.whole_call(ALICE, talk)
    by_the_old = stage.simulator.engine.place_call("12025550100", old, {})
    await stage.pass_time(60)

    assert stage.attributes_of("SessionVirtualNumberReplaced")["VirtualNumber"] != old
    assert by_the_new.outcome is Outcome.CONNECTED
    assert by_the_old.outcome is Outcome.HANDED_OVER


async def test_s1_expiry_is_told_in_its_very_second(stage: Stage) -> None:
    talk = stage.create(session_expiry=90)

    await stage.pass_time(89.9)
    assert stage.events() == []
    await stage.pass_time(0.2)

    assert (
        stage.attributes_of("SessionTimeout")["EventTimestamp"] == "2026-03-02 12:01:30"
    )
    assert not talk.is_live(stage.simulator.clock.now())


async def test_s2_an_extension_moves_the_expiry_and_counts_from_now(
    stage: Stage,
) -> None:
    talk = stage.create(session_expiry=60)
    await stage.pass_time(50)

    update_session(stage.simulator, talk, {"session_expiry": 100})
    await stage.pass_time(99)

    assert stage.events() == []
    assert talk.duration == 150
    await stage.pass_time(2)
    assert stage.events() == ["SessionTimeout"]


@pytest.mark.parametrize(("switch", "told"), [("off", 0), ("on", 1)])
async def test_s3_whether_a_delete_sends_session_timeout_is_a_switch(
    stage: Stage, switch: str, told: int
) -> None:
    stage.simulator.switches.set({"timeout_on_delete": switch})

    end_session(stage.simulator, stage.create())
    await stage.pass_time(4000)

    assert len(stage.events()) == told
