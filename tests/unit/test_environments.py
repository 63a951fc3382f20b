"""Environments: made once, made anew when what they are made from changes."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from stack import environments
from stack.environments import Environment


@pytest.fixture(name="environment")
def _environment(tmp_path: Path) -> Environment:
    requirements = tmp_path / "local.txt"
    requirements.write_text("boto3==1.0\n")
    place = tmp_path / "venv"
    place.mkdir()
    return Environment(place, requirements)


def test_what_was_never_made_is_not_made(environment: Environment) -> None:
    assert not environment.is_made()


def test_a_stamp_of_the_same_recipe_means_made(environment: Environment) -> None:
    environment.stamp().write_text(environment.recipe())

    assert environment.is_made()


def test_other_requirements_mean_not_made(environment: Environment) -> None:
    environment.stamp().write_text(environment.recipe())
    assert environment.requirements

    environment.requirements.write_text("boto3==1.1\n")

    assert not environment.is_made()


def test_another_python_means_not_made(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.stamp().write_text(environment.recipe())

    monkeypatch.setattr(sys, "version", "3.99.0 (of the future)")

    assert not environment.is_made()


def test_a_moved_folder_means_not_made(
    environment: Environment, tmp_path: Path
) -> None:
    environment.stamp().write_text(environment.recipe())
    moved = Environment(tmp_path / "elsewhere", environment.requirements)

    shutil.move(environment.place, moved.place)

    assert not moved.is_made()


def test_a_python_that_is_too_old_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 13, "final", 0))
    monkeypatch.setattr(sys, "version", "3.10.13 (main)")

    status = environments.main(["tools"])

    assert status == 1
    assert "Maskline needs Python 3.11 or later" in capsys.readouterr().err


def test_an_unknown_name_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert environments.main(["lunch"]) == 2
    assert "usage:" in capsys.readouterr().err
