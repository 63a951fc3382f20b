"""Test that the package installs without a network and serves everything."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

PACKAGE = Path(__file__).parents[1]
SOURCE = PACKAGE / "src" / "plivo_simulator"
PROJECT = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]


@pytest.fixture(name="installed", scope="module")
def _installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--no-compile"]
    subprocess.run(
        [*pip, *offline, "--quiet", "--target", place, PACKAGE], check=True, timeout=120
    )
    return place


@pytest.fixture(name="origin", scope="module")
def _origin(installed: Path) -> Iterator[str]:
    command = [str(installed / "bin" / "plivo-simulator"), "--port", "0"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)}
    with subprocess.Popen(
        command, cwd=installed, env=environment, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            yield child.stdout.readline().split()[-1]
        finally:
            child.terminate()


def test_every_file_of_the_source_is_installed(installed: Path) -> None:
    def files(folder: Path) -> set[Path]:
        found = {path.relative_to(folder) for path in folder.rglob("*.*")}
        return {path for path in found if "__pycache__" not in path.parts}

    assert files(installed / "plivo_simulator") == files(SOURCE)


def test_the_installed_module_is_the_one_that_runs(installed: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", "import plivo_simulator as p; print(p.__file__)"],
        cwd=installed,
        env={"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )

    assert Path(shown.stdout.strip()).is_relative_to(installed)


def test_the_installed_command_serves_api_page_and_prompts(origin: str) -> None:
    assert httpx.get(f"{origin}/_sim/health").json()["status"] == "ok"
    assert "<title>" in httpx.get(f"{origin}/").text
    for path in ("/page/main.js", "/page/base.css", "/prompts/pin.wav"):
        assert httpx.get(f"{origin}{path}").status_code == 200


def test_every_import_is_declared_as_a_dependency() -> None:
    declared = {name.partition(">")[0] for name in PROJECT["dependencies"]}
    imported = {
        name.partition(".")[0]
        for path in SOURCE.rglob("*.py")
        if "examples" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported_by(node)
    }

    assert imported - sys.stdlib_module_names == declared


def _imported_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [node.module or ""]
    return [each.name for each in node.names] if isinstance(node, ast.Import) else []
