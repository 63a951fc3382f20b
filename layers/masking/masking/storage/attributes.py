"""TODO storage.attributes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from masking.core.key_space import Item


def read_item(item: Mapping[str, Any]) -> Item:
    """Turn an item as DynamoDB has it into plain values; whole numbers are int."""
    deserialize = TypeDeserializer().deserialize
    return {name: _plain(deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value
    if isinstance(value, dict):
        return {name: _plain(content) for name, content in value.items()}
    if isinstance(value, list):
        return [_plain(content) for content in value]
    return value


def written_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Turn plain values into an item as DynamoDB has it."""
    serialize = TypeSerializer().serialize
    return {name: serialize(value) for name, value in item.items()}
