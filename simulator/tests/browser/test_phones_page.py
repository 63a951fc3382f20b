"""Test calls on the phones page in a real browser."""

from __future__ import annotations

import time

from .page import SPEED, Page

FIRST, SECOND, STRANGER = "+1 202 555 0100", "+1 202 555 0101", "+1 202 555 0109"


def test_a_whole_call_by_clicks(page: Page) -> None:
    number = page.create_session()

    page.first.press("call")
    page.second.shows("Incoming call")
    incoming = page.second.far
    page.second.press("answer")
    page.first.shows("Connected")
    page.first.has_talked(2)
    screens = page.first.text + page.second.text
    wires = [
        page.browser.get_attribute(f"[data-wire={end}]", "data-state")
        for end in ("first", "second")
    ]
    page.second.press("hangup")
    page.first.shows("Call ended")

    assert incoming == number == "+1 202 555 0180"
    assert FIRST not in screens
    assert SECOND not in screens
    assert wires == ["up", "up"]
    page.wait_for_event("SessionPartiesHangup", "inbox")
    told = [
        "SessionFirstPartyAnswer",
        "SessionSecondPartyRing",
        "SessionSecondPartyAnswer",
        "SessionRecordingInitiated",
        "SessionSecondPartyHangup",
        "SessionFirstPartyHangup",
        "SessionRecordingCompleted",
        "SessionPartiesHangup",
    ]
    assert page.events() == told
    assert page.events("inbox") == told
    pills = page.browser.locator("#timeline .pill").all_inner_texts()
    assert set(pills) == {"204"}


def test_the_recording_plays_and_is_as_long_as_the_talk(page: Page) -> None:
    page.create_session()
    page.first.press("call")
    before = time.monotonic()
    page.second.press("answer")
    page.first.has_talked(3)
    page.first.press("hangup")

    player = page.browser.locator("#recordings-plivo audio")
    player.wait_for()
    most = SPEED * (time.monotonic() - before)
    page.until("document.querySelector('#recordings-plivo audio').readyState >= 1")
    seconds = player.evaluate("audio => audio.duration")
    player.evaluate("audio => { audio.muted = true; return audio.play(); }")
    page.until("document.querySelector('#recordings-plivo audio').currentTime > 0.2")

    assert 2.5 < seconds < most


def test_a_pin_call_with_one_wrong_try(page: Page) -> None:
    number = page.create_session("pin")

    page.stranger.press("call")
    page.stranger.shows("Enter your PIN")
    page.stranger.type("9999#")
    page.stranger.shows("Please wait")
    page.stranger.shows("Enter your PIN")
    page.stranger.type("1234#")
    page.second.shows("Incoming call")
    incoming = page.second.far
    page.second.press("answer")
    page.stranger.shows("Connected")
    page.stranger.press("hangup")

    assert incoming == number
    line = page.wait_for_event("SessionPinAuthenticationStatus")
    assert "success" in line.inner_text()
    line.locator("summary").click()
    assert "PinRetryCounter" in line.inner_text()
    paths = [path for path in page.played if path.startswith("/prompts/")]
    assert paths == ["/prompts/pin.wav", "/prompts/wrong-pin.wav", "/prompts/pin.wav"]
    assert page.first.text.startswith("Ready to call")


def test_digits_are_sent_after_a_pause_as_well(page: Page) -> None:
    page.create_session("pin")

    page.stranger.press("call")
    page.stranger.shows("Enter your PIN")
    page.stranger.type("4321")

    page.first.shows("Incoming call")
    page.first.press("decline")


def test_an_unknown_caller_hears_a_tune_and_rings_nobody(page: Page) -> None:
    page.create_session("unknown")

    page.stranger.press("call")
    page.stranger.shows("Listening")
    page.stranger.shows("Call ended")

    assert "/prompts/unknown.wav" in page.played
    assert page.first.text.startswith("Ready to call")
    assert page.second.text.startswith("Ready to call")
    assert page.events() == []


def test_an_unknown_caller_without_a_tune_is_refused(page: Page) -> None:
    page.create_session()

    page.stranger.press("call")

    page.stranger.shows("Declined")
    assert page.events() == []


def test_a_dropped_webhook_is_seen_to_be_dropped(page: Page) -> None:
    page.create_session()
    page.browser.select_option("[aria-label='Arm webhook_dropped']", "once")
    page.browser.wait_for_selector("tr[data-armed=true]")

    page.first.press("call")
    page.second.shows("Incoming call")
    page.second.press("decline")
    page.first.shows("Call ended")

    line = page.wait_for_event("SessionFirstPartyAnswer")
    assert line.get_attribute("data-state") == "dropped"
    assert "webhook_dropped" in line.inner_text()
    page.wait_for_event("SessionPartiesHangup", "inbox")
    assert "SessionFirstPartyAnswer" not in page.events("inbox")
    row = page.browser.locator("tr", has_text="webhook_dropped")
    row.locator(".fired", has_text="1").wait_for()


def test_a_declined_call_says_so_on_both_phones(page: Page) -> None:
    page.create_session()

    page.second.press("call")
    page.first.shows("Incoming call")
    page.first.press("decline")

    page.first.shows("Declined")
    page.second.shows("Call ended")


def test_a_requested_call_rings_the_first_phone_by_itself(page: Page) -> None:
    number = page.create_session("initiate_call_to_first_party")

    page.first.shows("Incoming call")
    shown = page.first.far
    page.first.press("answer")
    page.second.shows("Incoming call")
    page.second.press("answer")
    page.first.shows("Connected")
    page.first.press("hangup")

    assert shown == number


def test_anyone_reaches_the_one_known_party_who_can_call_back(page: Page) -> None:
    page.create_session("single")

    page.stranger.press("call")
    page.first.press("answer")
    page.stranger.shows("Connected")
    page.stranger.press("hangup")
    page.stranger.shows("Call ended")
    page.first.press("call")

    page.stranger.shows("Incoming call")
    page.stranger.press("decline")


def test_a_call_by_keyboard_alone(page: Page) -> None:
    page.create_session("pin")

    page.stranger.element.focus()
    page.browser.keyboard.press("Enter")
    page.stranger.shows("Enter your PIN")
    page.browser.keyboard.type("1234")
    page.browser.keyboard.press("Enter")
    page.second.shows("Incoming call")
    page.second.element.focus()
    page.browser.keyboard.press("Enter")
    page.second.shows("Connected")
    page.browser.keyboard.press("Escape")

    page.stranger.shows("Call ended")


def test_a_session_is_extended_ended_and_seen_to_be_over(page: Page) -> None:
    page.create_session()

    page.browser.click("text=+10 minutes")
    page.browser.wait_for_selector(".facts dd:has-text('19:')")
    page.browser.click("text=End now")
    page.browser.wait_for_selector(".session-top .pill:has-text('expired')")
    page.first.press("call")

    page.first.shows("Nobody to ring")
    assert page.browser.is_disabled("text=End now")


def test_a_refused_form_says_why(page: Page) -> None:
    page.browser.fill("[name=second_party]", "+12025550100")

    page.browser.click("#create button[type=submit]")

    flaw = page.browser.locator("#flaw-of-second_party")
    flaw.wait_for()
    assert "must be different" in flaw.inner_text()
    # The browser itself complains of the 400; that is what was asked for.
    page.complaints.clear()


def test_a_page_that_comes_late_sees_what_is_going_on(page: Page) -> None:
    page.create_session()
    page.first.press("call")
    page.second.shows("Incoming call")

    page.open()

    page.second.shows("Incoming call")
    page.second.press("answer")
    page.first.shows("Connected")
    page.first.press("hangup")


def test_a_reset_clears_the_page(page: Page) -> None:
    page.create_session()
    page.first.press("call")
    page.second.press("answer")
    page.first.shows("Connected")

    page.browser.click("#reset")

    page.browser.wait_for_selector("[data-show=virtual]:has-text('no session yet')")
    page.browser.wait_for_selector("#timeline-empty:visible")
    page.first.shows("Ready to call")
