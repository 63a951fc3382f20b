"""What openapi.yaml says of answers is what the views write, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support.api_answers import answers
from tests.support.api_document import OPERATIONS, SCHEMAS, check_component, resolved

Written = Mapping[str, list[Any]]

CONTENTS = [
    content["schema"]
    for operation in OPERATIONS.values()
    for response in operation["responses"].values()
    for content in response.get("content", {}).values()
]


def is_answered(schema: Any) -> bool:
    """Return whether a function answers with what a schema describes."""
    inherited = {"allOf": [schema]}
    return any(schema == each or inherited.items() <= each.items() for each in CONTENTS)


# What a function answers with; API Gateway's own message is no view's.
ANSWERED = [
    name
    for name in SCHEMAS
    if name != "GatewayMessage" and is_answered(resolved(SCHEMAS[name]))
]

# Answers leave these out where they say nothing.
OPTIONAL = {
    f"Problem.{name}"
    for name in SCHEMAS["Problem"]["properties"].keys()
    - set(SCHEMAS["Problem"]["required"])
}


@pytest.fixture(scope="module")
def written() -> Iterator[Written]:
    """Collect what the views write, by the names of its schemas."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Maskline")
        found: dict[str, list[Any]] = defaultdict(list)
        for name, answer in answers():
            found[name].append(answer)
        yield found


def merged(schema: Any) -> tuple[dict[str, Any], set[str]]:
    """Return the properties of a schema and which are required, inherited ones too."""
    known: dict[str, Any] = {}
    required: set[str] = set()
    for base in schema.get("allOf", []):
        inherited, needed = merged(base)
        known |= inherited
        required |= needed
    return known | schema.get("properties", {}), required | set(
        schema.get("required", [])
    )


def properties(schema: Any, path: str) -> Iterator[tuple[str, bool, Any]]:
    """Yield each property in a schema with its path and whether it is required."""
    for option in schema.get("anyOf", [schema]):
        inner = option.get("items", option)
        known, required = merged(inner)
        for name, said in known.items():
            yield f"{path}.{name}", name in required, said
            yield from properties(said, f"{path}.{name}")


def values(answer: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield each value in an answer with the path of its property."""
    for each in answer if isinstance(answer, list) else [answer]:
        if isinstance(each, dict):
            for name, value in each.items():
                yield f"{path}.{name}", value
                yield from values(value, f"{path}.{name}")


def allows_null(said: Any) -> bool:
    """Return whether a property may be null."""
    return "null" in said.get("type", []) or {"type": "null"} in said.get("anyOf", [])


def words_of(said: Any) -> Iterator[Any]:
    """Yield the words that a property may be, also where it may be null."""
    for option in (said, *said.get("anyOf", [])):
        yield from option.get("enum", [])


def test_every_answer_is_written_by_a_view(written: Written) -> None:
    assert written.keys() == set(ANSWERED)


@pytest.mark.parametrize("name", ANSWERED)
def test_what_views_write_is_as_documented(written: Written, name: str) -> None:
    for answer in written[name]:
        check_component(name, answer)


@pytest.mark.parametrize("name", ANSWERED)
def test_what_is_documented_is_written(written: Written, name: str) -> None:
    documented = list(properties(resolved(SCHEMAS[name]), name))
    seen = {path for answer in written[name] for path, _ in values(answer, name)}

    assert {path for path, _, _ in documented} <= seen
    assert {path for path, required, _ in documented if not required} <= OPTIONAL


@pytest.mark.parametrize("name", ANSWERED)
def test_what_may_be_null_is_null_at_times(written: Written, name: str) -> None:
    found: dict[str, set[bool]] = defaultdict(set)
    for answer in written[name]:
        for path, value in values(answer, name):
            found[path].add(value is None)

    assert [
        path
        for path, _, said in properties(resolved(SCHEMAS[name]), name)
        if allows_null(said) and found[path] != {True, False}
    ] == []


@pytest.mark.parametrize("name", ANSWERED)
def test_every_word_of_an_enumeration_is_written(written: Written, name: str) -> None:
    found: dict[str, list[Any]] = defaultdict(list)
    for answer in written[name]:
        for path, value in values(answer, name):
            found[path].append(value)

    assert {
        path: missing
        for path, _, said in properties(resolved(SCHEMAS[name]), name)
        if (missing := [each for each in words_of(said) if each not in found[path]])
    } == {}
