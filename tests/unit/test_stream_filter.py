"""What changes something is handed to publish_changes, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from masking.core import key_space
from proofs.benches.flat import stream_filter

PATTERNS = stream_filter.patterns()
ALL = ("INSERT", "MODIFY", "REMOVE")


def record(name: str, sort_key: str, status: str = "active") -> dict[str, Any]:
    """Return a record of the stream."""
    image = {"sk": {"S": sort_key}, "status": {"S": status}}
    images = {"INSERT": ("NewImage",), "REMOVE": ("OldImage",)}
    return {
        "eventName": name,
        "dynamodb": {
            "Keys": {"pk": {"S": "any"}, "sk": {"S": sort_key}},
            **dict.fromkeys(images.get(name, ("NewImage", "OldImage")), image),
        },
    }


@pytest.mark.parametrize(
    ("sort_key", "names"),
    [
        (key_space.STATE, ALL),
        (key_space.ERASURE, ("INSERT", "MODIFY")),
        (key_space.part_key(key_space.RECORDING, "one"), ("INSERT", "MODIFY")),
        (key_space.part_key(key_space.CALLBACK, "time#hash"), ("INSERT",)),
        (key_space.part_key(key_space.CALL, "end#call"), ()),
        (key_space.part_key(key_space.DELIVERY, "event"), ()),
        (key_space.part_key(key_space.CHECKPOINT, "time"), ()),
        (key_space.REQUEST, ()),
        (key_space.SNAPSHOT, ()),
        (key_space.part_key(key_space.SNAPSHOT_PART, "00001#new"), ()),
        (key_space.END, ()),
        (key_space.LINK, ()),
        (key_space.LIVE, ()),
        ("2026-03-01T12:00:00.000000Z#session", ()),
    ],
)
def test_only_what_leads_to_something_invokes(
    sort_key: str, names: tuple[str, ...]
) -> None:
    found = [
        name for name in ALL if stream_filter.invokes(record(name, sort_key), PATTERNS)
    ]

    assert tuple(found) == names


@pytest.mark.parametrize(
    ("status", "counts"), [("active", True), ("ending", True), ("expired", False)]
)
def test_a_state_that_is_purged_is_told_of_while_it_is_live(
    status: str, counts: bool
) -> None:
    purged = record("REMOVE", key_space.STATE, status)

    assert stream_filter.invokes(purged, PATTERNS) is counts
