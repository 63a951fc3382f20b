"""Do what the runbook says of an alarm, once what rang it is mended.

A row of `docs/operations.md` names lines of a log to look at and commands to run. Both
are taken from the document itself: a line that nobody wrote, or a command that fails,
is a failure of the runbook.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from stack.aws.initial_data import TENANT
from stack.environments import ROOT
from stack.running import RunningStack, folder_of

DOCUMENT = ROOT / "docs" / "operations.md"

# The tenant whose key a stack on this machine has.
PLACEHOLDERS = {"<tenant>": TENANT}

# These end in 1 if they have found something to see to, as here: numbers without an
# application, a topic that nobody is subscribed to, sessions that were moved in time.
FINDERS = ("audit", "check", "numbers")
WRONG = re.compile(r"^wrong ", re.MULTILINE)

# What the runbook asks for and a stack on this machine can't do, and why.
NOT_HERE = {
    "CallbackFunctionThrottlesAlarm": "only AWS raises the concurrency of an account",
    "WriteFunctionThrottlesAlarm": "only AWS raises the concurrency of an account",
    "ReadFunctionThrottlesAlarm": "only AWS raises the concurrency of an account",
    "WorkFunctionThrottlesAlarm": "only AWS raises the concurrency of an account",
    "TableThrottledAlarm": "DynamoDB grows by itself; only AWS raises a quota",
    "AnswerRepeatedAlarm": "here no memory makes a function faster",
}

# The command, for the stack of a folder.
MASKLINE = """
import pathlib, sys
from operate.cli import maskline
from stack.running import find_running
folder, *words = sys.argv[1:]
sys.argv[1:] = ["--stack", "maskline-local", *words]
maskline(obj=lambda: find_running(pathlib.Path(folder)))
"""

# What a command may take, on a busy machine.
SECONDS = 120

# A quotation that is a line of a log: words in lower case, or a name that begins one.
_LINE = re.compile(r"`((?:[a-z]+|Plivo|AWS) [^`<>]+)`")
_COMMAND = re.compile(r"`maskline ([^`]+)`")
_FUNCTION = re.compile(r"`(\w+Function)`")


@dataclass(frozen=True)
class Entry:
    """What the runbook says of one alarm: where to look, and commands to run.

    Lines stand in the logs of *functions*, or in any log if there are none.
    """

    alarm: str
    lines: tuple[str, ...]
    functions: tuple[str, ...]
    commands: tuple[str, ...]


@cache
def entries() -> Mapping[str, Entry]:
    """Return what the runbook says of each alarm."""
    return {each.alarm: each for each in _rows(DOCUMENT.read_text())}


def _rows(document: str) -> Iterator[Entry]:
    for row in document.splitlines():
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        if re.fullmatch(r"`\w+Alarm`", cells[0]) and len(cells) == 4:
            alarm, _, look, do = cells
            commands = (*_COMMAND.findall(look), *_COMMAND.findall(do))
            lines = [n for n in _LINE.findall(look) if not n.startswith("maskline ")]
            yield Entry(
                alarm.strip("`"),
                tuple(lines),
                tuple(_FUNCTION.findall(look)),
                tuple(dict.fromkeys(commands)),
            )


def run(stack: RunningStack, command: str) -> str | None:
    """Run a command of the runbook; return what is wrong with how it ended."""
    for placeholder, value in PLACEHOLDERS.items():
        command = command.replace(placeholder, value)
    words = command.split()
    ended = subprocess.run(
        [sys.executable, "-c", MASKLINE, stack.run_dir.parent, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    is_fine = ended.returncode == 0 or (ended.returncode == 1 and words[0] in FINDERS)
    if is_fine and not ended.stderr and not WRONG.search(ended.stdout):
        return None
    said = f"{ended.stdout} {ended.stderr}".strip()[-300:]
    return f"maskline {command}: {ended.returncode} {said}"


def written(stack: RunningStack, entry: Entry) -> Counter[str]:
    """Return how often each line of an entry is in the logs that it names."""
    groups = stack.log_groups()
    folders = [folder_of(name) for name in entry.functions] or list(groups)
    found: Counter[str] = Counter()
    if entry.lines:
        for folder in folders:
            for text in _texts(stack, groups[folder]):
                found.update(line for line in entry.lines if f'"{line}' in text)
    return found


def parked(stack: RunningStack, commands: Iterable[str]) -> Iterator[str]:
    """Yield what is still parked in a queue that one of *commands* redrives."""
    for command in commands:
        if not command.startswith("redrive "):
            continue
        # Of `checks` they are in the queue of output `CheckDeadLettersUrl`.
        kind = command.removeprefix("redrive ").removesuffix("s").title()
        found = stack.aws.client("sqs").get_queue_attributes(
            QueueUrl=stack.outputs[f"{kind}DeadLettersUrl"],
            AttributeNames=["ApproximateNumberOfMessages"],
        )
        count = int(found["Attributes"]["ApproximateNumberOfMessages"])
        if count:
            yield f"{count} parked after maskline {command}"


def _texts(stack: RunningStack, group: str) -> Iterator[str]:
    request: dict[str, Any] = {"logGroupName": group}
    logs = stack.aws.client("logs")
    while True:
        answer = logs.filter_log_events(**request)
        for event in answer["events"]:
            yield event["message"]
        if not answer.get("nextToken"):
            return
        request["nextToken"] = answer["nextToken"]
