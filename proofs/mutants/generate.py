"""Choose mutants of some files and write them as JSON, one a line.

Runs in `.local/mutants-venv`, which has cosmic-ray and nothing of ours:
``python generate.py SEED MOST FILE...``. Each line has `file`, `line` (the first that
differs), `operator`, `was`, `is` and `code`, the file with the change.
"""

from __future__ import annotations

import ast
import difflib
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cosmic_ray import mutating, plugins
from cosmic_ray.ast import ast_nodes, get_ast

# Changes that mean something in a rule. Those of `|` and the like are of types here.
OPERATORS = (
    *("AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr"),
    *("ReplaceOrWithAnd", "ReplaceContinueWithBreak", "ZeroIterationForLoop"),
    *("ReplaceUnaryOperator_Delete_Not", "NumberReplacer"),
    *("ReplaceBinaryOperator_Add_Sub", "ReplaceBinaryOperator_Sub_Add"),
    *(
        f"ReplaceComparisonOperator_{pair}"
        for pair in (
            *("Eq_NotEq", "NotEq_Eq", "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt"),
            *("Lt_GtE", "GtE_Lt", "Is_IsNot", "IsNot_Is"),
        )
    ),
)

# Ours: cosmic-ray drops no statement, and a step that is left out is a usual mistake.
DROPPED = "StatementDropped"

Place = tuple[str, str, int]


def places_in(file: str) -> Iterator[Place]:
    """Yield where a file can be changed: the file, an operator, and which of its."""
    source = Path(file).read_text()
    nodes = list(ast_nodes(get_ast(source)))
    for name in OPERATORS:
        operator = plugins.get_operator(f"core/{name}")()
        found = sum(len(list(operator.mutation_positions(node))) for node in nodes)
        yield from ((file, name, number) for number in range(found))
    for number in range(len(statements_in(source))):
        yield file, DROPPED, number


def statements_in(source: str) -> list[ast.Expr]:
    """Return the statements that are a call whose value nobody takes."""
    return [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ]


def changed(source: str, operator: str, number: int) -> str | None:
    """Return a source with one change; None if there is none to make."""
    if operator != DROPPED:
        made: Any = plugins.get_operator(f"core/{operator}")()
        mutated: str | None = mutating.mutate_code(source, made, number)
        return mutated
    node = statements_in(source)[number]
    lines = source.splitlines(keepends=True)
    indent = " " * node.col_offset
    last = node.end_lineno or node.lineno
    return "".join([*lines[: node.lineno - 1], f"{indent}pass\n", *lines[last:]])


def main(seed: int, most: int, files: list[str]) -> None:
    """Write mutants, at most so many, chosen by dice."""
    places = [place for file in files for place in places_in(file)]
    chosen = random.Random(seed).sample(places, len(places))  # noqa: S311
    written = 0
    for file, operator, number in chosen:
        source = Path(file).read_text()
        code = changed(source, operator, number)
        if code is None or code == source or written == most:
            continue
        written += 1
        before, after = source.splitlines(), code.splitlines()
        at = next(n for n, (a, b) in enumerate(zip(before, after)) if a != b)  # noqa: B905
        lines = difflib.ndiff(before, after)
        differs = [line for line in lines if line[0] in "+-"]
        print(
            json.dumps(
                {
                    "file": file,
                    "line": at + 1,
                    "operator": operator,
                    "was": [line[2:].strip() for line in differs if line[0] == "-"],
                    "is": [line[2:].strip() for line in differs if line[0] == "+"],
                    "code": code,
                }
            )
        )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
