"""Nothing leaks: all is done with marked numbers, and all that came out is searched.

For any form of them: see `proofs.attack.marks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from plivo_simulator import account
from proofs.attack import evidence, marks
from proofs.attack.evidence import Piece
from proofs.attack.listener import listening
from proofs.attack.target import prepared
from proofs.attack.walk import Walk
from stack.addresses import free_addresses
from stack.running import RunningStack
from stack.stack import Stack

PARAMETERS = {"RecordingRetrySeconds": "13", "PinGuessingThreshold": "2"}


@dataclass(frozen=True)
class Walked:
    """A stack that was walked through, and all that came out of it."""

    stack: RunningStack
    secrets: list[str]
    tokens: list[str]
    pieces: list[Piece]


@pytest.fixture(name="walked", scope="module")
def _walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    folder = tmp_path_factory.mktemp("leaks")
    with (
        Stack(free_addresses(), folder, speed=20, parameters=PARAMETERS) as stack,
        listening("127.0.0.1") as app,
    ):
        target = prepared(stack.running)
        evidence.watch(stack.running)
        walk = Walk(target, app)
        walk.go()
        ledger = target.simulator("GET", "ledger")["requests"]
        pieces = [*walk.seen(), *evidence.gathered(stack.running, ledger)]
        tokens = [*walk.tokens, *target.keys.values(), account.AUTH_TOKEN]
        yield Walked(stack.running, walk.secrets, tokens, pieces)


def test_no_key_and_no_token_came_out(walked: Walked) -> None:
    found = [
        f"{piece.source}: {piece.text[:200]}"
        for piece in walked.pieces
        for token in walked.tokens
        if token in piece.text
    ]

    assert len(walked.tokens) > 8
    assert found == []


def test_every_function_has_run(walked: Walked) -> None:
    logged = {piece.source for piece in walked.pieces}

    ran = {name for name in walked.stack.function_names() if f"log of {name}" in logged}
    assert ran == walked.stack.function_names().keys()


def test_there_is_evidence_of_every_kind(walked: Walked) -> None:
    kinds = {re.split(" (?:of|to) ", piece.source)[0] for piece in walked.pieces}

    assert kinds >= {
        *("log", "webhook", "answer", "event on the bus", "alarm"),
        *("key in the table", "key in the bucket", "metadata in the bucket"),
        "URL requested",
    }
    assert [p for p in walked.pieces if "RecordingDeadLetters" in p.source]


def test_everybody_may_do_what_it_did(walked: Walked) -> None:
    denied = [
        piece
        for piece in walked.pieces
        if "AccessDenied" in piece.text or "not authorized to perform" in piece.text
    ]

    assert denied == []


def test_no_number_and_no_pin_came_out_in_any_form(walked: Walked) -> None:
    found = [
        found
        for piece in walked.pieces
        for found in marks.found_in(piece.source, piece.text, walked.secrets)
    ]

    lines = [f"{each.source}: {each.form}: {each.around}" for each in found]
    assert lines == [], "\n".join(lines)
