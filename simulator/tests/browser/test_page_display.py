"""Test the phones page itself: controls, widths, themes, names, no other host."""

from __future__ import annotations

import httpx
import pytest

from .page import Page

_CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {
    willReadFrequently: true,
  });
  const light = (color) => {
    canvas.fillStyle = "#000";
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((byte) => {
      const part = byte / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(document.documentElement);
  const value = (name) => light(style.getPropertyValue(name));
  const pairs = [
    ["--ink", "--card"], ["--ink", "--paper"], ["--ink", "--sunk"],
    ["--soft", "--card"], ["--soft", "--paper"],
    ["--first", "--card"], ["--second", "--card"], ["--stranger", "--card"],
  ];
  return Object.fromEntries(pairs.map(([front, back]) => {
    const [a, b] = [value(front), value(back)].sort((x, y) => y - x);
    return [`${front} on ${back}`, (a + 0.05) / (b + 0.05)];
  }));
}"""


def test_switches_are_set_on_the_page(page: Page) -> None:
    with page.browser.expect_response("**/_sim/switches"):
        page.browser.select_option("[aria-label=sequence]", "per_call")

    chosen = httpx.get(f"{page.origin}/_sim/switches").json()["switches"]
    assert chosen["sequence"] == "per_call"


def test_faults_are_found_by_kind_and_by_name(page: Page) -> None:
    rows = page.browser.locator("#faults tr:visible")

    page.browser.click("#points button:has-text('recordings')")
    rows.locator("code", has_text="recording_late").wait_for()
    kinds = rows.locator("code").all_inner_texts()
    page.browser.fill("#find-fault", "retry-after")
    rows.locator("code", has_text="create_429_retry_after").wait_for()
    found = rows.locator("code").all_inner_texts()

    assert kinds
    assert all(kind.startswith("recording_") for kind in kinds)
    assert found
    assert all("429" in name for name in found)


def test_nothing_sticks_out_at_any_width(page: Page) -> None:
    page.create_session()
    for width in (360, 390, 620, 768, 1080, 1100, 1440, 1920):
        page.browser.set_viewport_size({"width": width, "height": 800})

        overflow = page.browser.evaluate(
            "document.documentElement.scrollWidth"
            " - document.documentElement.clientWidth"
        )

        assert overflow <= 0, width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_systems_theme_until_told(page: Page, scheme: str) -> None:
    page.browser.emulate_media(color_scheme=scheme)
    page.open()
    theme = page.browser.get_attribute("html", "data-theme")
    page.browser.click("#theme")
    page.open()

    assert theme == scheme
    assert page.browser.get_attribute("html", "data-theme") != scheme


def test_text_can_be_read_in_both_themes(page: Page) -> None:
    page.create_session()
    for _ in range(2):
        ratios = page.browser.evaluate(_CONTRASTS)
        assert min(ratios.values()) >= 4.5, ratios
        page.browser.click("#theme")


def test_the_page_asks_nobody_else_for_anything(page: Page) -> None:
    page.create_session("pin", "greet")
    page.first.press("call")
    page.first.shows("Listening")
    page.first.press("hangup")

    assert page.hosts == {page.origin.removeprefix("http://")}


def test_every_control_has_a_name(page: Page) -> None:
    body = {"first_party": "+12025550131", "second_party": "+12025550132"}
    for _ in range(8):
        httpx.post(f"{page.origin}/_sim/sessions", json=body).raise_for_status()
    page.browser.locator("#sessions button").nth(7).wait_for()

    nameless = page.browser.evaluate(
        """[...document.querySelectorAll("button, input, select, audio")]
           .filter((e) => e.offsetParent !== null)
           .filter((e) => !(e.textContent.trim() || e.labels?.length
             || e.getAttribute("aria-label") || e.tagName === "AUDIO"))
           .map((e) => e.outerHTML)"""
    )

    assert nameless == []
