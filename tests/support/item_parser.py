"""Read items out of DynamoDB's answers in a third of the time that botocore takes.

botocore asks each value for each of the ten types that it may have. Reading items was
a sixth of what tests of functions took; `tests/unit/test_item_parser.py` holds this to
what botocore reads.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from botocore import parsers

# The shape of a value, in the descriptions of DynamoDB and of its streams.
VALUE = "AttributeValue"


class ItemParserFactory(parsers.ResponseParserFactory):
    """Makes parsers as botocore does, but for services that speak DynamoDB's JSON."""

    def create_parser(self, protocol_name: str) -> Any:
        """Make the parser of a protocol."""
        if protocol_name == "json":
            return ItemParser()
        return super().create_parser(protocol_name)


class ItemParser(parsers.JSONParser):
    """botocore's parser, but for the values of attributes."""

    def _handle_structure(self, shape: Any, value: Any) -> Any:
        if shape.name == VALUE and value:
            return _read(value)
        botocores: Any = super()
        return botocores._handle_structure(shape, value)


def _read(value: Mapping[str, Any]) -> dict[str, Any]:
    [(kind, content)] = value.items()
    match kind:
        case "M":
            return {kind: {name: _read(each) for name, each in content.items()}}
        case "L":
            return {kind: [_read(each) for each in content]}
        case "B":
            return {kind: base64.b64decode(content)}
        case "BS":
            return {kind: [base64.b64decode(each) for each in content]}
    return {kind: content}
