"""Evaluate a query's key condition once for a query, not once for an item.

The embedded AWS parses the condition anew for each item of the partition that is asked,
so that a query of the last 20 items of 1,000 takes 50 times what it should.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

Evaluate = Callable[..., bool]
Test = tuple[str, Callable[..., bool], tuple[str, ...]]

SLOT = "KeyConditionExpression"

_NAME = r"(#?\w+)"
_VALUE = r"(:\w+)"
_FORMS: tuple[tuple[re.Pattern[str], Callable[..., bool]], ...] = (
    (re.compile(rf"{_NAME} = {_VALUE}"), operator.eq),
    (re.compile(rf"{_NAME} < {_VALUE}"), operator.lt),
    (re.compile(rf"{_NAME} <= {_VALUE}"), operator.le),
    (re.compile(rf"{_NAME} > {_VALUE}"), operator.gt),
    (re.compile(rf"{_NAME} >= {_VALUE}"), operator.ge),
    (
        re.compile(rf"{_NAME} BETWEEN {_VALUE} AND {_VALUE}"),
        lambda found, first, last: first <= found <= last,
    ),
    (re.compile(rf"begins_with\({_NAME}, {_VALUE}\)"), str.startswith),
)
# The AND of BETWEEN stands before a value, any other before a clause.
_AND = re.compile(r" AND (?!:)")


def parsed_once(evaluate: Evaluate) -> Evaluate:
    """Return *evaluate* that is quick for plain conditions on texts.

    It is asked itself for all else, and once for each condition, which it may refuse.
    """
    accepted: set[str] = set()

    def evaluate_condition(
        expression: str,
        item: Mapping[str, Any],
        values: Mapping[str, Any],
        names: Mapping[str, str],
        slot: str = "ConditionExpression",
    ) -> bool:
        tests = _tests_of(expression) if slot == SLOT else None
        if tests and expression in accepted:
            answer = _answer(tests, item, values, names)
            if answer is not None:
                return answer
        answer = evaluate(expression, item, values, names, slot=slot)
        if tests:
            accepted.add(expression)
        return answer

    return evaluate_condition


@functools.lru_cache(maxsize=256)
def _tests_of(expression: str) -> tuple[Test, ...] | None:
    """Return what a condition tests; None if it is not one of the plain forms."""
    found = [_test_of(clause) for clause in _AND.split(expression)]
    tests = tuple(each for each in found if each)
    return tests if len(tests) == len(found) else None


def _test_of(clause: str) -> Test | None:
    for form, test in _FORMS:
        match = form.fullmatch(clause)
        if match:
            name, *values = match.groups()
            return name, test, tuple(values)
    return None


def _answer(
    tests: tuple[Test, ...],
    item: Mapping[str, Any],
    values: Mapping[str, Any],
    names: Mapping[str, str],
) -> bool | None:
    """Return whether an item passes; None if not all that is compared are texts."""
    for name, test, refs in tests:
        found = item.get(names.get(name, name))
        asked = [values.get(ref) for ref in refs]
        texts = [each.get("S") for each in (found, *asked) if isinstance(each, dict)]
        if len(texts) != len(refs) + 1 or not all(isinstance(t, str) for t in texts):
            return None
        if not test(*texts):
            return False
    return True
