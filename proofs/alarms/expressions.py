"""Evaluate metric math: what the template uses of it, one period at a time.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from functools import cache

Value = float | None
Values = list[Value]

OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


class UnknownExpressionError(Exception):
    """The expression uses what is not implemented here."""


def evaluate(expression: str, values: Mapping[str, Value]) -> Value:
    """Return what an expression is for one period; None where it has no value.

    *values* are those of the metrics, by id, None where one has none. Raise
    UnknownExpressionError for what is not known here.
    """
    found = _value(_parsed(expression), values)
    if isinstance(found, list):
        raise UnknownExpressionError(f"{expression} is many series, not one")
    return found


@cache
def _parsed(expression: str) -> ast.expr:
    lowered = re.sub(r"\b(AND|OR)\b", lambda found: found[0].lower(), expression)
    return ast.parse(lowered, mode="eval").body


def _value(node: ast.expr, values: Mapping[str, Value]) -> Value | Values:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return _apply(OPERATORS[type(op)], _one(left, values), _one(right, values))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _apply(OPERATORS[type(op)], _one(left, values), _one(right, values))
        case ast.BoolOp(op=ast.And(), values=parts):
            return _all([_one(part, values) for part in parts])
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _call(name, arguments, values)
    raise UnknownExpressionError(ast.unparse(node))


def _call(
    name: str, arguments: list[ast.expr], values: Mapping[str, Value]
) -> Value | Values:
    match name, arguments:
        case "METRICS", []:
            return list(values.values())
        case "FILL", [filled, number]:
            found, instead = _value(filled, values), _one(number, values)
            if isinstance(found, list):
                return [instead if each is None else each for each in found]
            return instead if found is None else found
        case "SUM", [of_many]:
            series = _value(of_many, values)
            if isinstance(series, list):
                known = [each for each in series if each is not None]
                return sum(known) if known else None
        case "IF", [condition, met, otherwise]:
            decided = _one(condition, values)
            if decided is None:
                return None
            return _one(met if decided else otherwise, values)
    raise UnknownExpressionError(f"{name} of {len(arguments)}")


def _one(node: ast.expr, values: Mapping[str, Value]) -> Value:
    found = _value(node, values)
    if isinstance(found, list):
        raise UnknownExpressionError(f"{ast.unparse(node)} is many series, not one")
    return found


def _apply(
    operation: Callable[[float, float], float], left: Value, right: Value
) -> Value:
    if left is None or right is None:
        return None
    return float(operation(left, right))


def _all(parts: Values) -> Value:
    known = [part for part in parts if part is not None]
    return float(all(known)) if len(known) == len(parts) else None
