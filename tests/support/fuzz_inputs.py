"""Inputs for the fuzz: what has broken parsers before, and what is made up from it.

The corpus is `fuzz_corpus.json`: whatever a run finds is added there by hand, and every
target takes each of its entries in every run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

CORPUS: list[str] = json.loads(
    (Path(__file__).parent / "fuzz_corpus.json").read_text("utf-8")
)

# Too long to be written down: Python refuses to make an integer of 4,301 digits.
LONG = ["9" * 5_001, "1" + "0" * 5_000, "-" + "9" * 5_001, "0." + "0" * 5_000 + "1"]
CORPUS += [*LONG, "+" + "1" * 5_000, "https://" + "a." * 2_000 + "b/"]

# Longer than what hypothesis likes to print.
LONGEST = ["a" * 70_000, "1 " * 70_000, "é" * 70_000]


def _entry(number: int) -> str:
    """Return an entry of the corpus; hypothesis would print all of a list."""
    return CORPUS[number]


entries = st.integers(0, len(CORPUS) - 1).map(_entry)
ANY_CHARACTER = st.characters(codec=None, exclude_categories=())
texts = st.one_of(
    entries,
    st.text(ANY_CHARACTER, max_size=40),
    st.from_regex(r"[-+]?[0-9_.,eE: TZ/()-]{1,30}", fullmatch=True),
    st.builds(
        lambda a, b, cut: a[: cut % (len(a) + 1)] + b,
        entries,
        entries,
        st.integers(0, 100),
    ),
)

# What UTF-8 can carry: a lone surrogate comes in by an escape of JSON alone.
carried_texts = texts.map(lambda text: text.encode("utf-8", "replace").decode())

numbers = st.one_of(
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.sampled_from([10**40, -(10**40), 1e308, -1e308, 5e-324]),
    st.just(4_000).map(lambda digits: 10**digits),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)
    ),
    max_leaves=8,
)

bodies = st.one_of(
    st.binary(max_size=200),
    carried_texts.map(str.encode),
    json_values.map(lambda value: _dumped(value)),
    st.dictionaries(texts, json_values, max_size=6).map(lambda value: _dumped(value)),
    st.builds(lambda a, b: a + b, st.just(b"EventName=x&"), st.binary(max_size=60)),
)


def _dumped(value: Any) -> bytes:
    try:
        return json.dumps(value).encode()
    except ValueError:
        # A whole number of more digits than Python writes out.
        return b"9" * 5_001


def objects(names: Iterable[str], values: Any = json_values) -> st.SearchStrategy[Any]:
    """Return objects with some of the known *names*, and with others."""
    known = st.dictionaries(st.sampled_from(sorted(names)), values, max_size=12)
    other = st.dictionaries(texts, values, max_size=2)
    return st.builds(lambda a, b: {**a, **b}, known, other)


def by_corpus(kind: str) -> list[Any]:
    """Return the corpus as inputs of a kind: `text`, `carried` or `bytes`."""
    if kind == "text":
        return [*CORPUS, *LONGEST]
    carried = [each.encode("utf-8", "replace").decode() for each in CORPUS]
    if kind == "carried":
        return [*carried, *LONGEST]
    in_latin_1 = [each.encode("latin-1", "replace") for each in LONGEST]
    return [*(each.encode() for each in [*carried, *LONGEST]), *in_latin_1]
