"""The items of the table and their keys.

| item             | pk                    | sk               | written by         |
|------------------|-----------------------|------------------|--------------------|
| session state    | S#{session}           | A#STATE          | every change       |
| session request  | S#{session}           | A#REQUEST        | create, once       |
| snapshot         | S#{session}           | A#SNAPSHOT       | settlement         |
| callback         | S#{session}           | E#{sha256}       | each callback      |
| recording        | S#{session}           | R#{recording}    | stream, then each  |
|                  |                       |                  | step of its life   |
| legal hold       | S#{session}           | A#HOLD           | operator           |
| delivery         | S#{session}           | W#{event}        | each attempt       |
| party link       | P#{tenant}#{number}   | {time}#{session} | stream             |
| caller link      | C#{tenant}#{number}   | {time}#{session} | stream             |
| attempt link     | U#{tenant}#{number}   | {time}#{session} | stream, for a      |
|                  |                       |                  | create that failed |
| label link       | L#{tenant}#{k}={v}    | {time}#{session} | stream             |
| recording link   | RECORDING#{recording} | LINK             | stream             |
| carrier link     | CARRIER#{session}     | LINK             | stream             |
| key              | KEY#{sha256}          | KEY              | operator, at use   |
| key link         | TENANT#{tenant}       | KEY#{key id}     | operator           |
| round            | ROUND#{name}          | ROUND            | reconciler         |
| tenant's rules   | TENANT#{tenant}       | RECORDINGS       | operator           |
| tenant's settings| TENANT#{tenant}       | SETTINGS         | operator           |
| webhook secrets' | TENANT#{tenant}       | WEBHOOKS         | operator           |
| generations      |                       |                  |                    |
| creates counted  | TENANT#{tenant}       | CREATES#{minute} | create             |
| live sessions    | TENANT#{tenant}       | LIVE             | stream             |
| app's server     | ENDPOINT#{t}#{sha256} | PAUSE            | each failure of it |
| PIN failures     | GUESS#{tenant}#{pair} | {day}            | stream             |
| erasure's marker | ERASED#{t}#{number}   | MARKER           | create_erasure     |
| erasure          | ERASURE#{erasure}     | ERASURE          | create_erasure,    |
|                  |                       |                  | erase_number       |
| erasure's tally  | ERASURE#{erasure}     | S#{session}      | erase_number       |

`{number}` is a keyed hash, `{pair}` one of a virtual number and a caller's; no key
holds a personal number. Index `duties` (sparse):
`duty_shard`, `duty_at`, on session states. Index `by_tenant`: `tenant_sessions`,
`created_key`, on carrier links, of which each confirmed session has exactly one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from masking import duties
from masking.sessions import Pending, Session, Settled, Status

STATE = "A#STATE"
REQUEST = "A#REQUEST"
SNAPSHOT = "A#SNAPSHOT"
KEY = "KEY"
LINK = "LINK"
ROUND = "ROUND"
HOLD = "A#HOLD"
RECORDINGS = "RECORDINGS"
SETTINGS = "SETTINGS"
WEBHOOKS = "WEBHOOKS"
LIVE = "LIVE"
PAUSE = "PAUSE"
MARKER = "MARKER"
ERASURE = "ERASURE"

# Kinds of a session's parts, in the order in which they stand.
ASPECT = "A"
CALLBACK = "E"
RECORDING = "R"
DELIVERY = "W"

Item = dict[str, Any]


# Keys


def session_key(session_uuid: str) -> str:
    """Give the partition of a session and all that belongs to it."""
    return f"S#{session_uuid}"


def owner_of(item: Mapping[str, Any]) -> str:
    """Give whose partition an item is in: the session's UUID, or the erasure's id."""
    return str(item["pk"]).partition("#")[2]


def part(kind: str, name: str) -> str:
    """Give the sort key of a session's callback, recording or delivery."""
    return f"{kind}#{name}"


def is_part(kind: str, item: Mapping[str, Any]) -> bool:
    """Say whether an item is a session's callback, recording or delivery."""
    return str(item["sk"]).startswith(part(kind, ""))


def name_of(item: Mapping[str, Any]) -> str:
    """Give what a sort key ends in.

    That is a callback's digest, a recording's UUID, the id of a delivery's event, and
    the session's UUID of a link.
    """
    return str(item["sk"]).partition("#")[2]


def party_key(tenant_id: str, number_hash: str) -> str:
    """Give the partition of the sessions in which a number is a party."""
    return f"P#{tenant_id}#{number_hash}"


def caller_key(tenant_id: str, number_hash: str) -> str:
    """Give the partition of the sessions that a stranger's number has called."""
    return f"C#{tenant_id}#{number_hash}"


def attempt_key(tenant_id: str, number_hash: str) -> str:
    """Give the partition of the failed creates in which a number was to be a party."""
    return f"U#{tenant_id}#{number_hash}"


def marker_key(tenant_id: str, number_hash: str) -> str:
    """Give the partition of the marker that a number was to be forgotten."""
    return f"ERASED#{tenant_id}#{number_hash}"


def erasure_key(erasure_id: str) -> str:
    """Give the partition of an erasure and of its tallies."""
    return f"ERASURE#{erasure_id}"


def label_key(tenant_id: str, key: str, value: str) -> str:
    """Give the partition of the sessions that carry a label."""
    return f"L#{tenant_id}#{key}={value}"


def recording_key(recording_uuid: str) -> str:
    """Give the key of the link from a recording to its session."""
    return f"RECORDING#{recording_uuid}"


def tenant_key(tenant_id: str) -> str:
    """Give the partition of what is set for a tenant."""
    return f"TENANT#{tenant_id}"


def bearer_key(digest: str) -> str:
    """Give the partition of an API key, which is named by its SHA-256."""
    return f"KEY#{digest}"


def round_key(name: str) -> str:
    """Give the partition of what a round of the reconciler remembers."""
    return f"ROUND#{name}"


def key_link(key_id: str) -> str:
    """Give the sort key by which a tenant's API key is listed."""
    return f"KEY#{key_id}"


def minute_key(now: datetime) -> str:
    """Give the sort key of the counter of creates in the minute of *now*."""
    return f"CREATES#{now.astimezone(UTC):%Y-%m-%dT%H:%M}"


def carrier_key(carrier_session_uuid: str) -> str:
    """Give the key of the link from Plivo's session to ours."""
    return f"CARRIER#{carrier_session_uuid}"


def endpoint_key(tenant_id: str, origin: str) -> str:
    """Give the partition of an app's server: scheme, host and port of its URL."""
    digest = hashlib.sha256(origin.encode()).hexdigest()
    return f"ENDPOINT#{tenant_id}#{digest}"


def guess_key(tenant_id: str, pair_hash: str) -> str:
    """Give the partition of the PINs that a caller got wrong at a virtual number."""
    return f"GUESS#{tenant_id}#{pair_hash}"


def listing_keys(session: Session) -> dict[str, str]:
    """Give the keys of index `by_tenant` for a confirmed session."""
    return {"tenant_sessions": session.tenant_id, "created_key": created_key(session)}


@dataclass(frozen=True)
class Place:
    """Where a listing stands: a partition of the table, or one of an index."""

    value: str
    attribute: str = "pk"
    sort_attribute: str = "sk"
    index: str | None = None


def place_of_tenant(tenant_id: str) -> Place:
    """Give the place where all sessions of a tenant are listed."""
    return Place(tenant_id, "tenant_sessions", "created_key", "by_tenant")


def created_key(session: Session) -> str:
    """Say where a confirmed session stands in listings: by time, then by UUID."""
    created = session.created_time or session.reserved_at
    return f"{stamp(created)}#{session.session_uuid}"


# Items


def state_item(session: Session, purge_at: int) -> Item:
    """Build the state item of a session; in index `duties` while it has a duty."""
    item: Item = {
        "pk": session_key(session.session_uuid),
        "sk": STATE,
        "tenant_id": session.tenant_id,
        "status": session.status.value,
        "version": session.version,
        "attempt": session.attempt,
        "request_hash": session.request_hash,
        "base_url": session.base_url,
        "reserved_at": stamp(session.reserved_at),
        "lease_until": _stamp(session.lease_until),
        "carrier_session_uuid": session.carrier_session_uuid,
        "virtual_number": session.virtual_number,
        "created_time": _stamp(session.created_time),
        "modified_time": _stamp(session.modified_time),
        "expiry_time": _stamp(session.expiry_time),
        "answered": dict(session.answered) or None,
        "pending": _pending_item(session.pending),
        "doubted": True if session.doubted else None,
        "settle_at": _stamp(session.settle_at),
        "settled": _settled_item(session.settled),
        "repaired": session.repaired,
        "erased_at": _stamp(session.erased_at),
        "linger": session.linger or None,
        # They never change, and a listing that shows them reads states alone.
        "labels": dict(session.labels) or None,
        "retention_days": session.retention_days,
        "purge_at": purge_at,
    }
    duty = duties.duty_of(session)
    if duty:
        rule = duties.RULE_OF[duty.kind]
        item["duty_shard"] = duties.shard_of(session.session_uuid, rule)
        item["duty_at"] = stamp(duty.at)
    return {name: value for name, value in item.items() if value is not None}


def session_from(
    state: Item, request: Item | None = None, snapshot: Item | None = None
) -> Session:
    """Build a session from its items.

    Without the second nothing is *asked*, without the third it has no *calls*.
    """
    pending = state.get("pending")
    settled = state.get("settled")
    return Session(
        session_uuid=state["pk"].removeprefix("S#"),
        tenant_id=state["tenant_id"],
        status=Status(state["status"]),
        version=state["version"],
        attempt=state["attempt"],
        request_hash=state["request_hash"],
        base_url=state["base_url"],
        reserved_at=moment(state["reserved_at"]),
        lease_until=_moment(state.get("lease_until")),
        carrier_session_uuid=state.get("carrier_session_uuid"),
        virtual_number=state.get("virtual_number"),
        created_time=_moment(state.get("created_time")),
        modified_time=_moment(state.get("modified_time")),
        expiry_time=_moment(state.get("expiry_time")),
        answered=state.get("answered", {}),
        pending=Pending(pending["changes"], moment(pending["lease_until"]))
        if pending
        else None,
        doubted=state.get("doubted", False),
        settle_at=_moment(state.get("settle_at")),
        settled=Settled(
            moment(settled["at"]), tuple(settled["changed"]), settled["times"]
        )
        if settled
        else None,
        repaired=state.get("repaired"),
        erased_at=_moment(state.get("erased_at")),
        linger=state.get("linger", 0),
        calls=tuple(snapshot["calls"]) if snapshot else (),
        asked=request["asked"] if request else {},
        labels=state.get("labels", {}),
        retention_days=state.get("retention_days"),
    )


def _pending_item(pending: Pending | None) -> Item | None:
    if pending is None:
        return None
    return {
        "changes": dict(pending.changes),
        "lease_until": stamp(pending.lease_until),
    }


def _settled_item(settled: Settled | None) -> Item | None:
    if settled is None:
        return None
    return {
        "at": stamp(settled.at),
        "changed": list(settled.changed),
        "times": settled.times,
    }


def stamp(at: datetime) -> str:
    """Write a time so that it sorts: RFC 3339, UTC, microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """Read a time that `stamp` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def _stamp(at: datetime | None) -> str | None:
    return stamp(at) if at else None


def _moment(text: str | None) -> datetime | None:
    return moment(text) if text else None


def read(item: Mapping[str, Any]) -> Item:
    """Turn an item as DynamoDB has it into plain values; whole numbers are int."""
    deserialize = TypeDeserializer().deserialize
    return {name: _plain(deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value
    if isinstance(value, dict):
        return {name: _plain(content) for name, content in value.items()}
    if isinstance(value, list):
        return [_plain(content) for content in value]
    return value


def written(item: Mapping[str, Any]) -> dict[str, Any]:
    """Turn plain values into an item as DynamoDB has it."""
    serialize = TypeSerializer().serialize
    return {name: serialize(value) for name, value in item.items()}
