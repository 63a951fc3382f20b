"""The whole service on one machine: embedded AWS, the template on it, the simulator.

    with Stack(addresses, state_dir) as stack:
        stack.wait()

A state folder holds, for the time of a run, ``run/`` (certificates, functions' files,
``stack.json``), the logs of the last run, and, if the state is kept, ``kept/``.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Self

from local.addresses import HOST, Addresses
from local.aws.clients import LocalAws
from local.aws.deploy import STACK_NAME, deploy
from local.aws.http_api import import_http_api
from local.aws.seeds import API_KEY, plant
from local.children import Child, end_all
from local.environments import AWS, FUNCTIONS, HOME, LAYER, ROOT, TOOLS, interpreter

STATE_DIR = HOME / "state"

START_SECONDS = 60.0
POLL_SECONDS = 0.05
WATCH_SECONDS = 0.2

Report = Callable[[str], None]


class StackError(Exception):
    """The stack can't start or can't be found; the message is for the user."""


@dataclass(frozen=True)
class RunningStack:
    """What another process needs to use a stack that runs."""

    addresses: Addresses
    run_dir: Path
    outputs: Mapping[str, str]

    @property
    def aws(self) -> LocalAws:
        """Return the embedded AWS."""
        return LocalAws(self.addresses.aws_url, self.run_dir / "ca.pem")

    @property
    def api_key(self) -> str:
        """Return the key of the tenant `local`, which has every scope."""
        return API_KEY

    def function_names(self) -> dict[str, str]:
        """Return the deployed functions' names by their folder's name."""
        described = self.aws.client("cloudformation").describe_stack_resources(
            StackName=STACK_NAME
        )
        return {
            _folder(resource["LogicalResourceId"]): resource["PhysicalResourceId"]
            for resource in described["StackResources"]
            if resource["ResourceType"] == "AWS::Lambda::Function"
        }


def _folder(logical_id: str) -> str:
    words = logical_id.removesuffix("Function")
    return "".join(
        f"_{letter.lower()}" if letter.isupper() else letter for letter in words
    ).lstrip("_")


class Stack:
    """A stack of its own: three ports, a state folder and two child processes."""

    def __init__(
        self,
        addresses: Addresses,
        state_dir: Path = STATE_DIR,
        *,
        keep: bool = False,
        speed: float = 1.0,
        report: Report = lambda _: None,
    ) -> None:
        """Describe a stack; entering it as a context starts it.

        Args:
            addresses: Its three ports. Stacks with other ports and another folder
                don't disturb each other.
            state_dir: Folder that it may write to, made if missing.
            keep: Start from what an earlier run in this folder left, and leave it.
            speed: How many seconds of a call the simulator plays in one.
            report: Takes one line for each step of the start.
        """
        self.addresses = addresses
        self.state_dir = state_dir.resolve()
        self.run_dir = self.state_dir / "run"
        self._keep = keep
        self._speed = speed
        self._report = report
        self._children: list[Child] = []
        self._lock: IO[str] | None = None
        self._running: RunningStack | None = None

    @property
    def running(self) -> RunningStack:
        """Return what is needed to use the stack.

        Raises:
            StackError: It is not running.
        """
        if self._running is None:
            raise StackError("The stack is not running.")
        return self._running

    def __enter__(self) -> Self:
        """Start everything; if a step fails, end what had started.

        Raises:
            AddressError: A port is not free.
            ChildEndedError: A process ended while starting.
            DeployFailedError: The template did not deploy.
            StackError: A process was not ready in time, or the folder is in use.
        """
        self.addresses.check_free()
        try:
            self._prepare_folder()
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes and remove what was for this run only."""
        self.stop()

    def stop(self) -> None:
        """End the processes and remove what was for this run only."""
        end_all(self._children)
        self._children.clear()
        self._running = None
        if self._lock:
            shutil.rmtree(self.run_dir, ignore_errors=True)
            self._lock.close()
            self._lock = None

    def wait(self) -> None:
        """Return never; raise when a process of the stack ends.

        Raises:
            ChildEndedError: A process ended by itself.
        """
        while True:
            self.check()
            time.sleep(WATCH_SECONDS)

    def check(self) -> None:
        """Raise if a process of the stack has ended.

        Raises:
            ChildEndedError: One has.
        """
        for child in self._children:
            child.check()

    def _prepare_folder(self) -> None:
        self.state_dir.mkdir(parents=True, exist_ok=True)
        lock = (self.state_dir / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise StackError(
                f"A stack runs already with the folder {self.state_dir}; end it first."
            ) from None
        self._lock = lock
        shutil.rmtree(self.run_dir, ignore_errors=True)
        if not self._keep:
            shutil.rmtree(self.state_dir / "kept", ignore_errors=True)
        self.run_dir.mkdir()

    def _start(self) -> None:
        self._report("starting the simulator and the embedded AWS")
        self._children.append(self._start_simulator())
        self._children.append(self._start_aws())
        aws = LocalAws(self.addresses.aws_url, self.run_dir / "ca.pem")
        self._await("the simulator", self._simulator_answers)
        self._await("the embedded AWS", self._aws_answers)
        self._report("deploying template.yaml")
        outputs = deploy(aws, ROOT, LAYER, self._parameters())
        self._report("importing the HTTP API's routes and authorizers")
        api_id = import_http_api(aws, STACK_NAME)
        self._report("writing the carrier's credentials and an API key")
        plant(aws, outputs)
        # From here on the API's port serves it.
        (self.run_dir / "api-id").write_text(api_id)
        self.check()
        self._running = RunningStack(self.addresses, self.run_dir, outputs)
        _write(self._running)

    def _parameters(self) -> dict[str, str]:
        return {
            "Architecture": "x86_64",
            "PublicBaseUrl": self.addresses.api_url,
            "CarrierBaseUrl": self.addresses.plivo_url,
            "RecordingHosts": self.addresses.plivo_url,
            "WebhookTargets": "public-and-loopback",
        }

    def _start_simulator(self) -> Child:
        return Child(
            "the simulator",
            interpreter(TOOLS),
            "local.plivo",
            [
                *("--host", HOST, "--port", str(self.addresses.plivo_port)),
                *("--speed", str(self._speed)),
            ],
            _environ(),
            self.state_dir / "plivo.log",
        )

    def _start_aws(self) -> Child:
        options = [
            *("--aws-port", str(self.addresses.aws_port)),
            *("--api-port", str(self.addresses.api_port)),
            *("--run-dir", str(self.run_dir)),
            *("--function-python", str(interpreter(FUNCTIONS))),
        ]
        if self._keep:
            options += ["--keep-dir", str(self.state_dir / "kept")]
        return Child(
            "the embedded AWS",
            interpreter(AWS),
            "local.aws.server",
            options,
            _environ(),
            self.state_dir / "aws.log",
        )

    def _await(self, what: str, answers: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not answers():
            self.check()
            if time.monotonic() > deadline:
                raise StackError(
                    f"{what} did not answer within {START_SECONDS:.0f} s; "
                    f"see the logs in {self.state_dir}"
                )
            time.sleep(POLL_SECONDS)

    def _simulator_answers(self) -> bool:
        return _answers(f"{self.addresses.plivo_url}/_sim/health")

    def _aws_answers(self) -> bool:
        authority = self.run_dir / "ca.pem"
        return (
            # Its private key is the last file that is written.
            (self.run_dir / "server.key").exists()
            and _listens(self.addresses.aws_port)
            and _answers(f"{self.addresses.aws_url}/_ministack/ready", authority)
        )


def find_running(state_dir: Path = STATE_DIR) -> RunningStack | None:
    """Return the stack that runs with *state_dir*, or None."""
    description = state_dir / "run" / "stack.json"
    try:
        stored: dict[str, Any] = json.loads(description.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    running = RunningStack(
        Addresses(**stored["addresses"]), Path(stored["run_dir"]), stored["outputs"]
    )
    # Whoever wrote it may have been killed before it could clean up.
    authority = running.run_dir / "ca.pem"
    endpoint = f"{running.addresses.aws_url}/_ministack/ready"
    try:
        return running if _answers(endpoint, authority) else None
    except FileNotFoundError:
        return None


def _write(running: RunningStack) -> None:
    description = {
        "addresses": asdict(running.addresses),
        "run_dir": str(running.run_dir),
        "outputs": dict(running.outputs),
    }
    path = running.run_dir / "stack.json"
    path.write_text(json.dumps(description, indent=2))


def _environ() -> dict[str, str]:
    """Return a child's environment: of this machine's, only where programs are."""
    inherited = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    return inherited | {"LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
        return True
    return False


def _answers(url: str, authority: Path | None = None) -> bool:
    context = ssl.create_default_context(cafile=authority) if authority else None
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    with contextlib.suppress(OSError), opener.open(url, timeout=2) as response:
        return bool(response.status == 200)
    return False
