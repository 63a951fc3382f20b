"""What may become of a bad request, and what the report of an attack counts."""

from __future__ import annotations

import pytest

from proofs.attack.bad_requests import BadRequest
from proofs.attack.run import (
    ALL_REFUSED,
    NONE_FAILED,
    NONE_LEAKED,
    NUMBERS,
    TABLE,
    Findings,
)
from proofs.attack.target import Answer
from stack.aws.api_port import BODY_LIMIT_BYTES

REQUEST = BadRequest("keys", "GET", "/", {"a": "1"})


def _answered(status: int, body: str = "") -> Answer:
    return Answer(status, {}, body)


@pytest.mark.parametrize(
    ("status", "outcome"),
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
    status: int, outcome: str
) -> None:
    request = BadRequest("keys", "GET", "/", want=frozenset({400}))

    assert request.outcome(_answered(status)) == outcome


def test_any_refusal_will_do_where_none_is_named() -> None:
    request = BadRequest("ids", "GET", "/")

    found = [request.outcome(_answered(status)) for status in (404, 413, 204)]

    assert found == ["refused", "refused", "let in"]


def test_a_connection_may_be_closed_only_upon_what_is_too_large() -> None:
    small = BadRequest("bodies", "POST", "/", body=b"{}")
    large = BadRequest("bodies", "POST", "/", body=bytes(BODY_LIMIT_BYTES + 1))

    assert small.outcome(_answered(0)) == "let in"
    assert large.outcome(_answered(0)) == "refused"


def test_an_attack_passes_only_if_there_were_enough_requests() -> None:
    for least, holds in ((2, True), (3, False)):
        findings = Findings()
        for _ in range(2):
            findings.answered(REQUEST, _answered(404))

        report = findings.finish(least)

        assert report.holds is holds
        tried = {"tried": 2, "refused": 2, "leaked": 0, "let in": 0, "5xx": 0}
        assert report.tables[TABLE] == {"keys": tried, "all": tried}


@pytest.mark.parametrize(
    ("answer", "column", "check"),
    [
        (_answered(200), "let in", ALL_REFUSED),
        (_answered(500), "5xx", NONE_FAILED),
        (_answered(404, f"no {NUMBERS[0]}"), "leaked", NONE_LEAKED),
        (Answer(404, {"x": NUMBERS[0]}, ""), "leaked", NONE_LEAKED),
    ],
    ids=["let in", "5xx", "in a body", "in a header"],
)
def test_an_attack_fails_by_one_answer(answer: Answer, column: str, check: str) -> None:
    findings = Findings()
    findings.answered(REQUEST, _answered(404))
    findings.answered(REQUEST, answer)

    report = findings.finish(1)

    assert report.failures.keys() == {check}
    assert report.tables[TABLE]["all"][column] == 1


def test_an_attack_fails_by_a_number_in_the_evidence() -> None:
    findings = Findings()
    findings.answered(REQUEST, _answered(404))
    findings.search("log", "log of a function", f"from {NUMBERS[0]}")

    [[case]] = findings.finish(1).failures.values()

    assert case.startswith("log of a function: digits")


def test_two_requests_that_differ_have_two_digests() -> None:
    others = [
        BadRequest("keys", "POST", "/", {"a": "1"}),
        BadRequest("keys", "GET", "/a", {"a": "1"}),
        BadRequest("keys", "GET", "/", {"a": "2"}),
        BadRequest("keys", "GET", "/", {"a": "1"}, b"x"),
    ]

    assert len({REQUEST.digest(), *(each.digest() for each in others)}) == 5
    assert REQUEST.digest() == BadRequest("other", "GET", "/", {"a": "1"}).digest()
