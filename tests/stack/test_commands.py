"""The commands as a person types them, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from stack.addresses import HOST, Addresses
from stack.running import find_running
from tests.support.terminal import Terminal
from tests.support.waiting import is_running, wait_for


@pytest.fixture(name="terminal")
def _terminal(tmp_path: Path) -> Iterator[Terminal]:
    with Terminal(tmp_path) as terminal:
        yield terminal


def _are_free(addresses: Addresses) -> bool:
    for port in addresses.by_variable().values():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_run_gets_ready_and_leaves_nothing(
    terminal: Terminal, ending: signal.Signals
) -> None:
    process = terminal.run_until_ready()
    output = terminal.output()
    children = terminal.children()
    running = find_running(terminal.folder)
    assert running
    secret = running.webhook_secret
    answer = httpx.get(f"{terminal.addresses.api_url}/v1/x", trust_env=False)

    process.send_signal(ending)
    status = process.wait(timeout=30)

    assert answer.status_code == 404
    assert len(children) == 2
    assert f"{terminal.addresses.api_url}      key: local-dev-key" in output
    assert f"curl -s {terminal.addresses.api_url}/v1/sessions" in output
    assert f"  signed for the tenant local with {secret}\n" in output
    assert "--stack maskline-local" in output
    assert status == 0
    assert terminal.output().endswith("ended; nothing is left running\n")
    assert not any(is_running(pid) for pid in children.values())
    assert _are_free(terminal.addresses)
    left = sorted(path.name for path in terminal.folder.iterdir())
    assert left == ["aws.log", "lock", "plivo.log"]


def test_the_curl_that_run_prints_creates_a_session(terminal: Terminal) -> None:
    terminal.run_until_ready()
    lines = terminal.output().splitlines()
    first = next(i for i, line in enumerate(lines) if "curl -s" in line)
    command = "\n".join(lines[first : first + 4])

    done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, text=True)

    assert json.loads(done.stdout)["session"]["status"] == "active"


def test_an_end_while_starting_leaves_nothing(terminal: Terminal) -> None:
    process = terminal.start("run")
    children = wait_for(lambda: terminal.children() or None)

    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=30) == 130
    assert not any(is_running(pid) for pid in children.values())
    assert _are_free(terminal.addresses)


@pytest.mark.parametrize(
    ("module", "what"),
    [("plivo_simulator", "the simulator"), ("stack.aws.server", "the embedded AWS")],
)
def test_a_child_that_dies_ends_the_run_with_a_sentence(
    terminal: Terminal, module: str, what: str
) -> None:
    process = terminal.run_until_ready()
    children = terminal.children()

    os.kill(children[module], signal.SIGKILL)

    assert process.wait(timeout=30) == 1
    assert (
        f"{what} (pid {children[module]}) ended with exit status -9; its log: "
        in terminal.output()
    )
    assert not any(is_running(pid) for pid in children.values())
    assert _are_free(terminal.addresses)


def test_killing_run_itself_ends_its_children(terminal: Terminal) -> None:
    process = terminal.run_until_ready()
    children = terminal.children()

    process.kill()
    process.wait()

    wait_for(lambda: not any(is_running(pid) for pid in children.values()))
    wait_for(lambda: _are_free(terminal.addresses))


@pytest.mark.parametrize(
    ("variable", "what"),
    [
        ("MASKLINE_API_PORT", "API"),
        ("MASKLINE_PLIVO_PORT", "simulator"),
        ("MASKLINE_AWS_PORT", "embedded AWS"),
    ],
)
def test_a_taken_port_is_one_sentence(
    terminal: Terminal, variable: str, what: str
) -> None:
    port = terminal.addresses.by_variable()[variable]
    with socket.create_server((HOST, port)):
        done = terminal.run("run")

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"Port {port} for the {what} is not free (Address already in use); "
        f"end what uses it or set {variable} to another port.\n"
    )


def test_a_port_that_is_none_is_one_sentence(terminal: Terminal) -> None:
    terminal.environ["MASKLINE_AWS_PORT"] = "https"

    done = terminal.run("run")

    assert done.returncode == 1
    assert done.stderr == (
        "MASKLINE_AWS_PORT is 'https'; it must be a port, 1 to 65535.\n"
    )


def test_an_unknown_way_of_keeping_state_is_one_sentence(terminal: Terminal) -> None:
    terminal.environ["MASKLINE_STATE"] = "forever"

    done = terminal.run("run")

    assert done.returncode == 1
    assert done.stderr == (
        "MASKLINE_STATE is 'forever'; unset it, or set it to keep.\n"
    )


def test_invoke_without_a_stack_is_one_sentence(terminal: Terminal) -> None:
    done = terminal.run("invoke", "create_session")

    assert done.returncode == 1
    assert done.stderr == "No stack is running; start one with: make run\n"


def test_invoke_prints_the_answer_and_fails_as_the_function_does(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal.run_until_ready()
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"headers": {"authorization": "Bearer nobody"}}))

    refused = terminal.run("invoke", "authorize", str(event))
    event.write_text("[]")
    failed = terminal.run("invoke", "authorize", str(event))
    unknown = terminal.run("invoke", "fly")

    assert refused.returncode == 0
    assert json.loads(refused.stdout)["isAuthorized"] is False
    assert "--- log" in refused.stderr
    assert failed.returncode == 1
    assert "errorMessage" in json.loads(failed.stdout)
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("There is no function 'fly'; deployed are ")
