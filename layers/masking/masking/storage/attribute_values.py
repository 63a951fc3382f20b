"""Convert plain values to DynamoDB's attribute values and back.

What `boto3.dynamodb.types` does for the types that our items have. It is not used,
because importing it imports all of boto3, which costs a cold start more than this
module and the table together; and a whole number is an int here, never a Decimal.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Clamped, Context, Decimal, Inexact, Overflow, Rounded, Underflow
from typing import Any

# DynamoDB's numbers: 38 digits, and an error for what has more.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
NUMBERS = Context(
    Emin=-128,
    Emax=126,
    prec=38,
    traps=[Clamped, Overflow, Inexact, Rounded, Underflow],
)


def written(value: Any) -> dict[str, Any]:
    """Return a value in DynamoDB's form. Raises TypeError for what has none here."""
    if isinstance(value, str):
        return {"S": value}
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, (int, Decimal)):
        number = NUMBERS.create_decimal(value)
        if not number.is_finite():
            raise TypeError("DynamoDB has no such number")
        return {"N": str(number)}
    if isinstance(value, Mapping):
        return {"M": {name: written(each) for name, each in value.items()}}
    if isinstance(value, (list, tuple)):
        return {"L": [written(each) for each in value]}
    if isinstance(value, (set, frozenset)) and all(isinstance(e, str) for e in value):
        return {"SS": list(value)}
    raise TypeError(f"DynamoDB has no form for a {type(value).__name__}")


def read(value: Mapping[str, Any]) -> Any:
    """Return a plain value of one in DynamoDB's form; whole numbers are int.

    Raises TypeError for a type that no item of ours has.
    """
    [(kind, content)] = value.items()
    if kind in ("S", "BOOL"):
        return content
    if kind == "N":
        number = NUMBERS.create_decimal(content)
        return int(number) if number == number.to_integral_value() else number
    if kind == "M":
        return {name: read(each) for name, each in content.items()}
    if kind == "L":
        return [read(each) for each in content]
    if kind == "NULL":
        return None
    if kind == "SS":
        return set(content)
    raise TypeError(f"no item of ours has the type {kind}")
