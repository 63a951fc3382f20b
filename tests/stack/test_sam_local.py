"""`make sam-invoke` and `make sam-api`: what they run, and what they say is missing.

The engine and SAM are programs that write down how they were called; README.md says how
the real ones are used, which needs a container engine.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stack.environments import ROOT
from stack.running import RunningStack, StackError
from stack.sam_local import sam_api, sam_invoke

SAYS_WHAT_IT_GOT = '#!/bin/sh\nprintf "%s\\n" "$@" > "$0.called"\n'


def _program(path: Path, script: str) -> Path:
    path.write_text(script)
    path.chmod(0o755)
    return path


@pytest.fixture(name="machine")
def _machine(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a machine with an engine that answers."""
    programs = tmp_path / "bin"
    programs.mkdir()
    _program(programs / "docker", "#!/bin/sh\nexit 0\n")
    return {"PATH": str(programs), "SAM_LOCAL_OPTIONS": "--skip-pull-image"}


@pytest.fixture(name="sam")
def _sam(tmp_path: Path) -> Path:
    return _program(tmp_path / "sam", SAYS_WHAT_IT_GOT)


@pytest.fixture(name="built")
def _built(tmp_path: Path) -> Path:
    (tmp_path / "build").mkdir()
    return Path(shutil.copy(ROOT / "template.yaml", tmp_path / "build"))


def _called(sam: Path) -> list[str]:
    return sam.with_name("sam.called").read_text().splitlines()


def _template(arguments: list[str]) -> dict[str, Any]:
    path = arguments[arguments.index("--template") + 1]
    template: dict[str, Any] = json.loads(Path(path).read_text())
    return template


def test_a_function_is_invoked_with_its_sample_and_the_stacks_settings(
    stack: RunningStack, machine: dict[str, str], sam: Path, built: Path
) -> None:
    status = sam_invoke(stack, "create_session", None, machine, sam=sam, built=built)

    arguments = _called(sam)
    assert status == 0
    assert arguments[:3] == ["local", "invoke", "CreateSessionFunction"]
    event = arguments[arguments.index("--event") + 1]
    assert Path(event) == ROOT / "events" / "create_session.json"
    assert arguments[-1] == "--skip-pull-image"
    function = _template(arguments)["Resources"]["CreateSessionFunction"]
    variables = function["Properties"]["Environment"]["Variables"]
    assert variables["TABLE_NAME"] == stack.outputs["TableName"]


def test_another_event_can_be_named(
    stack: RunningStack, machine: dict[str, str], sam: Path, built: Path
) -> None:
    bad = ROOT / "events" / "create_session.invalid.json"

    status = sam_invoke(stack, "create_session", bad, machine, sam=sam, built=built)

    assert status == 0
    assert str(bad) in _called(sam)


def test_the_api_is_served_with_an_authorizer_that_sam_local_knows(
    stack: RunningStack, machine: dict[str, str], sam: Path, built: Path
) -> None:
    status = sam_api(stack, machine, sam=sam, built=built)

    arguments = _called(sam)
    assert status == 0
    assert arguments[:2] == ["local", "start-api"]
    api = _template(arguments)["Resources"]["Api"]["Properties"]
    authorizer = api["Auth"]["Authorizers"]["KeyAuthorizer"]
    assert authorizer["FunctionArn"] == {"Fn::GetAtt": ["AuthorizeFunction", "Arn"]}


def test_what_sam_ends_with_is_what_make_ends_with(
    stack: RunningStack, machine: dict[str, str], tmp_path: Path, built: Path
) -> None:
    failing = _program(tmp_path / "failing", "#!/bin/sh\nexit 7\n")

    assert sam_api(stack, machine, sam=failing, built=built) == 7


@dataclass
class Machine:
    """What is there: the engine, SAM, and what was built."""

    docker: Path
    sam: Path
    built: Path


def _no_engine(machine: Machine) -> None:
    machine.docker.unlink()


def _no_daemon(machine: Machine) -> None:
    _program(machine.docker, "#!/bin/sh\nexit 1\n")


def _no_sam(machine: Machine) -> None:
    machine.sam.unlink()


def _no_build(machine: Machine) -> None:
    machine.built.unlink()


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (_no_engine, "no container engine here: install Docker or Finch.*make invoke"),
        (_no_daemon, "does not answer .docker info fails.: start it"),
        (_no_sam, "not installed here: make sam"),
        (_no_build, "Nothing is built yet: make build ARCHITECTURE="),
    ],
)
def test_what_is_missing_is_said_with_how_it_is_had(
    stack: RunningStack,
    machine: dict[str, str],
    sam: Path,
    built: Path,
    broken: Callable[[Machine], None],
    told: str,
) -> None:
    broken(Machine(Path(machine["PATH"]) / "docker", sam, built))

    with pytest.raises(StackError, match=told):
        sam_api(stack, machine, sam=sam, built=built)


def test_a_function_or_an_event_that_is_not_there_is_named(
    stack: RunningStack, machine: dict[str, str], sam: Path, built: Path
) -> None:
    nowhere = Path("nowhere.json")

    with pytest.raises(StackError, match="no function 'fly'; there are answer_call, "):
        sam_invoke(stack, "fly", None, machine, sam=sam, built=built)
    with pytest.raises(StackError, match=r"no event file nowhere\.json"):
        sam_invoke(stack, "get_health", nowhere, machine, sam=sam, built=built)
