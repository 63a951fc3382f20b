"""The attack in small, and what its table counts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proofs.attack.course import Attack, Verdict
from proofs.attack.shots import Shot
from proofs.attack.target import Answer
from stack.addresses import free_addresses
from stack.aws.entry import BODY_LIMIT_BYTES
from stack.running import RunningStack
from stack.stack import Stack

MADE_UP = 60
MOST_OF_A_KIND = 60

KINDS = {
    *("keys", "scopes", "tenants", "ids", "queries", "headers"),
    *("bodies", "signatures", "made up"),
}


@pytest.fixture(name="stack", scope="module")
def _stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with Stack(free_addresses(), tmp_path_factory.mktemp("attack")) as stack:
        yield stack.running


def test_nobody_gets_in_and_nothing_leaks(stack: RunningStack) -> None:
    verdict = Attack(
        stack, made_up=MADE_UP, most_of_a_kind=MOST_OF_A_KIND, least=500
    ).run()

    assert verdict.examples == []
    assert verdict.holds, "\n".join(verdict.table())
    assert verdict.counts.keys() >= KINDS


def _answered(status: int, body: str = "") -> Answer:
    return Answer(status, {}, body)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, "let in"),
        (201, "let in"),
        (302, "let in"),
        (400, "refused"),
        (404, "let in"),
        (0, "let in"),
        (500, "5xx"),
        (503, "5xx"),
    ],
)
def test_what_is_not_refused_as_it_should_be_is_let_in(
    status: int, verdict: str
) -> None:
    shot = Shot("keys", "GET", "/", want=frozenset({400}))

    assert shot.verdict(_answered(status)) == verdict


def test_any_refusal_will_do_where_none_is_named() -> None:
    shot = Shot("ids", "GET", "/")

    found = [shot.verdict(_answered(status)) for status in (404, 413, 204)]

    assert found == ["refused", "refused", "let in"]


def test_a_connection_may_be_closed_only_upon_what_is_too_large() -> None:
    small = Shot("bodies", "POST", "/", body=b"{}")
    large = Shot("bodies", "POST", "/", body=bytes(BODY_LIMIT_BYTES + 1))

    assert small.verdict(_answered(0)) == "let in"
    assert large.verdict(_answered(0)) == "refused"


def test_a_verdict_holds_only_if_all_were_refused_and_they_were_enough() -> None:
    verdict = Verdict(least=2)
    verdict.count("keys", "tried", 2)
    verdict.count("keys", "refused", 2)

    assert verdict.holds
    assert not Verdict(verdict.counts, least=3).holds
    for outcome in ("leaked", "let in", "5xx"):
        worse = Verdict({**verdict.counts}, least=2)
        worse.count("ids", outcome)
        assert not worse.holds


def test_two_requests_that_differ_have_two_names() -> None:
    shot = Shot("keys", "GET", "/", {"a": "1"})

    others = [
        Shot("keys", "POST", "/", {"a": "1"}),
        Shot("keys", "GET", "/a", {"a": "1"}),
        Shot("keys", "GET", "/", {"a": "2"}),
        Shot("keys", "GET", "/", {"a": "1"}, b"x"),
    ]

    assert len({shot.name(), *(each.name() for each in others)}) == 5
    assert shot.name() == Shot("other", "GET", "/", {"a": "1"}).name()
