"""What the documents show is typed on a running stack, and answers as they say."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from stack.running import RunningStack
from tests.support.documents import ANSWERS, Block, blocks, blocks_of
from tests.support.typed_commands import Clone, Typed

DOCUMENTS = sorted({block.document for block in blocks() if block.mark == "run"})

# What differs from run to run, by its form.
VARIES = [
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "<time>"),
    (r"\b[0-9a-f]{64}\b", "<sha256>"),
    (r"\+1202555018\d|\+1202555019\d", "<virtual number>"),
    (r"(127\.0\.0\.1|localhost):\d+", "<address>"),
    (r"whsec_[A-Za-z0-9+/=]+", "<secret>"),
]


def form_of(text: str) -> str:
    """Return a text with what varies replaced by its kind."""
    for pattern, kind in VARIES:
        text = re.sub(pattern, kind, text)
    return text


def differences(shown: Any, seen: Any, path: str = "") -> list[str]:
    """List where an answer is not as it is shown; it may have more attributes."""
    if isinstance(shown, dict) and isinstance(seen, dict):
        missing = [f"{path}.{name} is not there" for name in shown.keys() - seen.keys()]
        return missing + [
            found
            for name in shown.keys() & seen.keys()
            for found in differences(shown[name], seen[name], f"{path}.{name}")
        ]
    if isinstance(shown, list) and isinstance(seen, list) and len(shown) == len(seen):
        return [
            found
            for place, (one, other) in enumerate(zip(shown, seen, strict=True))
            for found in differences(one, other, f"{path}[{place}]")
        ]
    if isinstance(shown, str) and isinstance(seen, str):
        same = form_of(shown) == form_of(seen)
    else:
        same = type(shown) is type(seen) and shown == seen
    return [] if same else [f"{path}: {shown!r} is shown, {seen!r} was answered"]


def answer_to(block: Block) -> Block | None:
    """Return the block that shows what a block of commands answers, if one does."""
    every = blocks_of(block.document)
    rest = every[every.index(block) + 1 :]
    return rest[0] if rest and rest[0].language in ANSWERS else None


def check(typed: Typed) -> None:
    """Compare what a block printed with what the document shows."""
    assert typed.status == 0, (str(typed.block), typed.out, typed.err)
    shown = answer_to(typed.block)
    if shown is None:
        return
    if shown.language == "json":
        seen = json.loads(typed.out)
        assert differences(json.loads(shown.text), seen) == [], str(shown)
    else:
        assert form_of(typed.out).split() == form_of(shown.text).split(), str(shown)


@pytest.mark.skipif(
    not shutil.which("curl"), reason="NOT TESTED: the documents. There is no curl."
)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_is_shown_runs_and_answers_so(
    document: str, stack: RunningStack, tmp_path: Path
) -> None:
    shown = [block for block in blocks_of(document) if block.mark == "run"]

    typed = Clone(tmp_path, stack).type(shown)

    for each in typed:
        check(each)
    assert [each.block for each in typed] == shown


@pytest.mark.parametrize(
    ("shown", "seen"),
    [
        ({"status": "active"}, {"status": "expired"}),
        ({"status": "active"}, {}),
        ({"duration": 3}, {"duration": 4}),
        (
            {"session_uuid": "0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f"},
            {"session_uuid": ""},
        ),
        ([1], [1, 2]),
        ({"record": True}, {"record": 1}),
    ],
)
def test_an_answer_that_is_another_is_noticed(shown: Any, seen: Any) -> None:
    assert differences(shown, seen)
