"""Numbers that come as text are read in one place, which knows what they may be.

`int("1_000")`, `int("٣")`, `float("nan")` and `int` of 5,000 digits are what no sender
means. So `int`, `float` and `Decimal` are called in `core/amounts.py` and
`core/times.py`, and elsewhere only on what is a number already, or is ours or AWS's.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

LAYER = Path(__file__).resolve().parents[2] / "layers" / "masking" / "masking"
PARSERS = {"core/amounts.py", "core/times.py"}
NUMERIC = {"int", "float", "Decimal", "complex", "Fraction"}

# Methods and properties that return numbers.
NUMBERS = {"timestamp", "total_seconds", "to_integral_value", "status"}

# What else is converted, and why that is no text from outside.
EXCEPTIONS = {
    ("api/requests.py", "text"): "a number that JSON's grammar has read",
    ("api/requests.py", "value"): "a number that is finite and whole",
    ("callbacks/receive.py", "match['attempt']"): "at most nine digits of our own URL",
    ("core/addresses.py", "ip"): "an address that ipaddress has read",
    ("core/numbering.py", "code"): "one of our table of calling codes",
    ("core/settings.py", "text"): "a parameter of the deployment",
    ("storage/attribute_values.py", "number"): "a number of DynamoDB's, 38 digits long",
    ("domain/audio_files.py", "promised"): "four bytes of a header, unpacked",
    ("domain/audio_files.py", "rate"): "four bytes of a header, unpacked",
    (
        "domain/audio_files.py",
        "tag.frames * per_frame * share",
    ): "counts of a header, unpacked",
    (
        "erasure/erase_number.py",
        "message['attributes']['ApproximateReceiveCount']",
    ): "a count of SQS",
    ("plivo/callback_urls.py", "match['attempt']"): "digits of our own URL",
    (
        "recording/announce.py",
        "own or self.stores.recordings.retention_of(session.tenant_id) or "
        "self.retention_days",
    ): "what requests and settings were checked for",
    (
        "recording/store_recording.py",
        "message['attributes']['ApproximateReceiveCount']",
    ): "a count of SQS",
    (
        "stream/republish_changes.py",
        "message.get('attributes', {}).get('ApproximateReceiveCount', 1)",
    ): "a count of SQS",
    ("storage/recordings.py", "item['retention_days']"): "an item of ours",
    ("storage/tenants.py", "item['live']"): "an item of ours",
    ("storage/tenants.py", "item['made']"): "an item of ours",
    ("stream/publish_changes.py", "written"): "a time of the stream",
    ("storage/told_calls.py", "item['turn']"): "an item of ours",
    (
        "webhooks/owners.py",
        "message['attributes'].get('ApproximateReceiveCount', 1)",
    ): "a count of SQS",
    (
        "webhooks/owners.py",
        "message['attributes']['SentTimestamp']",
    ): "a time of SQS",
    ("webhooks/ssrf_guard.py", "address"): "an address that ipaddress has read",
}

# What is given types as types.
ABOUT_TYPES = {"TypeVar", "cast", "isinstance"}

# Converters that are handed over: of parameters of the deployment.
HANDED_OVER = {"core/settings.py"}


def conversions(tree: ast.AST) -> Iterator[str]:
    """Yield what is converted to a number, as source text, unless it is one already."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func
        called = name.id if isinstance(name, ast.Name) else ast.unparse(name)
        if called.rpartition(".")[2] in NUMERIC:
            yield from (ast.unparse(each) for each in node.args if not is_number(each))


def handed_over(tree: ast.AST) -> Iterator[str]:
    """Yield calls that are given a converter, such as `map(int, ...)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) not in ABOUT_TYPES:
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            if any(isinstance(each, ast.Name) and each.id in NUMERIC for each in given):
                yield ast.unparse(node)


def is_number(node: ast.expr) -> bool:
    """Return whether an expression is a number, or written down in the source."""
    match node:
        case ast.Constant():
            return True
        case ast.Call(func=ast.Attribute(attr=attr)):
            return attr in NUMBERS
        case ast.Attribute(attr=attr):
            return attr in NUMBERS
        case ast.BinOp(left=left, op=ast.Pow()):
            return is_number(left)
    return False


def test_only_the_parsers_make_numbers_of_text() -> None:
    found = {
        (str(path.relative_to(LAYER)), converted)
        for path in LAYER.rglob("*.py")
        for converted in conversions(ast.parse(path.read_text()))
    }

    strange = {each for each in found if each[0] not in PARSERS} - EXCEPTIONS.keys()
    assert strange == set(), "use masking.core.amounts, or say why here"
    assert EXCEPTIONS.keys() - found == set(), "no exception is left that is none"


def test_only_settings_hand_a_converter_over() -> None:
    found = {
        str(path.relative_to(LAYER))
        for path in LAYER.rglob("*.py")
        if any(handed_over(ast.parse(path.read_text())))
    }

    assert found == HANDED_OVER


@pytest.mark.parametrize(
    ("source", "converted"),
    [
        ("int(text)", ["text"]),
        ("float(body['a'])", ["body['a']"]),
        ("decimal.Decimal(str(x))", ["str(x)"]),
        ("int(at.timestamp())", []),
        ("int((a - b).total_seconds())", []),
        ("Decimal(0) + Decimal(10**9)", []),
        ("float('inf')", []),
    ],
)
def test_the_check_sees_what_is_converted(source: str, converted: list[str]) -> None:
    assert list(conversions(ast.parse(source))) == converted


@pytest.mark.parametrize(
    ("source", "is_seen"),
    [
        ("map(int, parts)", True),
        ("read(converter=float)", True),
        ("isinstance(x, int)", False),
        ("int(x)", False),
    ],
)
def test_the_check_sees_who_is_given_a_converter(source: str, is_seen: bool) -> None:
    assert any(handed_over(ast.parse(source))) is is_seen
