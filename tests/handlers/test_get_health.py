"""get_health: whether the API answers, and which version; nothing else."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from functions.get_health import app
from masking.core.errors import SettingMissingError
from masking.core.settings import settings
from stack.environments import ROOT
from tests.support.payloads import Context, read, sample


def ask(**changes: Any) -> dict[str, Any]:
    """Send the sample request, with *changes*."""
    return app.lambda_handler({**sample("get_health"), **changes}, Context())


def test_the_version_is_the_projects_and_stands_alone() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    answer = ask()

    assert answer["statusCode"] == 200
    assert read(answer) == {"version": project["version"]}
    assert answer["headers"] == {
        "content-type": "application/json",
        "cache-control": "no-store",
    }


def test_the_version_is_a_release_of_the_changelog() -> None:
    version = read(ask())["version"]

    assert f"\n## {version} " in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": {"authorization": "Bearer nobody"}},
        {"rawQueryString": "number=%2B12025550100"},
        {"body": "{", "isBase64Encoded": False},
    ],
    ids=["a key", "a query", "a body"],
)
def test_whatever_is_sent_along_makes_no_difference(changes: dict[str, Any]) -> None:
    assert ask(**changes)["body"] == ask()["body"]


def test_nothing_behind_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TABLE_NAME", "SIGNING_SECRET_ARN", "CARRIER_SECRET_ARN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingMissingError):
        assert settings().table_name

    assert ask()["statusCode"] == 200
