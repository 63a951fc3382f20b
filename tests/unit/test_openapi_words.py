"""Everything in openapi.yaml and docs/events is described and has an example."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from masking.core.problems import ProblemError
from tests.support.api_answers import refusal
from tests.support.api_document import (
    DOCUMENT,
    OPERATIONS,
    SCHEMAS,
    check,
    codes_in,
    resolved,
)
from tests.support.event_schemas import FILES, TYPES, without_references
from tests.support.problems import problem_types

Place = tuple[str, Any]

# Words by which a schema says that it holds others, which have examples of their own.
COMPOUND = ("properties", "allOf", "oneOf")


def below(schema: Any, path: str) -> Iterator[Place]:
    """Yield each attribute and item in a schema, with its path."""
    for name, each in schema.get("properties", {}).items():
        if each is not False:  # what an event may not hold
            yield f"{path}.{name}", each
            yield from below(each, f"{path}.{name}")
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            yield f"{path}.{word}", schema[word]
            yield from below(schema[word], f"{path}.{word}")
    parts = [
        each for word in ("allOf", "anyOf", "oneOf") for each in schema.get(word, [])
    ]
    parts += [schema[word] for word in ("then", "else") if word in schema]
    for each in parts:
        yield from below(each, path)


def attributes() -> Iterator[Place]:
    """Yield each schema of the document, and each attribute of each."""
    for name, schema in SCHEMAS.items():
        yield name, resolved(schema)
        yield from below(resolved(schema), name)


def parameters() -> Iterator[Place]:
    """Yield each parameter and each header of an answer."""
    for name, operation in OPERATIONS.items():
        for each in operation.get("parameters", []):
            yield f"{name} {each['name']}", each
        for status, response in operation["responses"].items():
            for header, said in response.get("headers", {}).items():
                yield f"{name} {status} {header}", said
    for name, methods in resolved(DOCUMENT["webhooks"]).items():
        for each in methods["post"]["parameters"]:
            yield f"{name} {each['name']}", each


def event_attributes() -> Iterator[Place]:
    """Yield each attribute of each event of the bus."""
    for kind in sorted(TYPES):
        schema = without_references(FILES[f"{kind}.json"])
        yield kind, schema
        yield from below(schema, kind)


PLACES = [*attributes(), *parameters(), *event_attributes()]


def is_compound(said: Any) -> bool:
    """Return whether a value has parts, each of which has an example."""
    options = (said, said.get("items", {}), *said.get("anyOf", []))
    return any(word in each for each in options for word in COMPOUND)


def examples_of(said: Any) -> list[Any]:
    """List the examples of an attribute or a parameter, also those of its type."""
    if "example" in said:
        return [said["example"]]
    found = list(said.get("examples", []))
    for option in (said.get("schema", {}), *said.get("anyOf", [])):
        found += option.get("examples", [])
    return found


def test_there_is_much_to_describe() -> None:
    assert len(PLACES) > 1_000


def test_everything_is_described() -> None:
    assert [path for path, said in PLACES if not said.get("description")] == []


# Types that are of one attribute alone, and so describe it.
OF_ONE = {
    *("ApiId", "Sequence", "CallbackId", "CarrierEvent", "DeliveryId"),
    "RepairedUpdate",
}


def test_an_attribute_says_more_than_its_type() -> None:
    bare = [
        path
        for name, schema in SCHEMAS.items()
        for path, said in below(schema, name)
        if "description" not in said
        and not path.endswith("items")
        and said.get("$ref", "").rpartition("/")[2] not in OF_ONE
    ]

    assert bare == []


def test_a_description_is_a_sentence_and_more_than_the_name() -> None:
    assert [
        path
        for path, said in PLACES
        if not said["description"].rstrip().endswith((".", ":", "`"))
        and "- `" not in said["description"]
    ] == []


def test_everything_has_an_example() -> None:
    assert [
        path for path, said in PLACES if not examples_of(said) and not is_compound(said)
    ] == []


def test_every_example_is_one_that_the_schema_allows() -> None:
    for _, said in PLACES:
        for example in examples_of(said):
            check(said.get("schema", said), example)


# Requests, answers and events as a whole


def contents() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each body: of a request, of an answer, of a webhook."""
    operations = {
        **OPERATIONS,
        **{name: each["post"] for name, each in resolved(DOCUMENT["webhooks"]).items()},
    }
    for name, operation in operations.items():
        bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for which, body in bodies.items():
            for media, content in body.get("content", {}).items():
                yield f"{name} {which} {media}", content


CONTENTS = dict(contents())


@pytest.mark.parametrize("place", CONTENTS)
def test_a_body_has_examples_that_its_schema_allows(place: str) -> None:
    content = CONTENTS[place]
    examples = [each["value"] for each in content.get("examples", {}).values()]

    assert examples or examples_of(content["schema"])
    for example in examples:
        check(content["schema"], example)


def test_every_example_says_what_it_shows() -> None:
    for example in DOCUMENT["components"]["examples"].values():
        assert example.keys() == {"summary", "value"}
        assert example["summary"]


def test_every_operation_and_tag_is_described() -> None:
    tags = {each["name"] for each in DOCUMENT["tags"] if each["description"]}

    for operation in OPERATIONS.values():
        assert operation["summary"]
        assert operation["description"]
        assert set(operation["tags"]) <= tags


# Errors


@pytest.mark.parametrize("code", problem_types())
def test_an_error_has_the_example_that_its_code_answers(code: str) -> None:
    shown = DOCUMENT["components"]["examples"][code]["value"]
    made: Callable[..., ProblemError] = problem_types()[code]
    told = shown.keys() - {"type", "title", "status", "code", "detail", "instance"}
    problem = refusal(made(**{name: shown[name] for name in told}))

    assert shown == {**problem, "instance": shown["instance"]}


def test_every_error_of_every_operation_has_an_example() -> None:
    met = {
        code
        for operation in OPERATIONS.values()
        for response in operation["responses"].values()
        for code in codes_in(response)
    }

    assert met == set(problem_types())
