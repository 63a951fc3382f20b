"""The key space: the items of the table and their keys.

| item             | pk                    | sk               | written by         |
|------------------|-----------------------|------------------|--------------------|
| session state    | S#{session}           | A#STATE          | every change       |
| session request  | S#{session}           | A#REQUEST        | create, once       |
| end beside a     | S#{session}           | A#END            | an update or an    |
| check            |                       |                  | ending in doubt    |
| snapshot         | S#{session}           | A#SNAPSHOT       | settlement         |
| part of a        | S#{session}           | S1#{place}#{new} | settlement, erasure|
| snapshot, if long|                       |                  |                    |
| call, once told  | S#{session}           | C#{end}#{call}   | stream, settlement |
| callback         | S#{session}           | E#{time}#{sha256}| each callback      |
| recording        | S#{session}           | R#{recording}    | stream, then each  |
|                  |                       |                  | step of its life   |
| checkpoint       | S#{session}           | T1#{time}        | stream, in a long  |
|                  |                       |                  | session            |
| legal hold       | S#{session}           | A#HOLD           | operator           |
| delivery         | S#{session}           | W#{event}        | each attempt       |
|                  | S#{erasure}           |                  |                    |
| party link       | P#{tenant}#{number}   | {time}#{session} | stream             |
| caller link      | C#{tenant}#{number}   | {time}#{session} | stream             |
| attempt link     | U#{tenant}#{number}   | {time}#{session} | stream, for a      |
|                  |                       |                  | create that failed |
| label link       | L#{tenant}#{k}={v}    | {time}#{session} | stream             |
| recording link   | RECORDING#{recording} | LINK             | stream             |
| carrier link     | CARRIER#{session}     | LINK             | stream             |
| key              | KEY#{sha256}          | KEY              | operator, at use   |
| key link         | TENANT#{tenant}       | KEY#{key id}     | operator           |
| reconciliation   | ROUND#{name}          | ROUND            | reconciler         |
| retention rule   | TENANT#{tenant}       | RECORDINGS       | operator           |
| tenant's settings| TENANT#{tenant}       | SETTINGS         | operator           |
| webhook secrets' | TENANT#{tenant}       | WEBHOOKS         | operator           |
| generations      |                       |                  |                    |
| creates counted  | TENANT#{tenant}       | CREATES#{minute} | create             |
| live sessions    | TENANT#{tenant}       | LIVE             | stream             |
| app's server     | ENDPOINT#{t}#{sha256} | PAUSE            | each failure of it |
| slow tenant      | ENDPOINT#{tenant}#    | SLOW             | slow deliveries    |
| lane of slow ones| ENDPOINT#LANE{number} | LANE             | slow deliveries    |
| virtual number   | POOL#{number}         | NUMBER           | stream, reconciler |
| PIN failures     | GUESS#{tenant}#{pair} | {day}            | stream             |
| PIN in use       | PIN#{pin}             | PIN              | create, stream     |
| call after the   | ANSWERED#{sha256}     | {what Plivo      | answer_call        |
| end              |                       | asked}           |                    |
| tombstone        | ERASED#{t}#{number}   | MARKER           | create_erasure     |
| erasure          | ERASURE#{erasure}     | ERASURE          | create_erasure,    |
|                  |                       |                  | erase_number       |
| count of session | ERASURE#{erasure}     | S#{session}      | erase_number       |

`{number}` is a keyed hash, but of POOL the virtual number itself, which is not
personal; `{pair}` is one of a virtual number and a caller's, `{pin}` one of a virtual
number and a PIN. No key holds a personal number. Index `duties` (sparse):
`duty_shard`, `duty_at`, on session states and ends. Index `by_tenant`:
`tenant_sessions`, `created_key`, on carrier links, of which each confirmed session
has exactly one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

STATE = "A#STATE"
REQUEST = "A#REQUEST"
END = "A#END"
SNAPSHOT = "A#SNAPSHOT"
API_KEY = "KEY"
LINK = "LINK"
RECONCILIATION = "ROUND"
HOLD = "A#HOLD"
RECORDINGS = "RECORDINGS"
SETTINGS = "SETTINGS"
WEBHOOKS = "WEBHOOKS"
LIVE = "LIVE"
PAUSE = "PAUSE"
SLOW = "SLOW"
LANE = "LANE"
PIN = "PIN"
TOMBSTONE = "MARKER"
ERASURE = "ERASURE"
NUMBER = "NUMBER"

# Kinds of a session's parts, in the order of their sort keys.
ASPECT = "A"
CALL = "C"
CALLBACK = "E"
RECORDING = "R"
# Not among those that are read with a session's callbacks.
SNAPSHOT_PART = "S1"
# Counted by the rules of this release; others count by theirs, under another number.
CHECKPOINT = "T1"
DELIVERY = "W"

Item = dict[str, Any]


# Keys


def session_key(session_uuid: str) -> str:
    """Return the partition of a session and all that belongs to it."""
    return f"S#{session_uuid}"


def owner_of(item: Mapping[str, Any]) -> str:
    """Return whose partition an item is in: the session's UUID, or the erasure's id."""
    return str(item["pk"]).partition("#")[2]


def part_key(kind: str, name: str) -> str:
    """Return the sort key of a session's callback, recording or delivery."""
    return f"{kind}#{name}"


def is_part(kind: str, item: Mapping[str, Any]) -> bool:
    """Return whether an item is a session's callback, recording or delivery."""
    return str(item["sk"]).startswith(part_key(kind, ""))


def attributes_of(callback: Item) -> dict[str, str]:
    """Return the attributes of a callback's item; what can't be read is left out.

    So an odd item takes no other of its session with it.
    """
    told = callback.get("attributes")
    if not isinstance(told, Mapping):
        return {}
    return {k: v for k, v in told.items() if isinstance(k, str) and isinstance(v, str)}


def name_of(item: Mapping[str, Any]) -> str:
    """Return the end of a sort key.

    That is a callback's digest, a recording's UUID, the id of a delivery's event, and
    the session's UUID of a link.
    """
    return str(item["sk"]).rpartition("#")[2]


def callback_name(callback: Item) -> str:
    """Return a callback's place and digest: what names it among its session's items."""
    return str(callback["sk"]).partition("#")[2]


def party_key(tenant_id: str, number_hash: str) -> str:
    """Return the partition of the sessions in which a number is a party."""
    return f"P#{tenant_id}#{number_hash}"


def caller_key(tenant_id: str, number_hash: str) -> str:
    """Return the partition of the sessions that a stranger's number has called."""
    return f"C#{tenant_id}#{number_hash}"


def attempt_key(tenant_id: str, number_hash: str) -> str:
    """Return the partition of the failed creates that named a number."""
    return f"U#{tenant_id}#{number_hash}"


def tombstone_key(tenant_id: str, number_hash: str) -> str:
    """Return the partition of the tombstone of an erased number."""
    return f"ERASED#{tenant_id}#{number_hash}"


def pin_key(hashed: str) -> str:
    """Return the partition of a PIN at a virtual number."""
    return f"PIN#{hashed}"


def answered_key(call_uuid: str) -> str:
    """Return the partition of a call that came once its session was over."""
    digest = hashlib.sha256(call_uuid.encode(errors="replace")).hexdigest()
    return f"ANSWERED#{digest}"


def erasure_key(erasure_id: str) -> str:
    """Return the partition of an erasure and of its counts per session."""
    return f"ERASURE#{erasure_id}"


def label_key(tenant_id: str, key: str, value: str) -> str:
    """Return the partition of the sessions that carry a label."""
    return f"L#{tenant_id}#{key}={value}"


def recording_key(recording_uuid: str) -> str:
    """Return the key of the link from a recording to its session."""
    return f"RECORDING#{recording_uuid}"


def tenant_key(tenant_id: str) -> str:
    """Return the partition of what is set for a tenant."""
    return f"TENANT#{tenant_id}"


def api_key_key(digest: str) -> str:
    """Return the partition of an API key, which is named by its SHA-256."""
    return f"KEY#{digest}"


def reconciliation_key(name: str) -> str:
    """Return the partition of the state of reconciliation runs."""
    return f"ROUND#{name}"


def api_key_link(key_id: str) -> str:
    """Return the sort key by which a tenant's API key is listed."""
    return f"KEY#{key_id}"


def minute_key(now: datetime) -> str:
    """Return the sort key of the counter of creates in the minute of *now*."""
    return f"CREATES#{now.astimezone(UTC):%Y-%m-%dT%H:%M}"


def carrier_key(carrier_session_uuid: str) -> str:
    """Return the key of the link from Plivo's session to ours."""
    return f"CARRIER#{carrier_session_uuid}"


def pool_key(virtual_number: str) -> str:
    """Return the partition of a virtual number: one rented, or that a session had."""
    return f"POOL#{virtual_number}"


def endpoint_key(tenant_id: str, origin: str) -> str:
    """Return the partition of an app's server: scheme, host and port of its URL."""
    digest = hashlib.sha256(origin.encode()).hexdigest()
    return f"ENDPOINT#{tenant_id}#{digest}"


def slow_key(tenant_id: str) -> str:
    """Return the partition of how long a tenant's deliveries take."""
    return f"ENDPOINT#{tenant_id}#"


def lane_key(lane: int) -> str:
    """Return the partition of a lane that slow deliveries share."""
    return f"ENDPOINT#LANE{lane}"


def guess_key(tenant_id: str, pair_hash: str) -> str:
    """Return the partition of the PINs that a caller got wrong at a virtual number."""
    return f"GUESS#{tenant_id}#{pair_hash}"
