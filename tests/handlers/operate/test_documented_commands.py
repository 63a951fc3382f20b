"""Every command that the documents, the Makefile and the help show runs."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator

import click
import pytest

from operate.cli import maskline
from operate.deployment import LOCAL
from operate.redrive import QUEUES
from stack.environments import ROOT
from tests.support.documents import documents
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.maskline import Command, command_on

DOCUMENTS = [name for name in documents() if name != "docs/decisions.md"]

# Targets of make that call the command.
TARGETS = {
    "audit": "",
    "console": "",
    "hold": "DO=set SESSION=0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f",
    "keys": "TENANT=acme",
    "numbers": "",
    "probe": "FIRST=+12025550100 SECOND=+12025550101",
    "ready": "",
    "redrive": "",
    "retain": "TENANT=acme DAYS=30",
    "smoke": "",
    "tenants": "TENANT=acme",
    "webhooks": "TENANT=acme",
}

PLACEHOLDERS = {"<id>": "0123456789ab", "<tenant>": "acme", "<stack>": "masks"}

IN_DOCUMENTS = re.compile(r"(?:^|`)(?:\.venv/bin/)?maskline ([^`\n#]+)", re.MULTILINE)
OF_MAKE = re.compile(r"(?:^|`)make ([^`\n#]+)", re.MULTILINE)


def documented() -> Iterator[str]:
    """Yield the arguments of each command that a document shows."""
    for name in DOCUMENTS:
        yield from IN_DOCUMENTS.findall((ROOT / name).read_text())


def made() -> Iterator[str]:
    """Yield the arguments of each call of make that leads to the command."""
    for name in DOCUMENTS:
        for call in OF_MAKE.findall((ROOT / name).read_text()):
            # A sentence may name a target alone.
            if call.split()[0] in TARGETS:
                yield call if "=" in call else f"{call} {TARGETS[call]}"
    for target, variables in TARGETS.items():
        yield f"{target} {variables}"
        as_json = "" if target == "console" else "JSON=1"
        yield f"{target} {variables} {as_json} STACK=masks"
    yield "audit REPAIR=1"
    yield "smoke FIRST=+12025550100 SECOND=+12025550101"
    yield "numbers ATTACH=1"
    yield from (f"redrive QUEUE={each}" for each in QUEUES)
    yield "keys DO=create TENANT=acme SCOPES=sessions:read DAYS=9"
    yield "keys DO=rotate TENANT=acme KEY=0123456789ab HOURS=2"
    yield "keys DO=revoke TENANT=acme KEY=0123456789ab"
    yield "tenants DO=set TENANT=acme SET='--live-sessions 20'"
    yield "tenants DO=recount TENANT=acme"
    yield "webhooks DO=rotate TENANT=acme"
    yield "webhooks DO=retire TENANT=acme"
    yield "retain TENANT=acme RECORDINGS=90"
    yield "retain TENANT=acme DAYS=30 RECORDINGS=90"
    yield "hold DO=lift SESSION=0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f"


def commands_under(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the name of each command, such as `keys list`."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands_under(command, (*path, name))
        else:
            yield " ".join((*path, name))


ALL = sorted(commands_under(maskline))


def find(name: str) -> click.Command:
    """Return the command of a name such as `keys list`."""
    found: click.Command = maskline
    for word in name.split():
        assert isinstance(found, click.Group)
        found = found.commands[word]
    return found


def example_of(name: str) -> str:
    """Return the example that the help of a command ends with."""
    told = re.search(r"Example:\n  maskline (.+)", find(name).epilog or "")
    assert told, name
    return told[1]


def dry_run(call: str) -> subprocess.CompletedProcess[str]:
    """Let make show what it would run."""
    make = shutil.which("make")
    assert make
    return subprocess.run(
        [make, "--no-print-directory", "--dry-run", *shlex.split(call)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def assert_runs(command: Command, line: str) -> None:
    """Run a command on the test's deployment; it may fail, and is there."""
    for placeholder, value in PLACEHOLDERS.items():
        line = line.replace(placeholder, value)
    words = shlex.split(line)
    for option in ("--stack", "--region", "--profile"):
        if option in words:
            at = words.index(option)
            del words[at : at + 2]
    ended = command.run(*words, MASKLINE_API_KEY="maskline_x")

    assert ended.status in (0, 1), (line, ended.err)
    assert ended.err.startswith("Error: ") or not ended.err, line


@pytest.fixture
def command(deployment: Deployment, aws: EmbeddedAws) -> Command:
    """Return the command for a deployment whose API nobody serves."""
    return command_on(deployment, aws, PublicBaseUrl="http://127.0.0.1:9")


@pytest.mark.usefixtures("plivo")
@pytest.mark.parametrize("line", sorted({*documented()}))
def test_a_command_in_the_documents_runs(command: Command, line: str) -> None:
    assert_runs(command, line)


@pytest.mark.usefixtures("plivo")
@pytest.mark.parametrize("call", sorted({*made()}))
def test_a_call_of_make_runs_a_command_that_is_there(
    command: Command, call: str
) -> None:
    shown = dry_run(call)

    assert shown.returncode == 0, shown.stderr
    [line] = re.findall(
        r"^\.venv/bin/maskline (.*)$", shown.stdout.replace("\\\n", " "), re.MULTILINE
    )
    assert_runs(command, line)
    stack = "masks" if "STACK=masks" in call else LOCAL
    assert line.startswith(f"--stack {stack} ")


@pytest.mark.usefixtures("plivo")
@pytest.mark.parametrize("name", ALL)
def test_the_example_of_a_command_runs_and_is_of_that_command(
    command: Command, name: str
) -> None:
    example = example_of(name)

    assert example.startswith(name)
    assert_runs(command, example)
    assert find(name).help


@pytest.mark.parametrize("name", ALL)
def test_every_command_stands_in_the_documents(name: str) -> None:
    assert any(line.startswith(name) for line in documented()), name


def test_help_shows_every_command_in_its_section(command: Command) -> None:
    told = command.run_bare("--help").out

    for name in maskline.commands:
        assert re.search(rf"^  {name} ", told, re.MULTILINE), name
    assert re.findall(r"^([A-Z][a-z ]+):$", told, re.MULTILINE)[1:] == [
        "Deployment",
        "Tenants",
        "Plivo",
        "Recordings and queues",
    ]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("keys", "name a tenant: make keys TENANT=acme"),
        ("keys DO=revoke TENANT=acme", "name a key by its id"),
        ("tenants", "name a tenant: make tenants TENANT=acme"),
        ("webhooks", "name a tenant: make webhooks TENANT=acme"),
        ("retain", "name a tenant: make retain TENANT=acme DAYS=30"),
        ("retain TENANT=acme", "say for how many days"),
        ("hold", "make hold DO=set SESSION=<uuid>"),
        ("hold DO=set", "name a session"),
        ("probe", "give FIRST"),
        ("probe FIRST=+12025550100", "give SECOND"),
    ],
)
def test_a_variable_that_make_lacks_is_named(call: str, told: str) -> None:
    done = dry_run(call)

    assert done.returncode == 2
    assert told in done.stderr
