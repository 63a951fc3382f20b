"""Read the documents: their blocks of code, and what a mark says of each.

A mark is an HTML comment on the line above a block, which a reader doesn't see:

    <!-- run -->                    a test types the block on a stack, as it is written
    <!-- run by: tests/x.py::t -->  another test does that, or more
    <!-- not run: a reason -->      nobody does, and why

The next block of JSON or text after one that is run is its answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from stack.environments import ROOT

# What was written of the past need not run today.
HISTORY = {"CHANGELOG.md", "docs/decisions.md"}

COMMANDS = {"", "bash", "sh"}
ANSWERS = {"json", "text"}
OTHERS = {"insights", "mermaid", "python", "ts", "yaml", "http", "xml"}

MARK = re.compile(r"<!-- (run by|run|not run)(?:: (.+?))? -->")
FENCE = re.compile(r"^( *)```(\w*) *$")
# Of a folder that belongs to others or was made.
FOREIGN = {".venv", ".local", ".aws-sam", "node_modules", ".git", ".pytest_cache"}


@dataclass(frozen=True)
class Block:
    """A block of code: where it stands, what it is, and its mark."""

    document: str
    line: int
    language: str
    text: str
    mark: str | None
    told: str | None

    def __str__(self) -> str:
        """Return where it stands, as the name of a test."""
        return f"{self.document}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """Return its commands, one a line: comments left out, continued lines whole."""
        whole = self.text.replace("\\\n", " ")
        lines = [line.strip() for line in whole.splitlines()]
        return [line for line in lines if line and not line.startswith("#")]


@cache
def documents() -> list[str]:
    """Return the names of all documents."""
    found = [path.relative_to(ROOT) for path in ROOT.rglob("*.md")]
    return sorted(str(path) for path in found if not FOREIGN & set(path.parts))


@cache
def blocks_of(document: str) -> list[Block]:
    """Return the blocks of a document."""
    return list(_blocks(document, (ROOT / document).read_text()))


def blocks() -> list[Block]:
    """Return the blocks of all documents that tell of today."""
    return [
        block
        for document in documents()
        if document not in HISTORY
        for block in blocks_of(document)
    ]


def _blocks(document: str, text: str) -> Iterator[Block]:
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        fence = FENCE.match(lines[at])
        if not fence:
            at += 1
            continue
        indent = len(fence[1])
        end = next(
            (n for n in range(at + 1, len(lines)) if lines[n].strip() == "```"),
            len(lines),
        )
        mark = MARK.fullmatch(lines[at - 1].strip()) if at else None
        yield Block(
            document,
            at + 1,
            fence[2],
            "\n".join(line[indent:] for line in lines[at + 1 : end]),
            mark[1] if mark else None,
            mark[2] if mark else None,
        )
        at = end + 1


def prose_of(document: str) -> str:
    """Return a document without its blocks of code."""
    text = (ROOT / document).read_text()
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)


def targets() -> set[str]:
    """Return the targets of the Makefile."""
    text = Path(ROOT / "Makefile").read_text()
    rules = re.findall(r"^([a-z][a-z -]*):(?!=)", text, re.MULTILINE)
    return {name for rule in rules for name in rule.split()}
