"""Every command in a document is run, or says why not; what it names is there."""

from __future__ import annotations

import ast
import re

import pytest

from stack.environments import ROOT
from tests.support.documents import (
    ANSWERS,
    COMMANDS,
    HISTORY,
    OTHERS,
    Block,
    blocks,
    documents,
    prose_of,
    targets,
)

COMMAND_BLOCKS = [block for block in blocks() if block.language in COMMANDS]
OF_TODAY = [name for name in documents() if name not in HISTORY]

SPAN = re.compile(r"`([^`\n]+)`")
OF_MAKE = re.compile(r"\bmake ([a-z][a-z-]*)((?: [A-Z]+=[^\s`]*)*)")
MODULE = re.compile(r"python3? -m ([a-z_.]+)")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
PATH = re.compile(r"`((?:clients|docs|examples|stack|tests)/[\w./-]+)`")
OURS = ("stack", "docs", "proofs", "operate", "tests", "plivo_simulator")


def is_of_maskline(block: Block) -> bool:
    """Return whether a block has commands for operators alone.

    `tests/handlers/operate/test_documented_commands.py` runs each of them.
    """
    return all(
        re.match(r"(\.venv/bin/)?maskline |export MASKLINE_API_KEY=", line)
        for line in block.commands
    )


def has_test(told: str) -> bool:
    """Return whether a test, or a file of tests, is there."""
    name, _, function = told.partition("::")
    path = ROOT / name
    if not path.is_file() or not path.name.startswith("test_"):
        return False
    tree = ast.parse(path.read_text())
    defined = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    return not function or function in defined


def test_the_documents_are_found() -> None:
    assert {"README.md", "docs/operations.md", "stack/README.md"} <= set(documents())
    assert len(COMMAND_BLOCKS) > 15


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_a_block_is_in_a_language_that_is_known(block: Block) -> None:
    assert block.language in COMMANDS | ANSWERS | OTHERS


@pytest.mark.parametrize("block", COMMAND_BLOCKS, ids=str)
def test_a_command_is_run_or_says_why_not(block: Block) -> None:
    assert block.commands
    match block.mark:
        case "run":
            assert block.told is None
        case "run by":
            assert block.told
            for each in block.told.split(", "):
                assert has_test(each), each
        case "not run":
            assert block.told
            assert len(block.told.split()) > 2, "a reason is a sentence"
        case _:
            assert is_of_maskline(block), f"{block} has no mark"


@pytest.mark.parametrize("document", OF_TODAY)
def test_a_target_of_make_that_is_named_is_there_and_takes_what_it_is_given(
    document: str,
) -> None:
    makefile = (ROOT / "Makefile").read_text()
    spans = [each.replace("\n", " ") for each in SPAN.findall(prose_of(document))]
    texts = [*spans, *(b.text for b in COMMAND_BLOCKS if b.document == document)]

    for text in texts:
        for target, variables in OF_MAKE.findall(text):
            assert target in targets(), f"make {target}"
            for variable in re.findall(r"([A-Z]+)=", variables):
                assert re.search(rf"\$\({variable}\)|,\$\({variable}", makefile), (
                    variable
                )


@pytest.mark.parametrize("document", OF_TODAY)
def test_a_module_that_is_to_be_run_is_there(document: str) -> None:
    for module in MODULE.findall((ROOT / document).read_text()):
        if module.split(".")[0] in OURS:
            path = module.replace(".", "/")
            bases = (ROOT, (ROOT / document).parent, ROOT / "simulator" / "src")
            found = [
                place
                for base in bases
                for place in (base / f"{path}.py", base / path / "__main__.py")
                if place.is_file()
            ]
            assert found, module


@pytest.mark.parametrize("document", documents())
def test_a_link_leads_to_a_file(document: str) -> None:
    folder = (ROOT / document).parent
    for link in LINK.findall(prose_of(document)):
        if "://" not in link:
            assert (folder / link).exists(), link


@pytest.mark.parametrize("document", OF_TODAY)
def test_a_path_that_is_named_is_there(document: str) -> None:
    folder = (ROOT / document).parent
    for path in PATH.findall(prose_of(document)):
        assert (ROOT / path).exists() or (folder / path).exists(), path
