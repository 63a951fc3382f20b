"""The whole service on one machine: embedded AWS, the template on it, the simulator.

    with Stack(addresses, state_dir) as stack:
        stack.wait()

A state folder holds, for the time of a run, ``run/`` (certificates, functions' files,
``stack.json``), the logs of the last run, and, if the state is kept, ``kept/``.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Self

from stack.addresses import HOST, Addresses
from stack.aws.clients import LocalAws
from stack.aws.deploy import STACK_NAME, deploy
from stack.aws.http_api import import_http_api
from stack.aws.initial_data import API_KEY, write_initial_data
from stack.children import Child, end_all
from stack.environments import AWS, FUNCTIONS, LAYER, ROOT, TOOLS, interpreter
from stack.reference_page import write_pages
from stack.running import STATE_DIR, RunningStack, StackError, answers, describe

START_SECONDS = 60.0
POLL_SECONDS = 0.05
WATCH_SECONDS = 0.2

Report = Callable[[str], None]


class Stack:
    """A stack of its own: three ports, a state folder and two child processes."""

    def __init__(
        self,
        addresses: Addresses,
        state_dir: Path = STATE_DIR,
        *,
        keep: bool = False,
        speed: float = 1.0,
        parameters: Mapping[str, str] | None = None,
        root: Path = ROOT,
        name: str = STACK_NAME,
        beside: Stack | None = None,
        more_api_ports: Sequence[int] = (),
        report: Report = lambda _: None,
    ) -> None:
        """Describe a stack; entering it as a context starts it.

        Args:
            addresses: Its three ports. Stacks with other ports and another folder
                don't disturb each other.
            state_dir: Folder that it may write to, made if missing.
            keep: Start from what an earlier run in this folder left, and leave it.
            speed: How many seconds of a call the simulator plays in one.
            parameters: Values for parameters of the template, beside the addresses.
            root: Folder with the template and the code that it deploys.
            name: The CloudFormation stack's name.
            beside: A stack that runs, into whose embedded AWS this one is deployed; its
                port of AWS is that one's, its API's port is among that one's
                *more_api_ports*.
            more_api_ports: Ports for APIs of stacks that will be beside this one.
            report: Takes one line for each step of the start.
        """
        self.addresses = addresses
        self.state_dir = state_dir.resolve()
        self.run_dir = self.state_dir / "run"
        self._keep = keep
        self._speed = speed
        self._chosen = dict(parameters or {})
        self._root = root
        self._deployments = 0
        self._name = name
        self._beside = beside
        self._more_api_ports = more_api_ports
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

    @property
    def aws_pid(self) -> int:
        """Return the embedded AWS's process id, the parent of functions' processes.

        Raises:
            StackError: It is not running.
        """
        if self._beside:
            return self._beside.aws_pid
        if not self._children:
            raise StackError("The stack is not running.")
        return self._children[-1].pid

    def __enter__(self) -> Self:
        """Start everything; if a step fails, end what had started.

        Raises:
            AddressError: A port is not free.
            ChildEndedError: A process ended while starting.
            DeployFailedError: The template did not deploy.
            StackError: A process was not ready in time, or the folder is in use.
        """
        if self._beside is None:
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
        if self._keep:
            (self.state_dir / "kept").mkdir(exist_ok=True)

    def _start(self) -> None:
        self._report("starting the simulator and the embedded AWS")
        self._children.append(self._start_simulator())
        if self._beside:
            shutil.copy(self._beside.run_dir / "ca.pem", self.run_dir)
        else:
            self._children.append(self._start_aws())
            write_pages(ROOT / "openapi.yaml", self.run_dir / "docs", API_KEY)
        aws = LocalAws(self.addresses.aws_url, self.run_dir / "ca.pem")
        self._await("the simulator", self._simulator_answers)
        self._await("the embedded AWS", self._aws_answers)
        outputs, api_id = self._deploy(aws, self._root)
        self._report("writing the carrier's credentials and an API key")
        write_initial_data(aws, outputs)
        # From here on the API's port serves it.
        self._api_id_file.write_text(api_id)
        if self._keep:
            self._await("the first snapshot", (self.run_dir / "snapshot").exists)
        self.check()
        self._running = RunningStack(self.addresses, self.run_dir, outputs, self._name)
        describe(self._running)

    def upgrade(self, root: Path = ROOT) -> RunningStack:
        """Deploy the template and the code in *root* over what runs; return the result.

        Requests go on meanwhile, as on AWS.

        Raises:
            DeployFailedError: The template did not deploy.
            StackError: The stack is not running.
        """
        outputs, _ = self._deploy(self.running.aws, root)
        self._running = RunningStack(self.addresses, self.run_dir, outputs, self._name)
        describe(self._running)
        return self._running

    def _deploy(self, aws: LocalAws, root: Path) -> tuple[dict[str, str], str]:
        """Deploy; return the template's outputs and the API's id."""
        self._report("deploying template.yaml")
        # Those of a deployment before are in use.
        layers = self.run_dir / f"layers-{self._deployments}"
        self._deployments += 1
        parameters = self._parameters()
        outputs = deploy(aws, root, LAYER, layers, parameters, name=self._name)
        self._report("importing the HTTP API's routes and authorizers")
        return outputs, import_http_api(aws, self._name)

    @property
    def _api_id_file(self) -> Path:
        if self._beside:
            return self._beside.run_dir / f"api-id-{self.addresses.api_port}"
        return self.run_dir / "api-id"

    def _parameters(self) -> dict[str, str]:
        return {
            "Architecture": "x86_64",
            "PublicBaseUrl": self.addresses.api_url,
            "CarrierBaseUrl": self.addresses.plivo_url,
            "RecordingHosts": self.addresses.plivo_url,
            **self._chosen,
            "WebhookTargets": "public-and-loopback",
        }

    def _start_simulator(self) -> Child:
        kept = self.state_dir / "kept"
        state = ("--state", str(kept / "plivo.json")) if self._keep else ()
        return Child(
            "the simulator",
            interpreter(TOOLS),
            "plivo_simulator",
            [
                *("--host", HOST, "--port", str(self.addresses.plivo_port)),
                *("--speed", str(self._speed)),
                *("--app", self.addresses.api_url, "--app-key", API_KEY),
                *("--app-ca", str(self.run_dir / "ca.pem")),
                *state,
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
            *("--layer", str(LAYER)),
        ]
        if self._more_api_ports:
            options += ["--more-api-ports", *map(str, self._more_api_ports)]
        if self._keep:
            options += ["--keep-dir", str(self.state_dir / "kept" / "aws")]
        return Child(
            "the embedded AWS",
            interpreter(AWS),
            "stack.aws.server",
            options,
            _environ(),
            self.state_dir / "aws.log",
        )

    def _await(self, what: str, is_up: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not is_up():
            self.check()
            if time.monotonic() > deadline:
                raise StackError(
                    f"{what} did not answer within {START_SECONDS:.0f} s; "
                    f"see the logs in {self.state_dir}"
                )
            time.sleep(POLL_SECONDS)

    def _simulator_answers(self) -> bool:
        return answers(f"{self.addresses.plivo_url}/_sim/health")

    def _aws_answers(self) -> bool:
        authority = self.run_dir / "ca.pem"
        folder = self._beside.run_dir if self._beside else self.run_dir
        return (
            # Its private key is the last file that is written.
            (folder / "server.key").exists()
            and answers(f"{self.addresses.aws_url}/_ministack/ready", authority)
        )


def _environ() -> dict[str, str]:
    """Return a child's environment: of this machine's own, only PATH."""
    inherited = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    return inherited | {"LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
