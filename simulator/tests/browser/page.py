"""Drive the phones page as a person does: phones, a form, timelines."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import urlsplit

# The simulator's seconds in one of ours.
SPEED = 2.0

# Remember what is played, since a headless browser has no ears, and what each phone has
# shown, since a machine that is busy may look only when it has passed by.
_REMEMBER = """
  window.played = [];
  window.shown = {};
  new MutationObserver(() => {
    for (const phone of document.querySelectorAll(".phone[data-role]")) {
      const states = (window.shown[phone.dataset.role] ??= []);
      const state = phone.querySelector(".state").textContent;
      if (state !== states.at(-1)) states.push(state);
    }
  }).observe(document, { childList: true, characterData: true, subtree: true });
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    window.played.push(new URL(this.src).pathname);
    return play.call(this);
  };
"""


class Phone:
    """One of the three phones."""

    def __init__(self, page: Any, role: str) -> None:
        self.page = page
        self.role = role
        self.element = page.locator(f".phone[data-role={role}]")
        self._seen = 0

    def press(self, deed: str) -> None:
        """Press Call, Answer, Decline or Hang up."""
        self.element.locator(f"[data-do={deed}]").click()

    def type(self, keys: str) -> None:
        """Press keys of the keypad, without a pause that would end the entry."""
        self.element.evaluate(
            """(phone, keys) => {
              for (const key of keys)
                phone.querySelector(`[data-key="${key}"]`).click();
            }""",
            keys,
        )

    def shows(self, state: str, seconds: float = 30) -> None:
        """Wait until the screen shows *state* or has shown it since the last look."""
        deadline = time.monotonic() + seconds
        while True:
            shown: list[str] = self.page.evaluate(
                "(role) => window.shown[role] ?? []", self.role
            )
            for place in range(self._seen, len(shown)):
                if state in shown[place]:
                    self._seen = place
                    return
            assert time.monotonic() < deadline, f"{state!r} never came: {shown}"
            self.page.wait_for_timeout(50)

    def forget(self) -> None:
        """Skip the screens that the phone has shown so far."""
        self._seen = 0

    def has_talked(self, seconds: int) -> None:
        """Wait until the talk timer shows *seconds* or more, up to 59."""
        late_enough = "|".join(f"{n:02d}" for n in range(seconds, 60))
        timer = self.element.locator(
            ".timer", has_text=re.compile(f"0:({late_enough})")
        )
        timer.wait_for()

    @property
    def far(self) -> str:
        """Return the number on the screen."""
        text: str = self.element.locator(".far").inner_text()
        return text

    @property
    def text(self) -> str:
        """Return everything on the phone's screen."""
        text: str = self.element.locator(".screen").inner_text()
        return text


class Thread:
    """The texts of one of the three phones."""

    def __init__(self, page: Any, role: str) -> None:
        self.element = page.locator(f".thread[data-role={role}]")

    def write(self, text: str, *, to: str = "", picture: bool = False) -> None:
        """Send a text: to the number in the field, unless *to* another."""
        if to:
            self.element.locator(".to").fill(to)
        if picture:
            self.element.locator(".picture").click()
        self.element.locator(".text").fill(text)
        self.element.locator(".send").click()

    def shows(self, text: str) -> Any:
        """Return the item with *text*, once it is there."""
        item = self.element.locator("li", has_text=text)
        item.wait_for()
        return item

    @property
    def to(self) -> str:
        """Return the number that it writes to."""
        number: str = self.element.locator(".to").input_value()
        return number

    @property
    def texts(self) -> list[tuple[str, str]]:
        """Return the direction and the text of each item, oldest first."""
        found: list[list[str]] = self.element.locator("li").evaluate_all(
            """(items) => items.map((item) =>
              [item.dataset.direction, item.querySelector(".said").textContent])"""
        )
        return [(direction, text) for direction, text in found]


class Page:
    """The page in a browser."""

    def __init__(self, context: Any, origin: str) -> None:
        context.add_init_script(_REMEMBER)
        self.origin = origin
        self.browser = context.new_page()
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.browser.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.browser.on("console", self._hear)
        self.browser.on(
            "request", lambda request: self.hosts.add(urlsplit(request.url).netloc)
        )
        self.first = Phone(self.browser, "first")
        self.second = Phone(self.browser, "second")
        self.stranger = Phone(self.browser, "stranger")

    def open(self) -> None:
        """Load the page and wait until it is live."""
        self.browser.goto(self.origin)
        for phone in (self.first, self.second, self.stranger):
            phone.forget()
        self.browser.wait_for_selector("#link[data-state=live]")

    def create_session(self, *checks: str) -> str:
        """Create a session with these boxes ticked; return its virtual number."""
        for name in checks:
            self.browser.check(f"[name={name}]")
        self.browser.click("#create button[type=submit]")
        output = self.browser.locator(".session-top output")
        output.wait_for()
        number: str = output.inner_text()
        return number

    def events(self, timeline: str = "timeline") -> list[str]:
        """Return the names on a timeline, oldest first."""
        names: list[str] = self.browser.locator(
            f"#{timeline} li:not([data-channel=request]) .name"
        ).all_inner_texts()
        return names[::-1]

    def wait_for_event(self, name: str, timeline: str = "timeline") -> Any:
        """Return the newest line about *name*, once it is there."""
        line = self.browser.locator(f"#{timeline} li", has_text=name).first
        line.wait_for()
        return line

    def until(self, expression: str, seconds: float = 30) -> None:
        """Wait until a JavaScript expression is true; the page itself forbids eval."""
        deadline = time.monotonic() + seconds
        while not self.browser.evaluate(expression):
            assert time.monotonic() < deadline, f"never true: {expression}"
            self.browser.wait_for_timeout(50)

    @property
    def played(self) -> list[str]:
        """Return the paths of what was played so far."""
        paths: list[str] = self.browser.evaluate("window.played")
        return paths

    def _hear(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(message.text)
