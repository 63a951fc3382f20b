"""The pinned requirements: complete, hashed, of one piece, and without addresses."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from stack.environments import ROOT

LAYER = ROOT / "layers" / "dependencies" / "requirements.txt"
FILES = [LAYER, *sorted((ROOT / "requirements").glob("*.txt"))]

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

# Which lists of pyproject.toml each file pins.
SOURCES: dict[str, list[str | None]] = {
    "requirements.txt": [None],
    "local.txt": [None, "local"],
    "dev.txt": [None, "local", "dev"],
    "bench.txt": [None, "bench"],
    "aws.txt": ["aws"],
    "sam.txt": ["sam"],
    "scan.txt": ["scan"],
    "mutants.txt": ["mutants"],
    "page.txt": ["page"],
    "clients.txt": ["clients"],
    "pip.txt": ["pip"],
}


def _pins(path: Path) -> dict[str, Requirement]:
    lines = path.read_text().replace("\\\n", " ").splitlines()
    pinned = [
        Requirement(line.partition(" --hash")[0].strip())
        for line in lines
        if line and not line.lstrip().startswith("#")
    ]
    return {canonicalize_name(each.name): each for each in pinned}


def _version(pin: Requirement) -> Version:
    [specifier] = pin.specifier
    assert specifier.operator == "=="
    return Version(specifier.version)


def _asked(path: Path) -> list[Requirement]:
    groups = PROJECT["dependency-groups"]
    return [
        Requirement(line)
        for source in SOURCES[path.name]
        for line in (
            PROJECT["project"]["dependencies"] if source is None else groups[source]
        )
    ]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_what_pyproject_asks_for_is_pinned(path: Path) -> None:
    pins = _pins(path)

    for asked in _asked(path):
        pin = pins[canonicalize_name(asked.name)]
        assert asked.specifier.contains(_version(pin)), f"{asked} is not {pin}"


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_every_pin_has_a_hash(path: Path) -> None:
    lines = path.read_text().replace("\\\n", " ").splitlines()
    pins = [line for line in lines if line and not line.lstrip().startswith("#")]

    assert pins
    assert [line for line in pins if "--hash=sha256:" not in line] == []


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_no_file_names_where_packages_come_from(path: Path) -> None:
    text = path.read_text()

    assert re.findall(r"https?://|--index|--extra-index|--find-links|file:", text) == []


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_each_file_says_how_it_is_made(path: Path) -> None:
    assert "#    make requirements" in path.read_text().splitlines()[:3]


@pytest.mark.parametrize("name", ["local.txt", "dev.txt"])
def test_tests_see_the_versions_that_the_layer_has(name: str) -> None:
    pins = _pins(ROOT / "requirements" / name)

    for package, pin in _pins(LAYER).items():
        assert _version(pins[package]) == _version(pin)


def test_boto3_is_in_the_layer_because_plivo_brings_urllib3_2() -> None:
    pins = _pins(LAYER)

    assert _version(pins["urllib3"]) >= Version("2")
    assert {"boto3", "botocore"} <= pins.keys()
