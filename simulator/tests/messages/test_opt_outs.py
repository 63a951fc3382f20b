"""Test STOP, START and HELP: Plivo's own block, its answers, and what apps hear."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_simulator.account import CAMPAIGN_ID, new_number
from plivo_simulator.messages.keywords import intent_of
from plivo_simulator.messages.opt_outs import OptOuts
from plivo_simulator.messages.records import Message
from plivo_simulator.store import Store
from plivo_simulator.switches import Switches

from ..stage import NOON
from .desk import ALICE, BOB, US, US_2, Desk

pytestmark = pytest.mark.anyio

TOLL_FREE, CANADA = "18005550199", "16135550150"


@pytest.mark.parametrize(
    ("text", "long", "short"),
    [
        ("STOP", "optout", "optout"),
        ("stop", "optout", "optout"),
        ("StOp \n", "optout", "optout"),
        ("End", "optout", "optout"),
        ("QUIT", "optout", "optout"),
        ("CANCEL", "optout", ""),
        ("unsub", "optout", ""),
        ("Unsubscribe", "optout", ""),
        ("STOP ALL", "optout", ""),
        ("START", "optin", "optin"),
        ("unstop", "optin", "optin"),
        ("yes", "optin", ""),
        ("RESUME", "optin", ""),
        ("go", "optin", ""),
        ("HELP", "help", "help"),
        ("Info ", "help", "help"),
        ("stop it", "", ""),
        ("please STOP", "", ""),
        (" STOP", "", ""),
        ("STOP!", "", ""),
        ("", "", ""),
    ],
)
def test_a_keyword_counts_alone_in_any_case(text: str, long: str, short: str) -> None:
    assert (intent_of(text, "long"), intent_of(text, "short")) == (long, short)


async def stop(desk: Desk, number: str = US, phone: str = ALICE) -> Message:
    """Let *phone* send STOP to *number*, and the time for an acknowledgment pass."""
    message = desk.write("STOP", phone=phone, number=number)
    await desk.pass_time(301)
    return message


async def test_after_stop_a_message_fails_with_200_and_costs_nothing(
    desk: Desk,
) -> None:
    await stop(desk)

    blocked, other = desk.send(), desk.send(dst=BOB)
    await desk.pass_time(3)

    assert (blocked.state, blocked.error_code) == ("failed", "200")
    assert blocked.amount == 0
    assert blocked.arrived_at is None
    assert desk.statuses(blocked) == ["queued", "failed"]
    assert desk.forms("https://app.example/status")[-1]["Status"] == "delivered"
    assert other.state == "delivered"


async def test_plivo_confirms_and_the_account_does_not_see_that(desk: Desk) -> None:
    await stop(desk)

    (confirmation,) = desk.by_plivo()
    assert (confirmation.from_number, confirmation.to_number) == (US, ALICE)
    assert confirmation.arrived_at is not None
    assert confirmation.amount == 0
    assert desk.statuses() == []


async def test_one_own_message_passes_within_five_minutes(desk: Desk) -> None:
    desk.write("STOP")
    await desk.pass_time(299)

    first, second = desk.send(text="bye"), desk.send(text="one more thing")
    await desk.pass_time(5)

    assert [m.state for m in (first, second)] == ["delivered", "failed"]


async def test_no_own_message_passes_later(desk: Desk) -> None:
    desk.write("STOP")
    await desk.pass_time(301)

    late = desk.send(text="bye")
    await desk.pass_time(5)

    assert late.error_code == "200"


@pytest.mark.parametrize("word", ["START", "yes", "UNSTOP"])
async def test_start_opens_it_again_and_is_confirmed(desk: Desk, word: str) -> None:
    await stop(desk)
    desk.write(word)

    message = desk.send()
    await desk.pass_time(5)

    assert message.state == "delivered"
    assert len(desk.by_plivo()) == 2
    assert [told["MessageIntent"] for told in desk.forms()] == ["optout", "optin"]


async def test_a_yes_to_an_app_that_nobody_stopped_is_no_more_than_a_word(
    desk: Desk,
) -> None:
    desk.write("yes")
    await desk.pass_time(1)

    assert desk.by_plivo() == []
    assert desk.forms()[0]["Text"] == "yes"


async def test_help_is_answered_and_blocks_nothing(desk: Desk) -> None:
    desk.write("HELP")
    message = desk.send()
    await desk.pass_time(5)

    assert len(desk.by_plivo()) == 1
    assert desk.forms()[0]["MessageIntent"] == "help"
    assert message.state == "delivered"


@pytest.mark.parametrize("number", [TOLL_FREE, CANADA])
async def test_toll_free_and_canadian_numbers_are_blocked_as_well(
    desk: Desk, number: str
) -> None:
    country = "CA" if number == CANADA else "US"
    desk.stage.simulator.store.rent(new_number(number, country))
    await stop(desk, number)

    message = desk.send(src=number)
    await desk.pass_time(3)

    assert message.error_code == "200"


async def test_a_picture_with_the_word_is_no_keyword(desk: Desk) -> None:
    message = desk.write("STOP", pictures=1)
    await desk.pass_time(1)

    assert message.intent == ""
    assert desk.by_plivo() == []


@pytest.mark.parametrize(
    ("scope", "state"), [("number", "delivered"), ("campaign", "failed")]
)
async def test_a_switch_has_stop_hold_for_all_numbers_of_the_campaign(
    desk: Desk, scope: str, state: str
) -> None:
    desk.switch(stop_scope=scope)
    numbers = desk.stage.simulator.store.numbers
    numbers["12025550182"].campaign_id = "COTHER"
    await stop(desk)

    same = desk.send(src=US_2)
    other = desk.send(src="12025550182")
    await desk.pass_time(3)

    assert numbers[US_2].campaign_id == CAMPAIGN_ID
    assert same.state == state
    assert other.state == "delivered"


async def test_campaign_wide_one_acknowledgment_comes_from_the_number_itself(
    desk: Desk,
) -> None:
    desk.switch(stop_scope="campaign")
    desk.write("STOP")

    elsewhere, here = desk.send(src=US_2), desk.send()
    await desk.pass_time(5)
    desk.write("START", number=US_2)
    again = desk.send()
    await desk.pass_time(5)

    assert (elsewhere.state, here.state) == ("failed", "delivered")
    # START to one number opens all of them, too.
    assert again.state == "delivered"


async def test_a_toll_free_number_is_in_no_campaign(desk: Desk) -> None:
    desk.switch(stop_scope="campaign")
    desk.stage.simulator.store.rent(new_number(TOLL_FREE, "US"))
    await stop(desk, TOLL_FREE)
    await stop(desk, US, phone=BOB)

    messages = [desk.send(), desk.send(src=TOLL_FREE, dst=BOB)]
    await desk.pass_time(3)

    assert [message.state for message in messages] == ["delivered"] * 2


@pytest.mark.parametrize(
    ("told", "texts"),
    [("delivered", ["STOP"]), ("withheld", []), ("without_text", [""])],
)
async def test_a_switch_decides_what_the_application_hears_of_stop(
    desk: Desk, told: str, texts: list[str]
) -> None:
    desk.switch(opt_out_webhook=told)

    await stop(desk)
    desk.write("hello")
    await desk.pass_time(1)

    *heard, last = desk.forms()
    assert [each["Text"] for each in heard] == texts
    assert all(each["MessageIntent"] == "optout" for each in heard)
    assert last["Text"] == "hello"


async def test_a_switch_shortens_the_list_of_words(desk: Desk) -> None:
    desk.switch(stop_words="short")
    desk.write("CANCEL")
    await desk.pass_time(301)

    message = desk.send()
    await desk.pass_time(3)

    assert desk.forms()[0]["MessageIntent"] == ""
    assert message.state == "delivered"


async def test_a_second_stop_gives_another_five_minutes(desk: Desk) -> None:
    await stop(desk)
    desk.write("STOP")

    message = desk.send()
    await desk.pass_time(3)

    assert message.state == "delivered"
    assert len(desk.stage.simulator.store.opt_outs) == 1


NUMBERS, PHONES = ("12025550180", "12025550181", "442079460100"), (ALICE, BOB)
DEEDS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["stop", "start", "send"]),
            st.sampled_from(NUMBERS),
            st.sampled_from(PHONES),
        ),
        st.tuples(st.just("wait"), st.integers(1, 400), st.none()),
    ),
    max_size=30,
)


@given(deeds=DEEDS, scope=st.sampled_from(["number", "campaign"]))
def test_after_any_history_the_block_is_what_was_said_last(
    deeds: list[tuple[str, Any, Any]], scope: str
) -> None:
    store, switches, now = Store(), Switches(), NOON
    switches.set({"stop_scope": scope})
    opt_outs = OptOuts(store, switches)
    # By group of numbers and phone: when STOP was said to each, until it is used up.
    stopped: dict[tuple[str, str], dict[str, datetime | None]] = {}

    for deed, number, phone in deeds:
        if deed == "wait":
            now += timedelta(seconds=number)
            continue
        rented = store.numbers[number]
        # Of these numbers the US ones are in the same campaign.
        joined = scope == "campaign" and rented.rented.country == "US"
        key = ("campaign" if joined else number, phone)
        said = stopped.setdefault(key, {})
        if deed == "stop":
            opt_outs.add(rented, phone, now)
            said[number] = now
        elif deed == "start":
            assert opt_outs.lift(rented, phone) is bool(said)
            said.clear()
        else:
            since = said.get(number)
            acknowledges = since is not None and now - since <= timedelta(minutes=5)
            assert opt_outs.blocks(number, phone, now) is (
                bool(said) and not acknowledges
            )
            if acknowledges:
                said[number] = None
