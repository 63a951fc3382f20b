"""Requests made up from openapi.yaml, right and wrong, against a running stack.

Whatever is sent, the answer is one that the document knows, in the shape that it says.
"""

from __future__ import annotations

import itertools
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from stack import yaml_files
from stack.environments import ROOT
from stack.running import RunningStack
from tests.support.api_document import OPERATIONS, codes_in

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]

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


CHECKS.append(code_conformance)

schema = schemathesis.openapi.from_dict(DOCUMENT)

# The tests of schemathesis 4.32 have one id for all operations under pytest 9.2, and
# pytest-xdist runs one test of an id: a number of our own tells them apart.
_numbers = itertools.count()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Number the test of each operation."""
    metafunc.fixturenames.append("number")
    metafunc.parametrize("number", [next(_numbers)])


@pytest.fixture
def stack(lone_stack: RunningStack) -> RunningStack:
    """Return a stack of one's own: each test empties the simulator."""
    return lone_stack


@pytest.fixture(autouse=True)
def _some_numbers_are_free(simulator: httpx.Client) -> None:
    assert simulator.get("/_sim/health").json()["sessions"] == 0


@schema.parametrize()
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_an_answer_is_one_that_the_document_knows(
    case: schemathesis.Case[Any], stack: RunningStack
) -> None:
    case.call_and_validate(
        base_url=stack.addresses.api_url,
        headers={"Authorization": f"Bearer {stack.api_key}"},
        checks=CHECKS,
        timeout=40,
    )
