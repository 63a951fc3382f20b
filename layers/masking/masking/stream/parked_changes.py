"""Park a change of the table with what its replay needs, and without a person in it.

Events that the bus refused are parked themselves. A change of which no events could be
made is parked with its two images, because the table has only the last state when it is
replayed, and the stream forgets after a day. Of the images, the fields named here are
kept. What a session's attributes say is kept as a keyed hash: equal values stay equal,
and the replay reads in the table what they are.

| parked | holds                                                                |
|--------|----------------------------------------------------------------------|
| always | `pk`, `sk`, `reason`, `was` (the status before), `place` (in the     |
|        | table's stream)                                                      |
| if any | `events` as the bus would have them, or `old` and `new`, the images  |
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from masking.core import key_space, numbers
from masking.domain.bus_events import Event
from masking.domain.redaction import ACCOUNTING
from masking.domain.sessions import PARTIES
from masking.stream import item_events

# Bytes; a message of SQS's holds no more.
MOST_BYTES = 250_000

# Of a session's state: all but the hash of the request, by which who knows the numbers
# could be recognized, and the keys of what is due.
STATE_FIELDS = frozenset(
    {
        *("tenant_id", "status", "version", "attempt", "base_url", "reserved_at"),
        *("lease_until", "carrier_session_uuid", "virtual_number", "former_number"),
        *("created_time", "modified_time", "expiry_time", "answered", "pending"),
        *("doubted", "presumed", "ended_time", "ended_by", "settle_at", "settled"),
        *("totals_as_of", "repaired", "erased_at", "linger", "labels", "purge_at"),
        *("retention_days", "kept_until", "planned_end"),
    }
)
ERASURE_FIELDS = frozenset({"tenant_id", "requested_at", "completed_at", "found"})
RECORDING_FIELDS = frozenset(
    {
        *("tenant_id", "status", "nudges", "failures", "source", "reason", "held"),
        *(name for names in item_events.PUBLISHED_FIELDS.values() for name in names),
    }
)

# What marks a value of which only the hash is kept.
HASHED = "#"

Image = Mapping[str, Any]


def parked_of(
    record: Mapping[str, Any], reason: str, key: bytes, events: Sequence[Event] = ()
) -> dict[str, Any]:
    """Return the message that a change is parked as; *key* hashes what it says.

    *events* are those that could not be put on the bus.
    """
    change = record["dynamodb"]
    old, new = change.get("OldImage", {}), change.get("NewImage", {})
    parked = {
        "pk": change["Keys"]["pk"]["S"],
        "sk": change["Keys"]["sk"]["S"],
        "reason": reason,
        "was": old.get("status", {}).get("S"),
        "place": change.get("SequenceNumber"),
    }
    more: dict[str, Any] = {"events": [each.detail() for each in events]}
    if not events:
        images = {"old": old, "new": new}
        more = {name: _kept(parked["sk"], im, key) for name, im in images.items()}
    whole = parked | {name: value for name, value in more.items() if value}
    fits = len(json.dumps(whole).encode()) <= MOST_BYTES
    return whole if fits else parked


def record_of(
    parked: Mapping[str, Any], image: Image, settings: Mapping[str, Any], key: bytes
) -> dict[str, Any]:
    """Rebuild the stream record of a parked change.

    *image* is the item as it is now, *settings* the session's attributes now. A change
    that was parked without images is rebuilt from the item alone.
    """
    keys = {"pk": {"S": parked["pk"]}, "sk": {"S": parked["sk"]}}
    new: Image = image
    old: Image = {**image, "status": {"S": parked["was"]}} if parked["was"] else {}
    if parked.get("new"):
        is_state = parked["sk"] == key_space.STATE
        fixed = {**keys, **({"request_hash": {"S": ""}} if is_state else {})}
        new = {**fixed, **_restored(parked["new"], settings, key)}
        old = (
            {**fixed, **_like(parked["old"], parked["new"], new)}
            if (parked.get("old"))
            else {}
        )
    return {
        "dynamodb": {
            "Keys": keys,
            "NewImage": new,
            "SequenceNumber": parked.get("place"),
            **({"OldImage": old} if old else {}),
        }
    }


def _kept(sk: str, image: Image, key: bytes) -> dict[str, Any]:
    """Return of an image what may be parked; nothing of an item that never changes."""
    if sk == key_space.ERASURE:
        kept = {name: image[name] for name in image.keys() & ERASURE_FIELDS}
        asks = {"callback_url": {"S": HASHED}} if "callback_url" in image else {}
        return kept | asks
    if key_space.is_part(key_space.RECORDING, {"sk": sk}):
        return {name: image[name] for name in image.keys() & RECORDING_FIELDS}
    if sk != key_space.STATE:
        return {}
    kept = {name: image[name] for name in image.keys() & STATE_FIELDS}
    if "answered" in kept:
        kept["answered"] = _hashed(kept["answered"], key)
    if "pending" in kept:
        pending = dict(kept["pending"]["M"])
        pending["changes"] = _hashed(pending["changes"], key)
        kept["pending"] = {"M": pending}
    return kept


def _hashed(attributes: Image, key: bytes) -> dict[str, Any]:
    """Hash the texts among attributes; how long and how much is no person's."""
    return {
        "M": {
            name: value
            if name in ACCOUNTING or not value.keys() & {"S", "M", "L"}
            else {"S": HASHED + _hash_of(_plain(value), key)}
            for name, value in attributes["M"].items()
        }
    }


def _hash_of(value: Any, key: bytes) -> str:
    return numbers.hashed(key, json.dumps(value, sort_keys=True, default=str))


def _plain(value: Image) -> Any:
    """Return the plain value of one in DynamoDB's form; numbers as text."""
    [(kind, content)] = value.items()
    if kind == "M":
        return {name: _plain(each) for name, each in content.items()}
    if kind == "L":
        return [_plain(each) for each in content]
    return content


def _restored(parked: Image, settings: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    """Put back what is hashed, as far as it is still so; parties as they are now."""
    if "answered" not in parked:
        return dict(parked)
    answered = {
        name: _now(name, value, settings, key)
        for name, value in parked["answered"]["M"].items()
    }
    return {**parked, "answered": {"M": answered}}


def _now(name: str, value: Image, settings: Mapping[str, Any], key: bytes) -> Image:
    if not _is_hashed(value):
        return value
    now = settings.get(name)
    is_same = value["S"] == HASHED + _hash_of(now, key)
    return (
        {"S": now} if isinstance(now, str) and (is_same or name in PARTIES) else value
    )


def _like(old: Image, parked: Image, new: Image) -> dict[str, Any]:
    """Put back into the state before what was as it is in *new*, parked as *parked*.

    What was otherwise stays a hash, which is equal to nothing.
    """
    known = parked.get("answered", {"M": {}})["M"]
    shown = new.get("answered", {"M": {}})["M"]

    def back(attributes: Image) -> dict[str, Any]:
        return {
            "M": {
                name: shown[name] if value == known.get(name) else value
                for name, value in attributes["M"].items()
            }
        }

    like = dict(old)
    if "answered" in like:
        like["answered"] = back(like["answered"])
    if "pending" in like:
        pending = dict(like["pending"]["M"])
        like["pending"] = {"M": {**pending, "changes": back(pending["changes"])}}
    return like


def _is_hashed(value: Image) -> bool:
    return str(value.get("S", "")).startswith(HASHED)
