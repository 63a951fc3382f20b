"""Test that the page is bound to the session it shows, with sessions of the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from plivo_simulator.app_proxy import AppAddress
from plivo_simulator.server import running

from ..masking_client import MAIN, URL, create, listed, session_of
from .app_double import SESSION, app_double
from .page import SPEED, Page

ERIN, FRANK = "+12025550131", "+12025550132"
GRACE, HEIDI = "+12025550141", "+12025550142"
ERIN_SHOWN, FRANK_SHOWN = "+1 202 555 0131", "+1 202 555 0132"
GRACE_SHOWN, HEIDI_SHOWN = "+1 202 555 0141", "+1 202 555 0142"
MOVED = "SessionVirtualNumberReplaced"
PHONE = {"width": 390, "height": 780}


@pytest.fixture(name="api")
def _api(page: Page) -> Iterator[httpx.Client]:
    """Return a client that creates sessions as an app does."""
    with httpx.Client(base_url=page.origin, trust_env=False) as client:
        yield client


def _create(api: httpx.Client, first: str, second: str, **more: Any) -> dict[str, Any]:
    inbox = str(api.base_url.join("/_sim/inbox/app"))
    body = {"first_party": first, "second_party": second, "callback_url": inbox}
    return session_of(api, **body | more)


def _await_numbers(page: Page, first: str, second: str) -> None:
    page.until(
        f"document.querySelector('[data-role=first] .number').value === '{first}'"
    )
    page.until(
        f"document.querySelector('[data-role=second] .number').value === '{second}'"
    )


def test_the_phones_have_the_numbers_of_an_api_made_session(
    page: Page, api: httpx.Client
) -> None:
    _create(api, ERIN, FRANK)
    _await_numbers(page, ERIN_SHOWN, FRANK_SHOWN)

    page.first.press("call")
    page.second.shows("Incoming call")
    page.second.press("answer")
    page.first.shows("Connected")

    band = page.browser.locator("#exchange")
    assert ERIN_SHOWN in band.inner_text()
    assert FRANK_SHOWN in band.inner_text()
    assert page.browser.get_attribute("[data-wire=second]", "data-state") == "up"
    assert ERIN_SHOWN not in page.second.text
    (call,) = api.get("/_sim/calls").json()["calls"]
    assert [leg["number"] for leg in call["legs"]] == [ERIN, FRANK]


def test_the_list_tells_sessions_apart_and_the_page_follows_the_chosen_one(
    page: Page, api: httpx.Client
) -> None:
    old = _create(api, ERIN, FRANK)
    call = {"from": ERIN, "to": old["virtual_number"], "answer": "busy"}
    placed = api.post("/_sim/calls", json=call).json()["call_uuid"]
    api.get(f"/_sim/calls/{placed}?wait=20")
    api.delete(f"{URL}{old['session_uuid']}/", auth=MAIN)
    _create(api, GRACE, HEIDI)
    _await_numbers(page, GRACE_SHOWN, HEIDI_SHOWN)
    lines = page.browser.locator("#sessions button")
    lines.nth(1).wait_for()
    texts = lines.all_inner_texts()
    newest = page.events()

    lines.nth(1).click()
    _await_numbers(page, ERIN_SHOWN, FRANK_SHOWN)

    assert f"{GRACE_SHOWN} and {HEIDI_SHOWN}" in texts[0]
    assert "active" in texts[0]
    assert f"{ERIN_SHOWN} and {FRANK_SHOWN}" in texts[1]
    assert "expired" in texts[1]
    assert all("ago" in text or "just now" in text for text in texts)
    assert newest == []
    page.wait_for_event("SessionPartiesHangup")
    assert ERIN_SHOWN in page.browser.locator("#exchange").inner_text()
    assert lines.nth(1).get_attribute("aria-current") == "true"
    # What was chosen by hand stays, whatever comes.
    _create(api, "+12025550151", "+12025550152")
    lines.nth(2).wait_for()
    assert lines.nth(2).get_attribute("aria-current") == "true"
    assert not page.browser.is_checked("#following")


def test_a_new_session_does_not_take_the_phones_out_of_a_call(
    page: Page, api: httpx.Client
) -> None:
    _create(api, ERIN, FRANK)
    _await_numbers(page, ERIN_SHOWN, FRANK_SHOWN)
    page.first.press("call")
    page.second.shows("Incoming call")

    _create(api, GRACE, HEIDI)
    page.browser.locator("#sessions button").nth(1).wait_for()
    during = page.browser.input_value("[data-role=first] .number")
    page.second.press("decline")

    assert during == ERIN_SHOWN
    _await_numbers(page, GRACE_SHOWN, HEIDI_SHOWN)


def test_a_phone_takes_any_number_by_hand(page: Page, api: httpx.Client) -> None:
    session = _create(api, ERIN, FRANK)
    _await_numbers(page, ERIN_SHOWN, FRANK_SHOWN)
    field = page.browser.get_by_label("Number of the stranger's phone")
    flaw = page.browser.locator("#flaw-stranger")

    field.fill("12")
    field.press("Enter")
    flaw.wait_for()
    refused = flaw.inner_text()
    field.fill("+1 (202) 555-0199")
    field.press("Enter")
    flaw.wait_for(state="hidden")
    page.stranger.press("call")
    page.stranger.shows("Declined")
    by_hand = api.get("/_sim/calls").json()["calls"]
    field.fill("")
    field.press("Enter")

    assert "E.164" in refused
    assert [(call["from"], call["to"]) for call in by_hand] == [
        ("+12025550199", f"+{session['virtual_number'].lstrip('+')}")
    ]
    page.until(
        "document.querySelector('[data-role=stranger] .number').value"
        " === '+1 202 555 0109'"
    )


def test_only_shown_phones_wait_for_a_person(page: Page, api: httpx.Client) -> None:
    def answers(number: str) -> str:
        plan: str = api.get(f"/_sim/phones/{number}").json()["answer"]
        return plan

    _create(api, ERIN, FRANK)
    _await_numbers(page, ERIN_SHOWN, FRANK_SHOWN)
    page.browser.wait_for_timeout(200)
    shown = answers(FRANK)
    _create(api, GRACE, HEIDI)
    _await_numbers(page, GRACE_SHOWN, HEIDI_SHOWN)
    page.browser.wait_for_timeout(200)

    assert (shown, answers(FRANK), answers(HEIDI)) == ("manual", "yes", "manual")


def test_a_phone_that_rings_in_another_session_is_shown(
    page: Page, api: httpx.Client
) -> None:
    _create(api, ERIN, FRANK)
    other = _create(api, GRACE, HEIDI)
    _await_numbers(page, GRACE_SHOWN, HEIDI_SHOWN)
    page.browser.locator("#sessions button").nth(1).click()
    _await_numbers(page, ERIN_SHOWN, FRANK_SHOWN)
    call = {"from": GRACE, "to": other["virtual_number"], "answer": "manual"}

    api.post("/_sim/calls", json=call).raise_for_status()
    bar = page.browser.locator("#ringing")
    bar.wait_for()
    told = bar.inner_text()
    bar.locator("button", has_text="Show").click()

    _await_numbers(page, GRACE_SHOWN, HEIDI_SHOWN)
    page.second.shows("Incoming call")
    assert f"{HEIDI_SHOWN} is ringing in another session" in told
    page.second.press("decline")
    bar.wait_for(state="hidden")


def test_nothing_rings_unseen_on_a_phone_sized_screen(
    page: Page, api: httpx.Client
) -> None:
    page.browser.set_viewport_size(PHONE)
    _create(api, ERIN, FRANK)
    _await_numbers(page, ERIN_SHOWN, FRANK_SHOWN)
    bar = page.browser.locator("#ringing")

    page.first.press("call")
    bar.wait_for()
    told = bar.inner_text()
    title = page.browser.title()
    overflow = page.browser.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    bar.locator("button", has_text="Show").click()
    bar.wait_for(state="hidden")
    focused = page.browser.evaluate("document.activeElement.dataset.role")
    page.browser.evaluate("scrollTo(0, document.body.scrollHeight)")
    bar.wait_for()
    bar.locator("button", has_text="Answer").click()
    page.second.shows("Connected")

    assert f"Second party, {FRANK_SHOWN}, is ringing" in told
    assert title.startswith("Ringing")
    assert overflow <= 0
    assert focused == "second"
    bar.wait_for(state="hidden")
    page.until("!document.title.startsWith('Ringing')")


def test_requests_are_hidden_apart_from_callbacks(
    page: Page, api: httpx.Client
) -> None:
    session = _create(api, ERIN, FRANK)
    other = _create(api, GRACE, HEIDI)
    listed(api)
    api.get(f"{URL}{other['session_uuid']}/", auth=MAIN)
    api.get(f"{URL}{session['session_uuid']}/", auth=MAIN)
    create(api, first_party=ERIN, second_party=ERIN)
    api.post(f"/_sim/sessions/{other['session_uuid']}/replace-number")
    names = page.browser.locator("#timeline .name")
    page.wait_for_event(MOVED)

    def shown() -> list[str]:
        page.browser.wait_for_timeout(200)
        return sorted(names.all_inner_texts())

    at_first = shown()
    page.browser.check("#with-reads")
    with_reads = shown()
    page.browser.uncheck("#with-callbacks")
    page.browser.uncheck("#with-changes")
    reads = shown()

    assert at_first == sorted(["POST create", "POST create", MOVED])
    assert with_reads == sorted([*at_first, "GET get", "GET list"])
    assert reads == ["GET get", "GET list"]


def test_the_list_is_walked_by_arrows_and_searched_by_number(
    page: Page, api: httpx.Client
) -> None:
    for place in range(8):
        _create(api, f"+1202555016{place}", f"+1202555017{place}")
    lines = page.browser.locator("#sessions button")
    lines.nth(7).wait_for()
    stops = page.browser.evaluate(
        "[...document.querySelectorAll('#sessions button')]"
        ".filter((button) => button.tabIndex === 0).length"
    )

    lines.nth(0).focus()
    page.browser.keyboard.press("ArrowDown")
    page.browser.keyboard.press("Enter")
    _await_numbers(page, "+1 202 555 0166", "+1 202 555 0176")
    page.browser.get_by_label("Find a session").fill("0173")
    page.until("document.querySelectorAll('#sessions button').length === 1")

    assert stops == 1
    assert "+1 202 555 0173" in lines.nth(0).inner_text()
    page.browser.get_by_label("Find a session").fill("nobody")
    page.browser.locator("#sessions-more", has_text="None is found").wait_for()


@pytest.fixture(name="connected")
def _connected(chromium: Any) -> Iterator[Page]:
    """Open the page of a simulator that is connected to an app."""
    with (
        app_double() as url,
        running(speed=SPEED, app_address=AppAddress(url, "made-up-key")) as server,
    ):
        context = chromium.new_context(viewport={"width": 1440, "height": 1000})
        context.set_default_timeout(30_000)
        page = Page(context, server.origin)
        page.open()
        yield page
        context.close()


def test_recordings_are_shown_as_plivo_has_them_and_as_the_app_keeps_them(
    connected: Page,
) -> None:
    page = connected
    with httpx.Client(base_url=page.origin, trust_env=False) as api:
        url = f"{page.origin}/v1/plivo/sessions/{SESSION}/1/token/events"
        session = _create(api, ERIN, FRANK, callback_url=url, record=True)
        call = {"from": ERIN, "to": session["virtual_number"], "talk_seconds": 2}
        script = {"answer": True, "manual_caller": False}
        api.post("/_sim/calls", json=call | script).raise_for_status()

        page.browser.locator("#recordings-plivo audio").wait_for()
        page.browser.locator("#recordings-app audio").wait_for()
        for place in ("plivo", "app"):
            page.until(
                f"document.querySelector('#recordings-{place} audio').readyState >= 1"
            )
        shown = page.browser.locator("#recordings-app").inner_text()
        session_of(api, first_party=GRACE, second_party=HEIDI)
        page.browser.locator("#recordings-plivo audio").wait_for(state="detached")

    assert "wav, 0:02, 4 KiB" in shown
    assert "stored" in shown
    assert not page.browser.is_visible("#recordings-kept")


def test_what_the_app_refuses_is_named_at_each_field(connected: Page) -> None:
    page = connected

    page.browser.click("#create button[type=submit]")
    page.browser.locator("#flaw-of-session_expiry").wait_for()
    first = page.browser.locator("[name=first_party]")
    focused = page.browser.evaluate("document.activeElement.name")
    told = {
        name: page.browser.locator(f"#flaw-of-{name}").inner_text()
        for name in ("first_party", "session_expiry")
    }
    described = first.get_attribute("aria-describedby")
    invalid = first.get_attribute("aria-invalid")
    first.fill("+12025550139")

    assert told == {
        "first_party": "is no valid number in its country",
        "session_expiry": "must be at least 60",
    }
    assert focused in told
    assert (described, invalid) == ("flaw-of-first_party", "true")
    assert first.get_attribute("aria-invalid") is None
    assert page.browser.locator("#flaw-of-first_party").count() == 0
