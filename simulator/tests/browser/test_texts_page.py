"""Test the texts of the phones on the page in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from plivo_simulator.account import AUTH_ID, AUTH_TOKEN

from .page import Page, Thread

FIRST, SECOND = "+12025550100", "+12025550101"


@pytest.fixture(name="threads")
def _threads(page: Page) -> list[Thread]:
    return [Thread(page.browser, role) for role in ("first", "second", "stranger")]


@pytest.fixture(name="send")
def _send(page: Page) -> Callable[..., None]:
    """Return what sends a message as an app does."""

    def send(src: str, dst: str, text: str) -> None:
        answer = httpx.post(
            f"{page.origin}/v1/Account/{AUTH_ID}/Message/",
            json={"src": src, "dst": dst, "text": text},
            auth=(AUTH_ID, AUTH_TOKEN),
        )
        answer.raise_for_status()

    return send


def listen(page: Page, number: str, name: str = "texts") -> None:
    """Let an inbox hear what is written to *number*."""
    url = f"{page.origin}/_sim/inbox/{name}"
    digits = number.replace(" ", "")
    answer = httpx.put(
        f"{page.origin}/_sim/numbers/{digits}", json={"message_url": url}
    )
    answer.raise_for_status()


def known(page: Page) -> list[dict[str, Any]]:
    """Return every message that the simulator knows."""
    answer = httpx.get(f"{page.origin}/_sim/messages")
    messages: list[dict[str, Any]] = answer.json()["messages"]
    return messages


def test_a_text_and_a_picture_reach_the_app(page: Page, threads: list[Thread]) -> None:
    number = page.create_session()
    listen(page, number)
    first, second, stranger = threads

    first.write("the blue door", picture=True)
    item = first.shows("the blue door")
    first.shows("delivered 204")

    assert first.to == number == "+1 202 555 0180"
    (message,) = known(page)
    assert (message["from"], message["to"]) == (FIRST, "+12025550180")
    assert message["type"] == "mms"
    page.until("document.querySelector('.thread img').naturalWidth === 96")
    assert item.get_attribute("data-direction") == "inbound"
    assert second.texts == stranger.texts == []
    # The field is ready for the next one, without a picture.
    assert first.element.locator(".text").input_value() == ""
    assert first.element.locator(".picture").get_attribute("aria-pressed") == "false"


def test_what_an_app_sends_arrives_on_its_phone_alone(
    page: Page, threads: list[Thread], send: Callable[..., None]
) -> None:
    page.create_session()
    first, second, _ = threads

    send("+12025550180", SECOND, "to you")
    send("+12025550180", SECOND, "<b>to you</b> again")
    second.shows("again")

    assert second.texts == [
        ("outbound", "to you"),
        ("outbound", "<b>to you</b> again"),
    ]
    assert first.texts == []


def test_a_phone_with_another_number_has_that_numbers_texts(
    page: Page, threads: list[Thread], send: Callable[..., None]
) -> None:
    page.create_session()
    first, _, _ = threads
    send("+12025550181", "+12025550140", "for another phone")
    send("+12025550181", FIRST, "for the usual one")
    first.shows("for the usual one")

    number = page.first.element.locator(".number")
    number.fill("+1 202 555 0140")
    number.press("Enter")
    first.shows("for another phone")
    of_other = first.texts
    first.write("from there")
    first.shows("from there")

    assert of_other == [("outbound", "for another phone")]
    assert known(page)[-1]["from"] == "+12025550140"


def test_without_a_session_a_text_goes_back_to_where_one_came_from(
    page: Page, threads: list[Thread], send: Callable[..., None]
) -> None:
    _, _, stranger = threads

    stranger.write("hello?")
    page.browser.locator("#toast", has_text="Write the number").wait_for()
    send("+12025550183", "+12025550109", "who is there?")
    stranger.shows("who is there?")
    stranger.write("me")
    stranger.shows("me")

    assert stranger.to == "+1 202 555 0183"
    assert [each["to"] for each in known(page)] == ["+12025550109", "+12025550183"]


def test_stop_is_answered_by_plivo_itself(page: Page, threads: list[Thread]) -> None:
    page.create_session()
    _, _, stranger = threads

    stranger.write("STOP", to="+1 202 555 0181")
    stranger.shows("by Plivo itself")

    assert [direction for direction, _ in stranger.texts] == ["inbound", "outbound"]
    assert known(page)[0]["to"] == "+12025550181"


@pytest.mark.parametrize(
    ("to", "problem"),
    [
        ("+91 22 0055 0101", "the number takes no texts"),
        ("+1 212 555 0199", "is not a number of this account"),
    ],
)
def test_what_can_not_be_written_is_said(
    page: Page, threads: list[Thread], to: str, problem: str
) -> None:
    first, _, _ = threads

    first.write("hello", to=to)

    page.browser.locator("#toast", has_text=problem).wait_for()
    assert first.texts == []
    # What was written stays to be sent elsewhere.
    assert first.element.locator(".text").input_value() == "hello"
    # The browser itself tells the console of a refusal.
    assert all("Failed to load" in complaint for complaint in page.complaints)
    page.complaints.clear()


def test_digits_in_a_text_dial_nothing(page: Page, threads: list[Thread]) -> None:
    page.create_session()
    first, _, _ = threads

    first.element.locator(".text").press_sequentially("42#")
    first.element.locator(".text").press("Enter")
    first.shows("42#")

    assert page.first.text.startswith("Ready to call")
    assert httpx.get(f"{page.origin}/_sim/calls").json()["calls"] == []


def test_a_reset_clears_the_threads(page: Page, threads: list[Thread]) -> None:
    page.create_session()
    first, _, _ = threads
    first.write("hello")
    first.shows("hello")

    page.browser.click("#reset")

    first.element.locator(".empty").wait_for()
    assert first.texts == []
