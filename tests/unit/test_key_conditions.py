"""A query's condition says the same of an item whether it is parsed once or anew."""

from __future__ import annotations

from typing import Any

import pytest

from stack.aws.key_conditions import SLOT, parsed_once

ITEM = {"pk": {"S": "S#1"}, "sk": {"S": "E#b"}, "n": {"N": "7"}}


class Asked:
    """Stands for the embedded AWS, and counts what it is asked."""

    def __init__(self, answer: bool = True) -> None:
        self.answer = answer
        self.count = 0

    def __call__(self, *_condition: Any, **_slot: str) -> bool:
        """Answer as it always does."""
        self.count += 1
        return self.answer


def texts(**values: str) -> dict[str, dict[str, str]]:
    return {f":{name}": {"S": value} for name, value in values.items()}


@pytest.mark.parametrize(
    ("condition", "values", "passes"),
    [
        ("pk = :a", texts(a="S#1"), True),
        ("pk = :a", texts(a="S#2"), False),
        ("pk = :a AND sk = :b", texts(a="S#1", b="E#b"), True),
        ("pk = :a AND sk < :b", texts(a="S#1", b="E#b"), False),
        ("pk = :a AND sk <= :b", texts(a="S#1", b="E#b"), True),
        ("pk = :a AND sk > :b", texts(a="S#1", b="E#a"), True),
        ("pk = :a AND sk >= :b", texts(a="S#1", b="E#c"), False),
        ("pk = :a AND begins_with(sk, :b)", texts(a="S#1", b="E#"), True),
        ("pk = :a AND begins_with(sk, :b)", texts(a="S#1", b="R#"), False),
        ("pk = :a AND sk BETWEEN :b AND :c", texts(a="S#1", b="E#", c="E#~"), True),
        ("pk = :a AND sk BETWEEN :b AND :c", texts(a="S#1", b="A#", c="E#a"), False),
        ("#k = :a AND #s BETWEEN :b AND :c", texts(a="S#1", b="E#b", c="E#b"), True),
    ],
)
def test_a_plain_condition_is_asked_once(
    condition: str, values: dict[str, Any], passes: bool
) -> None:
    asked = Asked(not passes)
    evaluate = parsed_once(asked)
    names = {"#k": "pk", "#s": "sk"}

    first = evaluate(condition, ITEM, values, names, slot=SLOT)
    after = [evaluate(condition, ITEM, values, names, slot=SLOT) for _ in range(3)]

    assert first is not passes
    assert after == [passes] * 3
    assert asked.count == 1


@pytest.mark.parametrize(
    ("condition", "values", "slot"),
    [
        ("pk = :a AND n = :b", {**texts(a="S#1"), ":b": {"N": "7"}}, SLOT),
        ("pk = :a AND gone = :b", texts(a="S#1", b="x"), SLOT),
        ("pk = :a AND sk = :missing", texts(a="S#1"), SLOT),
        ("(pk = :a) AND sk = :b", texts(a="S#1", b="E#b"), SLOT),
        ("pk = :a OR sk = :b", texts(a="S#1", b="E#b"), SLOT),
        ("pk <> :a", texts(a="S#1"), SLOT),
        ("pk = :a", texts(a="S#1"), "FilterExpression"),
        ("pk = :a", texts(a="S#1"), "ConditionExpression"),
    ],
)
def test_all_else_is_asked_each_time(
    condition: str, values: dict[str, Any], slot: str
) -> None:
    asked = Asked()
    evaluate = parsed_once(asked)

    for _ in range(3):
        assert evaluate(condition, ITEM, values, {}, slot=slot)

    assert asked.count == 3


def test_a_condition_that_is_refused_is_refused_each_time() -> None:
    def refuse(*_condition: Any, **_slot: str) -> bool:
        raise ValueError("reserved keyword")

    evaluate = parsed_once(refuse)

    for _ in range(2):
        with pytest.raises(ValueError, match="reserved"):
            evaluate("name = :a", ITEM, texts(a="x"), {}, slot=SLOT)
