"""Test what holds of any call: made-up documents, phones, actions and transfers."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from plivo_simulator.conversation import Action
from plivo_simulator.engine import NoSuchCallError
from plivo_simulator.records import Call, LegRecord
from plivo_simulator.rules.model import Leg

from .stage import GREETING, Stage, staged
from .voice_stage import (
    APP,
    FIRST,
    NUMBER,
    OTHER_NUMBER,
    SECOND,
    THIRD,
    answer_with,
    caller_leg,
    document,
    phone,
    start,
)

ANSWERS = ("yes", "busy", "rejected", "no_answer", "ring", "failed", "manual")
LIVE = f"callbackUrl='{APP}/live'"


def dials() -> st.SearchStrategy[str]:
    """Return Dials of some numbers, with some attributes."""
    targets = st.lists(
        st.sampled_from((FIRST, SECOND, THIRD, OTHER_NUMBER)), min_size=1, max_size=3
    )
    attributes = st.lists(
        st.sampled_from(
            (
                *("timeout='7'", "timeLimit='9'", "hangupOnStar='true'"),
                *(f"confirmSound='{APP}/whisper'", "confirmKey='1'"),
                *("confirmTimeout='4'", f"dialMusic='{APP}/whisper'"),
                *("digitsMatch='1,*'", "digitsMatchBLeg='2'", "redirect='false'"),
                *(f"action='{APP}/next'", f"callerId='{NUMBER}'"),
            )
        ),
        unique_by=lambda each: each.partition("=")[0],
        max_size=5,
    )
    return st.builds(
        lambda numbers, chosen: (
            f"<Dial {LIVE} {' '.join(chosen)}>"
            + "".join(f"<Number>{n}</Number>" for n in numbers)
            + "</Dial>"
        ),
        targets,
        attributes,
    )


ELEMENTS = st.one_of(
    st.sampled_from(
        (
            "<Speak>one two three four five</Speak>",
            f"<Play loop='2'>{GREETING}</Play>",
            f"<Play loop='0'>{GREETING}</Play>",
            "<Wait length='3'/>",
            "<PreAnswer><Speak>wait</Speak></PreAnswer>",
            f"<GetDigits action='{APP}/next' numDigits='1' retries='2'/>",
            f"<GetInput action='{APP}/next' inputType='dtmf speech'/>",
            f"<Record action='{APP}/next' timeout='2' maxLength='5'/>",
            f"<Record callbackUrl='{APP}/file' recordSession='true' maxLength='9'/>",
            f"<Record callbackUrl='{APP}/file' startOnDialAnswer='true'/>",
            f"<Message src='{NUMBER}' dst='{FIRST}'>Hi</Message>",
            "<Conference timeLimit='20'>Room</Conference>",
            f"<Redirect>{APP}/next</Redirect>",
            "<Hangup schedule='11'/>",
            "<Hangup reason='busy'/>",
            "<DTMF>12</DTMF>",
            "<Nonsense/>",
        )
    ),
    dials(),
)
DOCUMENTS = st.lists(ELEMENTS, max_size=4).map("".join)


@dataclass(frozen=True)
class Deed:
    """Something that is done to a call after *seconds*, to one of its legs."""

    seconds: float
    what: str
    leg: int
    keys: str


DEEDS = st.builds(
    Deed,
    st.sampled_from((0.0, 0.4, 1.0, 2.5, 6.0, 15.0)),
    st.sampled_from(
        (
            *("answer", "decline", "hangup", "key", "digits", "say"),
            *("end", "both", "aleg"),
        )
    ),
    st.integers(0, 3),
    st.sampled_from(("1", "*", "12#", "")),
)


def do(stage: Stage, call: Call, deed: Deed) -> None:
    """Do it to a leg that the call has by then."""
    legs = call.every_leg
    leg = legs[deed.leg % len(legs)]
    desk = stage.simulator.call_desk
    if deed.what == "end":
        desk.hang_up(leg.call_uuid)
    elif deed.what in ("both", "aleg"):
        urls = dict.fromkeys(("aleg", "bleg"), (f"{APP}/moved", "POST"))
        desk.transfer(leg.call_uuid, deed.what, urls)
    else:
        action = Action(deed.what, Leg.CALLER, deed.keys)
        try:
            stage.simulator.engine.act(leg.call_uuid, action)
        except NoSuchCallError:
            assert call.ended_at is not None


async def run(
    documents: tuple[str, str, str], phones: list[str], deeds: list[Deed]
) -> None:
    """Run one call through all of it, and check what holds of every call."""
    async with staged() as stage:
        stage.simulator.switches.set({"document_limit": "20"})
        answer_with(stage, documents[0])
        document(stage, "next", documents[1])
        document(stage, "moved", documents[2])
        document(stage, "whisper", "<Speak>A call for you</Speak><Wait/>")
        for number, answer in zip((FIRST, SECOND, THIRD), phones, strict=True):
            phone(stage, number, answer=answer, digits=["1", "", "2#"])
        call = start(stage, digits=["1", "", "words"], talk_seconds=8)
        for deed in deeds:
            await stage.pass_time(deed.seconds)
            do(stage, call, deed)
        await stage.pass_time(3 * 86_400)

        for each in stage.simulator.store.calls.values():
            check(each)
        check_dials(stage, call)
        engine = stage.simulator.engine
        assert not any(engine.is_busy(n) for n in (FIRST, SECOND, THIRD))
        assert engine.rooms == {}
        recordings = stage.simulator.store.recordings.values()
        assert all(r.ended_at and r.milliseconds <= 60_000 for r in recordings)
        assert all(c.state != "pending" for c in stage.callbacks)


def check(call: Call) -> None:
    """Check that every leg has ended, within the call, for a cause that is told."""
    assert call.ended_at is not None
    for leg in call.every_leg:
        assert leg.ended_at is not None
        assert call.started_at <= leg.started_at <= leg.ended_at <= call.ended_at
        assert leg.cause is not None
        assert leg.ended_by
        assert leg.answered_at is None or leg.answered_at <= leg.ended_at
        check_heard(leg)


def check_heard(leg: LegRecord) -> None:
    """Check that what a leg hears begins when the thing before has ended."""
    before = leg.started_at
    for heard in leg.heard:
        assert heard.until is not None
        assert before <= heard.at < heard.until
        assert leg.ended_at is not None
        assert heard.until <= leg.ended_at
        if heard.what == "talk":
            assert leg.answered_at is not None
        before = heard.until


def check_dials(stage: Stage, call: Call) -> None:
    """Check that each dialed leg is told of once, and in the order of its life."""
    told: dict[str, list[str]] = {}
    for callback in stage.callbacks:
        if callback.channel == "dial" and callback.call_uuid == call.call_uuid:
            uuid = str(callback.attributes["DialBLegUUID"])
            action = str(callback.attributes["DialAction"])
            told.setdefault(uuid, []).append(action)
    assert told.keys() == {leg.call_uuid for leg in call.dialed}
    for leg in call.dialed:
        actions = [each for each in told[leg.call_uuid] if each != "digits"]
        assert max(Counter(actions).values()) == 1
        assert actions == [
            each for each in ("answer", "connected", "hangup") if each in actions
        ]
        assert actions[-1] == "hangup"
        assert ("answer" in actions) is (leg.answered_at is not None)
    ended = [c for c in stage.callbacks if c.event == "Hangup"]
    assert [c.call_uuid for c in ended].count(call.call_uuid) == 1
    assert caller_leg(call).cause is not None


@settings(max_examples=40)
@given(
    st.tuples(DOCUMENTS, DOCUMENTS, DOCUMENTS),
    st.lists(st.sampled_from(ANSWERS), min_size=3, max_size=3),
    st.lists(DEEDS, max_size=4),
)
def test_any_call_ends_and_is_told_truly(
    documents: tuple[str, str, str], phones: list[str], deeds: list[Deed]
) -> None:
    asyncio.run(run(documents, phones, deeds))
