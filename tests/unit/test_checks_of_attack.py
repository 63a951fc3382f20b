"""What may become of a bad request, and what the report of an attack counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from masking.tenants.authorize import SCOPES
from proofs.attack.bad_requests import BadRequest, sample
from proofs.attack.by_hand import ByHand, name_of
from proofs.attack.run import (
    ALL_REFUSED,
    NONE_FAILED,
    NONE_LEAKED,
    NUMBERS,
    TABLE,
    Findings,
)
from proofs.attack.target import DOCUMENT, Answer, Target, documented
from proofs.attack.victim import Ids
from stack import yaml_files
from stack.aws.api_port import BODY_LIMIT_BYTES
from stack.environments import ROOT
from stack.routes import routes

# As few as the attack among the tests takes.
FEW = 60

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


class Unused(Target):
    """A target that is never sent to: every key is its own name."""

    def __init__(self) -> None:
        names = (*SCOPES, "victim", "stranger", "expired", "nothing")
        super().__init__(stack=None, keys={name: name for name in names})  # type: ignore[arg-type]


@pytest.fixture(name="few", scope="module")
def _few() -> list[BadRequest]:
    names = ("session_uuid", "recording_uuid", "erasure_id", "id")
    ids = Ids({name: f"the-{name}" for name in names})
    return sample(ByHand(Unused(), ids).requests(), FEW)


OF_APPS = [route for route in Unused().routes if route.scope]


def of_kind(few: list[BadRequest], kind: str, *, key: str = "") -> list[str]:
    """Return methods and paths of the requests of a kind, made with a key."""
    return [
        f"{each.method} {each.path}"
        for each in few
        if each.kind == kind
        and (not key or each.headers.get("authorization") == f"Bearer {key}")
    ]


@pytest.mark.parametrize("route", OF_APPS, ids=name_of)
def test_a_small_attack_tries_each_route_with_each_scope_that_is_not_its_own(
    few: list[BadRequest], route: Any
) -> None:
    path = route.path.replace("{", "the-").replace("}", "")
    wrong = {*SCOPES, "nothing"} - {route.scope}

    tried = {
        scope
        for scope in wrong
        if f"{name_of(route)[: len(route.method)]} {path}"
        in of_kind(few, "scopes", key=scope)
    }

    assert tried == wrong


@pytest.mark.parametrize("route", OF_APPS, ids=name_of)
def test_a_small_attack_tries_each_route_without_a_key_and_with_another_tenants(
    few: list[BadRequest], route: Any
) -> None:
    path = route.path.replace("{", "the-").replace("}", "")
    asked = f"{route.method.upper()} {path}"

    assert asked in of_kind(few, "keys")
    if "{" in route.path:
        assert asked in of_kind(few, "tenants", key="stranger")


def test_a_small_attack_lists_and_searches_as_another_tenant(
    few: list[BadRequest],
) -> None:
    hidden = [each for each in few if each.hides]

    assert Counter(each.path.partition("?")[0] for each in hidden) == {
        "/v1/sessions": 3,
        "/v1/sessions/search": 4,
    }
    assert {each.hides for each in hidden} == {"the-session_uuid"}


def test_what_is_hidden_must_not_be_in_an_answer() -> None:
    request = BadRequest("tenants", "GET", "/v1/sessions", hides="the-session")

    assert request.outcome(_answered(200, '{"objects": []}')) == "refused"
    assert request.outcome(_answered(200, '["the-session"]')) == "let in"
    assert request.outcome(_answered(500, "")) == "5xx"


def test_the_scope_that_a_route_needs_is_the_documented_one() -> None:
    found = list(routes(ROOT))
    wrong = [replace(route, scope="admin") for route in found]
    document = yaml_files.load(DOCUMENT)

    assert documented(wrong, document) == documented(found, document) == found


def test_a_sample_has_the_first_of_every_group_and_no_more_than_it_must() -> None:
    requests = [
        BadRequest(kind, "GET", f"/{kind}/{n}", group=str(n % 7))
        for kind in ("a", "b")
        for n in range(50)
    ]

    for most, expected in ((10, 20), (3, 14), (500, 100)):
        chosen = sample(requests * 2, most)

        paths = {each.path for each in chosen}
        assert len(chosen) == len(paths) == expected
        assert {f"/b/{n}" for n in range(7)} <= paths
