"""Build the items of a snapshot: one, or a head and parts if the calls are many.

DynamoDB takes items of up to 400 KB; Plivo's records of 500 calls are as many.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from masking.core.key_space import SNAPSHOT, SNAPSHOT_PART, Item, part_key, session_key
from masking.core.times import stamp
from masking.domain.call_records import CallRecord
from masking.storage.table import FORMAT

Calls = Sequence[Mapping[str, Any]]

# What DynamoDB takes, in bytes.
LARGEST_ITEM = 400 * 1024

# Bytes of calls that are kept in one item with the rest of the snapshot.
MOST_IN_HEAD = 350_000

# What a part holds of more.
MOST_IN_PART = 100_000
MOST_CALLS_IN_PART = 100

# Digits of the place of a part among its snapshot's.
PLACE = 5

# How an item of a snapshot in parts is to be read. Releases that don't know parts
# would take it for one without calls.
IN_PARTS = 2

# DynamoDB's own: of an element, of a list or a map, and of a number at most.
ELEMENT = 1
CONTAINER = 3
NUMBER = 21


@dataclass(frozen=True)
class SnapshotItems:
    """The items of a snapshot: its *head*, and the *parts* to be written before it."""

    head: Item
    parts: Sequence[Item] = ()


def snapshot_items(
    session_uuid: str, item: Item, before: Item | None, generation: str
) -> SnapshotItems:
    """Build the items of a snapshot, given as one *item*.

    Parts that are as they were *before* stay; new ones are named after *generation*,
    so that no name of a part is ever used again.
    """
    pk = session_key(session_uuid)
    whole = {**item, "pk": pk, "sk": SNAPSHOT}
    if size_of(item["calls"]) <= MOST_IN_HEAD:
        return SnapshotItems(whole)
    erased = {"erased": True} if "erased" in item else {}
    known = {(p["digest"], p["name"][:PLACE]): p for p in parts_of(before)}
    listed, parts = [], []
    for number, calls in enumerate(_cut(item["calls"])):
        place = f"{number:0{PLACE}}"
        digest = _digest_of(calls, erased)
        entry = known.get((digest, place))
        if entry is None:
            entry = {
                "name": f"{place}#{generation}",
                "digest": digest,
                "count": len(calls),
                **_times_of(calls),
            }
            parts.append(
                {
                    "pk": pk,
                    "sk": part_key(SNAPSHOT_PART, entry["name"]),
                    "calls": list(calls),
                    "purge_at": item["purge_at"],
                    **erased,
                }
            )
        listed.append(entry)
    head = {k: v for k, v in whole.items() if k != "calls"}
    return SnapshotItems({**head, "parts": listed, FORMAT: IN_PARTS}, parts)


def parts_of(head: Item | None) -> list[Item]:
    """Return what a snapshot's head says of its parts; nothing if it has none."""
    return list(head.get("parts", ())) if head else []


def whole_item(head: Item) -> Item:
    """Return what a snapshot's head says but for its parts."""
    return {k: v for k, v in head.items() if k not in ("parts", FORMAT)}


def size_of(value: Any) -> int:
    """Return how many bytes DynamoDB counts for a value, at most."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Mapping):
        inner = (ELEMENT + len(k.encode()) + size_of(v) for k, v in value.items())
        return CONTAINER + sum(inner)
    if isinstance(value, Sequence):
        return CONTAINER + sum(ELEMENT + size_of(each) for each in value)
    return NUMBER


def _cut(calls: Calls) -> Iterator[Calls]:
    """Cut calls into parts, in order, from the first: those that are added go last."""
    part: list[Mapping[str, Any]] = []
    size = 0
    for call in calls:
        adds = ELEMENT + size_of(call)
        if part and (len(part) == MOST_CALLS_IN_PART or size + adds > MOST_IN_PART):
            yield part
            part, size = [], 0
        part.append(call)
        size += adds
    yield part


def _times_of(calls: Calls) -> dict[str, str]:
    """Return when the first of calls began, and when the last did."""
    began = [CallRecord(call).span[0] for call in calls]
    return {"began": stamp(min(began)), "last": stamp(max(began))}


def _digest_of(calls: Calls, erased: Mapping[str, bool]) -> str:
    """Return the SHA-256 of a part (hex); of an erased session it is another."""
    said = json.dumps([dict(erased), list(calls)], sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()
