"""Take the pictures of the page that the README files show.

    python -m tests.browser.pictures          # into docs/, from the simulator's folder
    python -m tests.browser.pictures FOLDER   # those and narrow ones, to look at

Needs Playwright and Chromium, as the tests of the page do.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import httpx
from playwright.sync_api import Browser, sync_playwright

from plivo_simulator.account import AUTH_ID, AUTH_TOKEN
from plivo_simulator.server import running

from ..masking_client import session_of
from .page import Page, Thread

DOCS = Path(__file__).parents[2] / "docs"
WIDE = {"width": 1280, "height": 860}
TALL = {"width": 1280, "height": 1300}
NARROW = {"width": 390, "height": 844}
PAIRS = (
    ("+12025550161", "+12025550162"),
    ("+12025550141", "+12025550142"),
    ("+12025550131", "+12025550132"),
)


def take(folder: Path, *, narrow: bool) -> list[Path]:
    """Take the pictures; return their paths."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise SystemExit("There is no Chromium here.")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        taken = []
        for theme in ("light", "dark"):
            taken.append(_talk(browser, theme, folder / f"phones-{theme}.png"))
            taken.append(_text(browser, theme, folder / f"texts-{theme}.png"))
            if narrow:
                taken.append(_ring(browser, theme, folder / f"narrow-{theme}.png"))
                full = folder / f"narrow-whole-{theme}.png"
                taken.append(_ring(browser, theme, full, whole=True))
        browser.close()
    return taken


def _talk(browser: Browser, theme: str, path: Path) -> Path:
    """Show three sessions of an app, and a call between the parties of one."""
    with running() as server:
        page = _open(browser, server.origin, theme, WIDE)
        _create_sessions(page)
        page.first.press("call")
        page.second.press("answer")
        page.first.has_talked(2)
        page.browser.screenshot(path=path)
        page.browser.context.close()
    return path


def _text(browser: Browser, theme: str, path: Path) -> Path:
    """Show two parties who text through a number, and a stranger who stops it."""
    with running() as server:
        page = _open(browser, server.origin, theme, TALL)
        _create_sessions(page)
        first, second, stranger = (
            Thread(page.browser, role) for role in ("first", "second", "stranger")
        )
        inbox = f"{server.origin}/_sim/inbox/app"
        with httpx.Client(base_url=server.origin, trust_env=False) as api:
            numbers = api.get("/_sim/numbers").json()["numbers"]
            for number in numbers[:3]:
                api.put(
                    f"/_sim/numbers/{number['number']}", json={"message_url": inbox}
                )
            for writer, reader, text in (
                (first, second, "I'm at the blue door. Is it this one?"),
                (second, first, "Yes! Ring twice, please."),
            ):
                writer.write(text, picture=writer is first)
                writer.shows("delivered 204")
                party = "+12025550132" if reader is second else "+12025550131"
                api.post(
                    f"/v1/Account/{AUTH_ID}/Message/",
                    json={"src": "+12025550180", "dst": party, "text": text},
                    auth=(AUTH_ID, AUTH_TOKEN),
                )
                reader.shows(text)
        stranger.write("STOP", to="+1 202 555 0181")
        stranger.shows("by Plivo itself")
        stranger.shows("delivered 204")
        # What arrives fades in.
        page.browser.wait_for_timeout(500)
        page.browser.locator("#phones").screenshot(path=path)
        page.browser.context.close()
    return path


def _ring(browser: Browser, theme: str, path: Path, *, whole: bool = False) -> Path:
    """Show a narrow screen on which a phone rings out of sight."""
    with running() as server:
        page = _open(browser, server.origin, theme, NARROW)
        _create_sessions(page)
        page.first.press("call")
        page.browser.locator("#ringing").wait_for()
        page.browser.wait_for_timeout(500)
        page.browser.screenshot(path=path, full_page=whole)
        page.browser.context.close()
    return path


def _open(browser: Browser, origin: str, theme: str, size: dict[str, int]) -> Page:
    context = browser.new_context(
        viewport={"width": size["width"], "height": size["height"]},
        color_scheme="dark" if theme == "dark" else "light",
    )
    page = Page(context, origin)
    page.open()
    return page


def _create_sessions(page: Page) -> None:
    inbox = f"{page.origin}/_sim/inbox/app"
    with httpx.Client(base_url=page.origin, trust_env=False) as api:
        for first, second in PAIRS:
            urls = {"callback_url": inbox, "recording_callback_url": inbox}
            session = session_of(
                api, first_party=first, second_party=second, record=True, **urls
            )
            if first == PAIRS[0][0]:
                api.delete(f"/_sim/sessions/{session['session_uuid']}")
    page.until(
        "document.querySelector('[data-role=first] .number').value"
        " === '+1 202 555 0131'"
    )


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS
    for picture in take(chosen, narrow=chosen != DOCS):
        print(picture)
