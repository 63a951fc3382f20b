"""Requests made up from openapi.yaml, right and wrong, against a running stack.

Whatever is sent, the answer is one that the document knows, in the shape that it says.
"""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from masking.api.request_models import RULES
from stack import yaml_files
from stack.environments import ROOT
from stack.running import RunningStack
from tests.support.api_document import OPERATIONS, codes_in

# What no pattern can say: which numbers exist, what is a number in any writing, what
# can be printed, where an earlier page ended.
OF_VALUES = (
    "must begin with ",
    "must be a whole number of ",
    "must have the length of a number of ",
    "is too (short|long) for a number of ",
    "must name a person; ",
    "must be a phone number in E.164, such as .*, or an address",
    "must be 1 to 255 printable characters",
    "values must ",
    "must be the cursor of an earlier page",
)
OF_QUERIES = (
    "must be a time from [0-9]+ to [0-9]+",
    "must span at most 30 days",
    "cannot be given beside a cursor, which knows its place",
    "must be the UUID of a session, or erasure_id that of an erasure",
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]

ACROSS_FIELDS = {re.escape(rule.text) for rule in RULES}
IN_WORDS = re.compile("|".join([*ACROSS_FIELDS, *OF_VALUES, *OF_QUERIES]))

DOCUMENT: dict[str, Any] = yaml_files.load(ROOT / "openapi.yaml")


@schemathesis.check
def code_conformance(
    _context: Any, response: Any, case: schemathesis.Case[Any]
) -> None:
    """Hold that an answer has no code but those that its operation names."""
    # With another method it is another operation, or none.
    is_its_own = case.method.upper() == case.operation.method.upper()
    if is_its_own and "problem+json" in str(response.headers.get("content-type")):
        operation = OPERATIONS[case.operation.definition.raw["operationId"]]
        documented = operation["responses"][str(response.status_code)]
        assert response.json()["code"] in codes_in(documented)


@schemathesis.check
def only_words_refuse(
    _context: Any, response: Any, case: schemathesis.Case[Any]
) -> None:
    """Hold that what fits the schemas is refused by a rule told in words alone."""
    fits = case.meta is not None and case.meta.generation.mode.is_positive
    if fits and response.status_code == 400:
        problem = response.json()
        assert problem["code"] in ("invalid_request", "number_in_url")
        violations = problem.get("violations", [])
        rules = {each["rule"] for each in violations if _fits(each["field"], case)}
        assert not {each for each in rules if not IN_WORDS.match(each)}


def _fits(field: str, case: schemathesis.Case[Any]) -> bool:
    """Return whether a header fits its pattern: schemathesis sends a 0 as if it did."""
    headers: Any = case.headers or {}
    sent = headers.get(field)
    pattern = PATTERNS.get(field, "")
    return sent is None or bool(re.search(pattern, str(sent)))


CHECKS += [code_conformance, only_words_refuse]

SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
PATTERNS = {
    each["name"]: each["schema"].get("pattern", "")
    for each in DOCUMENT["components"]["parameters"].values()
    if each["in"] == "header"
}
NAMES = [
    f"{method.upper()} {path}"
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
]


SETTINGS = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def stack(lone_stack: RunningStack) -> RunningStack:
    """Return a stack of one's own: each test empties the simulator."""
    return lone_stack


@pytest.fixture(autouse=True)
def _some_numbers_are_free(simulator: httpx.Client) -> None:
    assert simulator.get("/_sim/health").json()["sessions"] == 0


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_is_one_that_the_document_knows(
    name: str, stack: RunningStack
) -> None:
    def send(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(
            base_url=stack.addresses.api_url,
            headers={"Authorization": f"Bearer {stack.api_key}"},
            checks=CHECKS,
            timeout=40,
        )

    found: Any
    [found] = SCHEMA.include(name=name).get_all_operations()
    # What `parametrize` of schemathesis does when tests are collected: that takes many
    # seconds, in every process of a run. What it does when a test runs, `from_fixture`,
    # breaks with pytest 9.2.
    send_all = build_operation_test(
        config=SCHEMA.config,
        operation=found.ok(),
        test_func=send,
        explicit_settings=SETTINGS,
        given_kwargs={},
        feedback=FeedbackSources(),
    )
    send_all()
