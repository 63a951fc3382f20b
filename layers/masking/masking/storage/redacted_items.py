"""Redact the items of an erased session."""

from __future__ import annotations

from collections.abc import Mapping

from masking.core import key_space
from masking.core.key_space import SNAPSHOT, Item, session_key
from masking.domain.redaction import redacted_attributes, redacted_call, redacted_digest

# What stays of a callback's item; its `attributes` are redacted one by one.
CALLBACK = frozenset({"kind", "tenant_id", "attempt", "came", "received_at"})


def redacted_callback(
    item: Item, parties: Mapping[str, str | None] | None, key: bytes
) -> Item:
    """Return the redacted item of a callback, under a name of its own."""
    kept = {k: v for k, v in item.items() if k in CALLBACK | {"pk", "purge_at"}}
    where, _, digest = str(item["sk"]).rpartition("#")
    return {
        **kept,
        "sk": f"{where}#{redacted_digest(key, digest)}",
        "attributes": redacted_attributes(key_space.attributes_of(item), parties),
        "erased": True,
    }


def redacted_snapshot(session_uuid: str, known: Item | None, purge_at: int) -> Item:
    """Return the snapshot of an erased session; there is one, even if there was none.

    A settlement that set out before the erasure finds it and writes nothing.
    """
    kept: Item = known or {"purge_at": purge_at}
    return {
        **kept,
        "pk": session_key(session_uuid),
        "sk": SNAPSHOT,
        "calls": [redacted_call(each) for each in kept.get("calls", ())],
        "erased": True,
    }
