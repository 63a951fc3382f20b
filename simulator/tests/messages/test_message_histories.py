"""Test what holds of messages whatever is sent, said and broken, in any order."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plivo_simulator.messages.records import Message

from ..stage import staged
from .desk import ALICE, BOB, GB, MESSAGE_URL, US, US_2, Desk, reply, text_back

pytestmark = pytest.mark.anyio

PHONES = (ALICE, BOB, US_2)
SENDS = st.fixed_dictionaries(
    {
        "src": st.sampled_from([US, GB, "ACME"]),
        "dst": st.sampled_from(["<".join(PHONES), *PHONES, "447700900123"]),
        "text": st.sampled_from(["hello", "a" * 400, "\u0434" * 100, "a" * 1700]),
        "message_expiry": st.sampled_from([5, 10_800]),
    }
)
DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), SENDS),
        st.tuples(st.just("picture"), st.sampled_from(PHONES[:2])),
        st.tuples(st.just("write"), st.sampled_from(["hi", "STOP", "START", "HELP"])),
        st.tuples(st.just("wait"), st.sampled_from([0.1, 1, 7, 400])),
    ),
    max_size=25,
)
FAULTS = st.dictionaries(
    st.sampled_from(["message_rejected", "message_undelivered", "media_gone"]),
    st.fixed_dictionaries({"rate": st.sampled_from([0.2, 0.7])}),
)


async def act(desk: Desk, deed: str, what: Any) -> None:
    """Do one thing of a history."""
    if deed == "send":
        desk.order(**what)
    elif deed == "picture":
        desk.send(dst=what, type="mms", media_urls=["https://files.example/cat.png"])
    elif deed == "write":
        desk.write(what)
    else:
        await desk.pass_time(what)


@settings(max_examples=40)
@given(deeds=DEEDS, faults=FAULTS, answers=st.booleans())
async def test_every_message_ends_once_is_told_in_order_and_keeps_the_pace(
    deeds: list[tuple[str, Any]], faults: dict[str, Any], answers: bool
) -> None:
    async with staged() as stage:
        desk = Desk(stage)
        desk.arm(**faults)
        if answers:
            desk.answer_at(MESSAGE_URL, reply(text_back("noted", dst=BOB)))
        for deed, what in deeds:
            await act(desk, deed, what)
        await desk.pass_time(20_000)

        sent = desk.sent_by_app()
        for message in sent:
            check(message, desk.statuses(message))
        for kind, pace in (("sms", 0.2), ("mms", 4.0)):
            turns = sorted(m.sent_at for m in sent if m.kind == kind and m.sent_at)
            gaps = [(b - a).total_seconds() for a, b in pairwise(turns)]
            assert all(gap >= pace - 1e-6 for gap in gaps)
        # Whatever a person wrote has reached the application.
        messages = stage.simulator.store.messages.values()
        assert {m.state for m in messages if m.direction == "inbound"} <= {"delivered"}


def check(message: Message, statuses: list[str]) -> None:
    """Check one message that the account sent, when all is over."""
    words = [line["what"] for line in message.history]
    states = [w for w in words if w not in ("media failed", "answered")]
    assert message.state == states[-1]
    assert states in (
        ["queued", "failed"],
        ["queued", "sent", "delivered"],
        ["queued", "sent", "undelivered"],
    )
    assert statuses == (states if message.url else [])
    assert (message.arrived_at is not None) == (message.state == "delivered")
    assert (message.amount > 0) == (message.state != "failed")
    assert (message.error_code == "000") == (message.state == "delivered")
    assert message.error_code
