"""The stack serves openapi.yaml and its page, and nothing else there."""

from __future__ import annotations

import httpx
import pytest
import yaml

from tests.support.api_document import DOCUMENT


def test_the_stack_serves_page_and_file(api: httpx.Client) -> None:
    page, file = api.get("/docs"), api.get("/docs/openapi.yaml")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "POST</span><code>/v1/sessions</code>" in page.text
    assert yaml.safe_load(file.text) == DOCUMENT


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
