"""The small parts that every schema of the document is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

UUID: Schema = {"type": "string", "format": "uuid"}
NUMBER: Schema = {"type": "string", "pattern": r"^\+[1-9][0-9]{6,14}$"}
TIME: Schema = {"type": "string", "format": "date-time"}
MONEY: Schema = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
COUNT: Schema = {"type": "integer"}
TEXT: Schema = {"type": "string"}


def nullable(schema: Schema) -> Schema:
    """Let null stand for what is unset."""
    return {"anyOf": [schema, {"type": "null"}]}


def component(name: str) -> Schema:
    """Refer to one of `components`."""
    return {"$ref": f"#/components/schemas/{name}"}


def whole(properties: Mapping[str, Schema], **more: Any) -> Schema:
    """Describe an object that has exactly these properties."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
        **more,
    }


def envelope(**properties: Schema) -> Schema:
    """Describe an answer: Plivo's `api_id` beside its properties."""
    return whole({"api_id": UUID, **properties})
