"""Nobody gets in and nothing leaks: a small attack, and a search of all that came out.

The service is used with marked numbers first; for the forms that are searched for see
`proofs.attack.pii_scan`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from plivo_simulator import account
from proofs.attack import evidence, pii_scan
from proofs.attack.evidence import Piece
from proofs.attack.run import Attack
from proofs.attack.target import prepared
from proofs.attack.traversal import Traversal
from proofs.http_listener import HttpListener, by_path
from stack.addresses import free_addresses
from stack.running import RunningStack
from stack.stack import Stack

PARAMETERS = {"RecordingRetrySeconds": "13", "PinGuessingThreshold": "2"}

GENERATED = 60
MOST_OF_A_KIND = 60

KINDS = {
    *("keys", "scopes", "tenants", "ids", "queries", "headers"),
    *("bodies", "signatures", "generated"),
}


@dataclass(frozen=True)
class Used:
    """A stack of which everything was used, and all that came out of it."""

    stack: RunningStack
    secrets: list[str]
    tokens: list[str]
    pieces: list[Piece]


@pytest.fixture(name="used", scope="module")
def _used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Used]:
    folder = tmp_path_factory.mktemp("attack")
    with (
        Stack(free_addresses(), folder, speed=20, parameters=PARAMETERS) as stack,
        HttpListener(by_path) as app,
    ):
        target = prepared(stack.running)
        evidence.watch(stack.running)
        traversal = Traversal(target, app)
        traversal.run()
        ledger = target.simulator("GET", "ledger")["requests"]
        pieces = [*traversal.seen(), *evidence.gathered(stack.running, ledger)]
        tokens = [*traversal.tokens, *target.keys.values(), account.AUTH_TOKEN]
        yield Used(stack.running, traversal.secrets, tokens, pieces)


def test_no_key_and_no_token_came_out(used: Used) -> None:
    found = [
        f"{piece.source}: {piece.text[:200]}"
        for piece in used.pieces
        for token in used.tokens
        if token in piece.text
    ]

    assert len(used.tokens) > 8
    assert found == []


def test_every_function_has_run(used: Used) -> None:
    logged = {piece.source for piece in used.pieces}

    ran = {name for name in used.stack.function_names() if f"log of {name}" in logged}
    assert ran == used.stack.function_names().keys()


def test_there_is_evidence_of_every_kind(used: Used) -> None:
    kinds = {re.split(" (?:of|to) ", piece.source)[0] for piece in used.pieces}

    assert kinds >= {
        *("log", "webhook", "answer", "event on the bus", "alarm"),
        *("key in the table", "key in the bucket", "metadata in the bucket"),
        "URL requested",
    }
    assert [p for p in used.pieces if "RecordingDeadLetters" in p.source]


def test_everybody_may_do_what_it_did(used: Used) -> None:
    denied = [
        piece
        for piece in used.pieces
        if "AccessDenied" in piece.text or "not authorized to perform" in piece.text
    ]

    assert denied == []


def test_no_number_and_no_pin_came_out_in_any_form(used: Used) -> None:
    found = [
        found
        for piece in used.pieces
        for found in pii_scan.found_in(piece.source, piece.text, used.secrets)
    ]

    lines = [f"{each.source}: {each.form}: {each.around}" for each in found]
    assert lines == [], "\n".join(lines)


def test_nobody_gets_in_and_nothing_leaks(used: Used) -> None:
    """Attack what is warm from being used."""
    report = Attack(
        used.stack, generated=GENERATED, most_of_a_kind=MOST_OF_A_KIND, least=500
    ).run()

    assert report.failures == {}, "\n".join(report.lines())
    assert report.tables["requests"].keys() >= KINDS
