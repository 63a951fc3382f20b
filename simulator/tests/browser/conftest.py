"""Open the phones page in a real Chromium, or skip loudly where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from plivo_simulator.server import Running, running

from .page import SPEED, Page


@pytest.fixture(name="chromium", scope="module")
def _chromium() -> Iterator[Any]:
    playwright = pytest.importorskip(
        "playwright.sync_api",
        reason="playwright is not installed: the phones page was NOT tested",
    )
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no Chromium here: the phones page was NOT tested")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=path,
            # The sandbox needs rights that a container may lack.
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield browser
        browser.close()


@pytest.fixture(name="simulator", scope="module")
def _simulator() -> Iterator[Running]:
    with running(speed=SPEED) as server:
        yield server


@pytest.fixture(name="page")
def _page(chromium: Any, simulator: Running) -> Iterator[Page]:
    httpx.post(f"{simulator.origin}/_sim/reset").raise_for_status()
    context = chromium.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(30_000)
    page = Page(context, simulator.origin)
    page.open()
    yield page
    context.close()
    assert page.complaints == []
