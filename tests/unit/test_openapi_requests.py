"""What openapi.yaml says of requests is what the models check, field by field."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from masking.api import pages, request_models, requests
from masking.api.search_requests import PARTIES, Search
from masking.core.problems import InvalidRequestError
from tests.support.api_document import OPERATIONS, SCHEMAS, resolved

MODELS: dict[str, type[BaseModel]] = {
    "CreateSession": request_models.CreateSessionRequest,
    "UpdateSession": request_models.UpdateSessionRequest,
    "CreateErasure": request_models.ErasureRequest,
    "Search": Search,
}

# Words for people; nothing is checked by them.
WORDS = {"title", "description", "examples"}

PARAMETERS = {
    each["name"]: each["schema"] for each in OPERATIONS["list_sessions"]["parameters"]
}


def plain(schema: Any) -> Any:
    """Return a schema in one form: without words, null as one of its types."""
    if isinstance(schema, list):
        return [plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    said = {name: plain(value) for name, value in schema.items() if name not in WORDS}
    first, *others = said.get("anyOf", [{}])
    if others == [{"type": ["null"]}]:
        del said["anyOf"]
        said = {**first, **said, "type": [*first["type"], "null"]}
    if isinstance(said.get("type"), str):
        said["type"] = [said["type"]]
    return said


def facts(schema: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a schema says of each field, and of the whole."""
    required = schema.get("required", [])
    fields = {
        name: {**plain(field), "is required": name in required}
        for name, field in schema["properties"].items()
    }
    beside = {k: v for k, v in schema.items() if k not in ("properties", "required")}
    return fields, plain(beside)


def modeled(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the facts of a model. In an update an absent field is no null.

    That a field is null unless it is given goes without saying, and a generated client
    would send it.
    """
    fields, beside = facts(MODELS[name].model_json_schema())
    may_be_null = (
        requests.UNSETTABLE | requests.REPEATABLE
        if name == "UpdateSession"
        else fields.keys()
    )
    fields = {
        field: without_default(said) if field in may_be_null else given(said)
        for field, said in fields.items()
    }
    return fields, beside


def without_default(field: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a field without its default of null."""
    return {k: v for k, v in field.items() if (k, v) != ("default", None)}


def given(field: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a field where it is given: not null, nor null by default."""
    said = without_default(field)
    return {**said, "type": [kind for kind in said["type"] if kind != "null"]}


FIELDS = [
    (name, field)
    for name in MODELS
    for field in {**modeled(name)[0], **SCHEMAS[name]["properties"]}
]


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_a_field_is_as_its_model_says(name: str, field: str) -> None:
    documented, _ = facts(resolved(SCHEMAS[name]))

    assert documented.get(field) == modeled(name)[0].get(field)


@pytest.mark.parametrize("name", MODELS)
def test_a_request_is_closed_as_its_model_is(name: str) -> None:
    _, documented = facts(resolved(SCHEMAS[name]))
    _, known = modeled(name)

    more = {"minProperties": 1} if name == "UpdateSession" else {}
    assert documented == {**known, **more}
    assert documented["additionalProperties"] is False


@pytest.mark.parametrize("sent", [{}, {"record": None}], ids=repr)
def test_an_update_of_nothing_or_to_null_is_refused_as_documented(
    sent: dict[str, Any],
) -> None:
    with pytest.raises(InvalidRequestError):
        requests.parse_update(sent)


def test_every_rule_across_fields_is_told() -> None:
    told = SCHEMAS["CreateSession"]["description"]

    assert [line for line in told.splitlines() if line.startswith("- ")] == [
        f"- `{rule.field}` {rule.text}" for rule in request_models.RULES
    ]


# Queries


def test_no_number_can_be_asked_for_in_a_query() -> None:
    assert set(PARAMETERS) == set(Search.model_fields) - PARTIES - {"labels"} | {
        "label"
    }


@pytest.mark.parametrize("name", sorted(PARAMETERS.keys() - {"label"}))
def test_a_filter_of_a_query_is_that_of_a_search(name: str) -> None:
    fields, _ = modeled("Search")

    documented = {**plain(PARAMETERS[name]), "is required": False}
    assert documented == given(fields[name])


def test_a_label_of_a_query_is_one_of_a_session() -> None:
    labels, label = plain(resolved(SCHEMAS["Labels"])), plain(PARAMETERS["label"])

    assert label["additionalProperties"] == labels["additionalProperties"]
    assert label["propertyNames"]["pattern"] == (
        labels["propertyNames"]["pattern"].replace("^", r"^label\.")
    )


@pytest.mark.parametrize("name", ["list_events", "list_deliveries"])
def test_a_page_may_be_as_long_as_pages_are(name: str) -> None:
    limits = [
        each["schema"]["maximum"]
        for each in OPERATIONS[name]["parameters"]
        if each["name"] == "limit"
    ]

    assert limits == [pages.MOST]
