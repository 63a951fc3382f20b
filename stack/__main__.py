"""The commands of the stack: ``python -m stack run | demo | invoke | ...``."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from botocore.exceptions import BotoCoreError, ClientError

from stack import demo
from stack.addresses import AddressError, addresses_from
from stack.aws.deploy import STACK_NAME, DeployFailedError
from stack.aws.http_api import ImportFailedError
from stack.aws.initial_data import TENANT
from stack.aws.package import PackageError
from stack.bridge import DOCKER_BRIDGE, BridgeError, relay
from stack.children import ChildEndedError
from stack.environments import ROOT
from stack.invoke import InvokeError, invoke
from stack.running import STATE_DIR, RunningStack, StackError, find_running
from stack.sam_local import sam_api, sam_invoke
from stack.sam_template import write_sam_template
from stack.stack import Stack

# Failures that a sentence explains better than a traceback.
EXPLAINED = (
    AddressError,
    BridgeError,
    BotoCoreError,
    ChildEndedError,
    ClientError,
    DeployFailedError,
    ImportFailedError,
    InvokeError,
    PackageError,
    StackError,
)

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: list[str]) -> int:
    """Run one command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m stack")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start the stack and stay until Ctrl-C")
    demonstration = commands.add_parser("demo", help="walk the main job through it")
    demonstration.add_argument(
        "--json", action="store_true", help="print one JSON document"
    )
    invocation = commands.add_parser("invoke", help="invoke one deployed function")
    invocation.add_argument("function")
    invocation.add_argument("event_file", type=Path, nargs="?")
    commands.add_parser(
        "sam-template", help="point what sam build built at the running stack"
    )
    sam_invocation = commands.add_parser(
        "sam-invoke", help="invoke one function in a container of sam local"
    )
    sam_invocation.add_argument("function")
    sam_invocation.add_argument("event_file", type=Path, nargs="?")
    commands.add_parser("sam-api", help="serve the API from containers of sam local")
    bridge = commands.add_parser("bridge", help="let containers reach the stack")
    bridge.add_argument("address", nargs="?", default=DOCKER_BRIDGE)
    demonstration.add_argument(
        "--picture", type=Path, metavar="SVG", help="keep the timeline as a picture"
    )
    options = parser.parse_args(arguments)
    for number in _ENDING_SIGNALS:
        signal.signal(number, _end)
    try:
        match options.command:
            case "run":
                return run()
            case "demo":
                return demonstrate(as_json=options.json, picture=options.picture)
            case "sam-template":
                print(write_sam_template(running_stack()))
                return 0
            case "sam-invoke":
                function, event = options.function, options.event_file
                return sam_invoke(running_stack(), function, event, os.environ)
            case "sam-api":
                return sam_api(running_stack(), os.environ)
            case "bridge":
                return carry(options.address)
            case _:
                return invoke_and_print(options.function, options.event_file)
    except EXPLAINED as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run() -> int:
    """Start the stack, say how to use it and stay until it is told to end."""
    started = time.monotonic()
    with _new_stack(started) as stack:
        _introduce(stack.running)
        elapsed = time.monotonic() - started
        print(f"ready after {elapsed:.1f} s; Ctrl-C ends it", flush=True)
        try:
            stack.wait()
        except KeyboardInterrupt:
            print("\nending", flush=True)
    print("ended; nothing is left running", flush=True)
    return 0


def demonstrate(*, as_json: bool, picture: Path | None = None) -> int:
    """Play the demo on the running stack, or on one of its own."""
    running = find_running(STATE_DIR)
    if running:
        return demo.demonstrate(running, as_json=as_json, picture=picture)
    with _new_stack(time.monotonic(), quiet=as_json) as stack:
        return demo.demonstrate(stack.running, as_json=as_json, picture=picture)


def carry(bridge: str) -> int:
    """Relay the stack's ports from a container engine's bridge until Ctrl-C."""
    addresses = running_stack().addresses
    ports = (addresses.api_port, addresses.plivo_port)
    print(f"relaying ports {ports[0]} and {ports[1]} of {bridge}; Ctrl-C ends it")
    sys.stdout.flush()
    asyncio.run(relay(bridge, ports))
    return 0


def running_stack() -> RunningStack:
    """Return the running stack. Raises StackError if there is none."""
    running = find_running(STATE_DIR)
    if running is None:
        raise StackError("No stack is running; start one with: make run")
    return running


def invoke_and_print(function: str, event_file: Path | None) -> int:
    """Invoke *function* on the running stack; print its answer and its log."""
    invocation = invoke(running_stack(), function, event_file)
    print(json.dumps(invocation.answer, indent=2))
    if invocation.log:
        print(f"\n--- log\n{invocation.log}", file=sys.stderr)
    return 1 if invocation.failed else 0


def _new_stack(started: float, *, quiet: bool = False) -> Stack:
    def report(step: str) -> None:
        elapsed = time.monotonic() - started
        print(f"{elapsed:6.1f} s  {step}", file=sys.stderr if quiet else sys.stdout)
        sys.stdout.flush()

    keep = os.environ.get("MASKLINE_STATE", "")
    if keep not in {"", "keep"}:
        raise StackError(f"MASKLINE_STATE is {keep!r}; unset it, or set it to keep.")
    return Stack(addresses_from(os.environ), STATE_DIR, keep=bool(keep), report=report)


def _introduce(stack: RunningStack) -> None:
    addresses = stack.addresses
    authority = stack.run_dir / "ca.pem"
    if authority.is_relative_to(ROOT):
        authority = authority.relative_to(ROOT)
    print(
        f"""
  API           {addresses.api_url}      key: {stack.api_key}
  Its page      {addresses.api_url}/docs
  Webhooks      signed for the tenant {TENANT} with {stack.webhook_secret}
  Simulator     {addresses.plivo_url}
  Embedded AWS  {addresses.aws_url}     certificate authority: {authority}
  Commands      .venv/bin/maskline --stack {STACK_NAME}, or make (make help)

  Links to recordings lead to the embedded AWS: curl --cacert {authority}

  Try it:

    curl -s {addresses.api_url}/v1/sessions \\
      -H 'Authorization: Bearer {stack.api_key}' \\
      -H 'Content-Type: application/json' \\
      -d '{{"first_party": "+12025550100", "second_party": "+12025550101"}}'
"""
    )


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - its signature
    # Once is enough: what follows is the orderly end, which is bounded.
    for each in _ENDING_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
