"""Work out DynamoDB's request units from the sizes of items, as AWS counts them.

Sizes are bytes, items are in DynamoDB's form. The rules and the examples that
`tests/unit/test_capacity.py` holds them to stand in AWS's developer guide:

- https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
- https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

READ_BYTES = 4_096
WRITE_BYTES = 1_024
EVENTUAL = 0.5
TRANSACTIONAL = 2

# What a list or map takes besides its contents, and each element in it.
CONTAINER_BYTES = 3
ELEMENT_BYTES = 1

Item = Mapping[str, Mapping[str, Any]]


def item_size(item: Item) -> int:
    """Return the bytes of an item: those of its attributes' names and values."""
    return sum(_name_size(name) + _value_size(value) for name, value in item.items())


def read_units(
    sizes: Iterable[int], *, consistent: bool, transactional: bool = False
) -> float:
    """Return what it takes to read items one by one; the size of a missing one is 0.

    So GetItem, BatchGetItem and TransactGetItems count.
    """
    steps = sum(_steps(size, READ_BYTES) for size in sizes)
    return steps * _share(consistent=consistent, transactional=transactional)


def query_units(sizes: Iterable[int], *, consistent: bool) -> float:
    """Return what one page of a query takes: all items that it read, together.

    *sizes* are those of all items that were evaluated, also of those that a filter took
    out, whole even if only some attributes are returned.
    """
    steps = _steps(sum(sizes), READ_BYTES)
    return steps * _share(consistent=consistent, transactional=False)


def write_units(before: int, after: int, *, transactional: bool = False) -> float:
    """Return what a write of an item takes: by the larger of its two sizes.

    *before* is 0 for a new item, *after* for a deleted one.
    """
    units = _steps(max(before, after), WRITE_BYTES)
    return units * (TRANSACTIONAL if transactional else 1)


def refused_write_units(existing: int, *, transactional: bool = False) -> float:
    """Return what a write takes whose condition fails: by the item that is there."""
    return write_units(existing, existing, transactional=transactional)


def index_write_units(
    before: Item, after: Item, keys: Sequence[str], projected: Sequence[str] | None
) -> float:
    """Return what a write of an item takes in one index.

    *keys* are the index's, *projected* are the names of all attributes in it, the keys
    of index and table among them; None for all. An item that lacks a key is not in the
    index. An entry whose key changes is deleted and written anew; one that stays as it
    is takes nothing.
    """
    old, new = _entry(before, keys, projected), _entry(after, keys, projected)
    if old == new:
        return 0
    same_key = all(old.get(key) == new.get(key) for key in keys)
    if not old or not new or same_key:
        return write_units(item_size(old), item_size(new))
    return write_units(item_size(old), 0) + write_units(0, item_size(new))


def _entry(item: Item, keys: Sequence[str], projected: Sequence[str] | None) -> Item:
    if not all(key in item for key in keys):
        return {}
    if projected is None:
        return item
    return {name: value for name, value in item.items() if name in projected}


def _steps(size: int, step: int) -> int:
    return max(1, math.ceil(size / step))


def _share(*, consistent: bool, transactional: bool) -> float:
    if transactional:
        return TRANSACTIONAL
    return 1 if consistent else EVENTUAL


def _name_size(name: str) -> int:
    return len(name.encode())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return _number_size(content)
        case "B":
            return _binary_size(content)
        case "BOOL" | "NULL":
            return 1
        case "M":
            return CONTAINER_BYTES + item_size(content) + ELEMENT_BYTES * len(content)
        case "L":
            inner = sum(ELEMENT_BYTES + _value_size(each) for each in content)
            return CONTAINER_BYTES + inner
        case "SS" | "NS" | "BS":
            return sum(_value_size({kind[0]: each}) for each in content)
    raise ValueError(f"DynamoDB has no type {kind}")


def _number_size(text: str) -> int:
    """Count a byte for two digits and one more, and one for a minus sign.

    Zeros before and after the other digits don't count.
    """
    mantissa = text.lstrip("+-").lower().partition("e")[0]
    digits = mantissa.replace(".", "").strip("0")
    return math.ceil(len(digits) / 2) + 1 + text.startswith("-")


def _binary_size(content: bytes | str) -> int:
    """Return the bytes themselves; as text they are in base64."""
    return len(base64.b64decode(content) if isinstance(content, str) else content)
