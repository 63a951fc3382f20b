"""The stack serves openapi.yaml and a page of it, with nothing from elsewhere."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from stack.running import RunningStack
from stack.yaml_files import SafeLoader
from tests.support.api_document import DOCUMENT, OPERATIONS


def test_the_stack_serves_page_and_file(api: httpx.Client) -> None:
    page, file = api.get("/docs"), api.get("/docs/openapi.yaml")
    script = api.get("/docs/scalar.js")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Content-Security-Policy" in page.text
    assert yaml.load(file.text, SafeLoader) == DOCUMENT  # noqa: S506
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert len(script.content) > 1_000_000


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/docs/nothing.html", 404),
        ("GET", "/docs/../api-id", 404),
        ("GET", "/docs/..%2Fapi-id", 404),
        ("GET", "/docs/stack.json", 404),
        ("POST", "/docs", 405),
    ],
)
def test_nothing_else_is_served_there(
    api: httpx.Client, method: str, path: str, status: int
) -> None:
    assert api.request(method, path).status_code == status


# In a browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Start Debian's Chromium, or skip loudly where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no Chromium here: the page at /docs was NOT tested")
    with playwright.sync_playwright() as driver:
        # The sandbox needs rights that a container may lack.
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def reference(chromium: Any, stack: RunningStack) -> Iterator[Any]:
    """Open the page, and hold that it asks nobody but the stack."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(30_000)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{stack.addresses.api_url}/docs")
    page.get_by_role("heading", name="Maskline", exact=True).wait_for()
    yield page
    context.close()
    own = (stack.addresses.api_url, "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []


def test_the_page_has_every_route_in_its_sidebar(reference: Any) -> None:
    for tag in DOCUMENT["tags"]:
        group = reference.get_by_role("button", name=tag["x-displayName"]).first
        group.wait_for()
    sidebar = reference.locator("aside").first

    assert OPERATIONS["create_session"]["summary"] in sidebar.inner_text()


def test_the_page_can_be_searched(reference: Any) -> None:
    reference.get_by_role("button", name="Search").first.click()
    dialog = reference.get_by_role("dialog")
    dialog.get_by_role("combobox").fill("replay")

    dialog.get_by_text(OPERATIONS["replay_delivery"]["summary"]).first.wait_for()


def test_try_it_creates_a_session_with_the_local_key(
    reference: Any, api: httpx.Client
) -> None:
    reference.get_by_role("button", name="Test Request", exact=False).first.click()
    dialog = reference.get_by_role("dialog")
    # The page sends the document's example of a key, which others may have sent before.
    new_key = {"idempotency-key": str(uuid.uuid4())}
    reference.route(
        "**/v1/sessions",
        lambda route: route.continue_(headers={**route.request.headers, **new_key}),
    )
    with reference.expect_response("**/v1/sessions") as answered:
        dialog.get_by_role("button", name="Send").first.click()

    response = answered.value
    assert response.request.method == "POST"
    assert response.status == 201, response.text()
    session_uuid = response.json()["session_uuid"]
    api.delete(f"/v1/sessions/{session_uuid}").raise_for_status()
