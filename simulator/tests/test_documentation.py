"""Test that the README and docs describe this simulator, and that the examples run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from plivo_simulator.account import TOKENS
from plivo_simulator.control_routes import control_routes
from plivo_simulator.fault_catalogue import FAULTS
from plivo_simulator.switches import SWITCHES
from plivo_simulator.voice.element_table import element_table

PACKAGE = Path(__file__).parents[1]
README = (PACKAGE / "README.md").read_text()
CONTROL_API = (PACKAGE / "docs" / "control-api.md").read_text()
FAULT_TABLE = (PACKAGE / "docs" / "faults.md").read_text()
SWITCH_TABLE = (PACKAGE / "docs" / "switches.md").read_text()
VOICE_XML = (PACKAGE / "docs" / "voice-xml.md").read_text()
EXAMPLES = PACKAGE / "src" / "plivo_simulator" / "examples"
NODE_SDK = "plivo@4.79.0"
NPM_FLAGS = ("--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts")


def test_every_fault_is_documented_and_no_other() -> None:
    table = FAULT_TABLE.partition("| Fault |")[2]

    assert f"[{len(FAULTS)} faults]" in README
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(FAULTS)


def test_every_switch_is_documented_with_its_values() -> None:
    table = SWITCH_TABLE.partition("| Switch |")[2]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \|", table, re.MULTILINE)

    assert f"[{len(SWITCHES)} switches]" in README
    documented = {name: tuple(re.findall(r"`([\w-]+)`", text)) for name, text in rows}
    assert documented == {name: switch.values for name, switch in SWITCHES.items()}


def test_the_table_of_elements_is_the_one_that_documents_are_read_by() -> None:
    assert (
        VOICE_XML.partition("| Element |")[2]
        == (element_table().partition("| Element |")[2])
    )


def test_every_route_of_the_control_api_is_documented() -> None:
    for route in control_routes():
        path = route.path.replace(":path", "")
        method = min(route.methods - {"HEAD"})  # type: ignore[operator]
        named = f"`{method} {path}`" in CONTROL_API
        assert named or f"any method at `{path}`" in CONTROL_API


def test_the_credentials_in_the_readme_are_those_of_the_account() -> None:
    for account, token in TOKENS.items():
        assert f"`{account}`, token `{token}`" in README


def run_example(client: httpx.Client, *command: str, cwd: Path | None = None) -> str:
    """Run an example against the served simulator and return what it printed."""
    origin = str(client.base_url).rstrip("/")
    path = str(Path(command[0]).parent)
    done = subprocess.run(
        command,
        cwd=cwd,
        env={"PLIVO_SIMULATOR": origin, "PATH": f"{path}:/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


PRINTED = {
    "session": [
        "virtual number +12025550180",
        "call connected",
        "legs 2 cost 0.017",
        "Session expired",
    ],
    "calls": [
        "call fired",
        "hung up by API Request",
        "call transferred",
        "ended: End Of XML Instructions",
    ],
}


@pytest.mark.parametrize("example", PRINTED)
def test_the_python_examples_run(served: httpx.Client, example: str) -> None:
    printed = run_example(served, sys.executable, str(EXAMPLES / f"{example}.py"))

    assert printed.splitlines() == PRINTED[example]


def test_the_curl_example_runs(served: httpx.Client) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: its example was not run")

    printed = run_example(served, "/bin/sh", str(EXAMPLES / "session.sh"))

    assert printed.splitlines() == [
        "virtual number +12025550180",
        "call connected",
        "Session expired",
    ]


@pytest.fixture(name="node_folder", scope="module")
def _node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install Plivo's Node SDK into a folder, or skip what needs it."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node is not installed: its examples were not run")
    folder = tmp_path_factory.mktemp("node")
    install = subprocess.run(
        [npm, "install", *NPM_FLAGS, "--prefix", folder, NODE_SDK],
        capture_output=True,
        timeout=180,
        check=False,
    )
    if install.returncode != 0:
        pytest.skip(f"npm can not install {NODE_SDK}: the examples were not run")
    return folder


def run_node(client: httpx.Client, name: str, folder: Path) -> str:
    """Run an example in the folder that has the SDK; return what it printed."""
    node = shutil.which("node")
    assert node is not None
    example = shutil.copy(EXAMPLES / name, folder)
    return run_example(client, node, str(example), cwd=folder)


@pytest.mark.parametrize("example", PRINTED)
def test_the_node_examples_run(
    served: httpx.Client, node_folder: Path, example: str
) -> None:
    printed = run_node(served, f"{example}.cjs", node_folder)

    assert printed.splitlines() == PRINTED[example]


def test_the_example_of_messages_runs_in_node(
    served: httpx.Client, node_folder: Path
) -> None:
    printed = run_node(served, "message.cjs", node_folder)

    assert printed.splitlines() == [
        "message(s) queued",
        "delivered units 1 cost 0.00350",
        "listed true",
    ]


def test_the_example_of_messages_runs_in_python(served: httpx.Client) -> None:
    printed = run_example(served, sys.executable, str(EXAMPLES / "message.py"))

    assert printed.splitlines() == [
        "message(s) queued",
        "delivered units 1 cost 0.00350",
        "listed True",
    ]


def test_every_link_leads_to_a_file() -> None:
    for page in (PACKAGE / "README.md", *(PACKAGE / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), link
