"""Build the items of sessions, and sessions from their items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from masking.core.key_space import (
    CALLBACK,
    END,
    RECORDING,
    REQUEST,
    SNAPSHOT,
    STATE,
    Item,
    is_part,
    session_key,
)
from masking.core.times import parse_stamp, stamp
from masking.domain import due_work
from masking.domain.due_work import DueWork
from masking.domain.sessions import EndedBy, Pending, Session, Settled, Status


def listing_keys(session: Session) -> dict[str, str]:
    """Return the keys of index `by_tenant` for a confirmed session."""
    return {"tenant_sessions": session.tenant_id, "created_key": created_key(session)}


@dataclass(frozen=True)
class Listing:
    """A list of sessions: a partition of the table, or one of an index."""

    value: str
    attribute: str = "pk"
    sort_attribute: str = "sk"
    index: str | None = None


def listing_of_tenant(tenant_id: str) -> Listing:
    """Return the list of all sessions of a tenant."""
    return Listing(tenant_id, "tenant_sessions", "created_key", "by_tenant")


def created_key(session: Session) -> str:
    """Return the sort key of a confirmed session in listings: time, then UUID."""
    created = session.created_time or session.reserved_at
    return f"{stamp(created)}#{session.session_uuid}"


# Items

# What a create asks for that says nothing of it. The items of requests leave out what
# is equal, so that a session with three URLs of 1,000 characters is read for one unit.
# As they were written by it, this never changes, whatever the API's defaults become.
USUAL: Mapping[str, Any] = {
    "session_expiry": 3600,
    "call_time_limit": 3600,
    "ring_timeout": 120,
    "record": False,
    "record_file_format": "mp3",
    "recording_callback_method": "POST",
    "callback_method": "POST",
    "initiate_call_to_first_party": False,
    "geomatch": True,
    "is_pin_authentication_required": False,
    "create_session_with_single_party": False,
    "virtual_number_cooloff_period": 0,
}


def state_item(session: Session, purge_at: int, kept_until: int | None = None) -> Item:
    """Build the state item of a session; in index `duties` while something is due.

    *kept_until* is when its retention ends, if not at *purge_at*.
    """
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
        "former_number": session.former_number,
        "created_time": _stamp(session.created_time),
        "modified_time": _stamp(session.modified_time),
        "expiry_time": _stamp(session.expiry_time),
        "answered": dict(session.answered) or None,
        "pending": _pending_item(session.pending),
        "doubted": True if session.doubted else None,
        "presumed": True if session.presumed else None,
        "ended_time": _stamp(session.ended_time),
        "ended_by": session.ended_by.value if session.ended_by else None,
        "planned_end": _stamp(session.planned_end),
        "settle_at": _stamp(session.settle_at),
        "totals_as_of": _stamp(session.totals_as_of),
        "settled": _settled_item(session.settled),
        "repaired": session.repaired,
        "erased_at": _stamp(session.erased_at),
        "linger": session.time_limit or None,
        # A listing that shows them reads states alone.
        "labels": dict(session.labels) or None,
        "retention_days": session.retention_days,
        "kept_until": kept_until,
        "purge_at": purge_at,
    }
    due = due_work.due_work_of(session)
    if due:
        item |= duty_keys(session, due)
    return {name: value for name, value in item.items() if value is not None}


def request_item(session: Session, purge_at: int) -> Item:
    """Build the item of what was asked for; what is as USUAL is left out."""
    asked = dict(session.asked)
    is_whole = asked.keys() >= USUAL.keys()
    if is_whole:
        asked = {k: v for k, v in asked.items() if k not in USUAL or v != USUAL[k]}
    return {
        "pk": session_key(session.session_uuid),
        "sk": REQUEST,
        "asked": asked,
        **({"usual": True} if is_whole else {}),
        # So that an erasure finds links by label if the state was purged first.
        **({"labels": dict(session.labels)} if session.labels else {}),
        "purge_at": purge_at,
    }


def asked_from(request: Item) -> dict[str, Any]:
    """Return what was asked for."""
    return {**(USUAL if request.get("usual") else {}), **request["asked"]}


def end_item(session: Session, due: DueWork, purge_at: int) -> Item:
    """Build the item of an end that is due beside work that needs Plivo."""
    return {
        "pk": session_key(session.session_uuid),
        "sk": END,
        "purge_at": purge_at,
        **duty_keys(session, due),
    }


def duty_keys(session: Session, due: DueWork) -> dict[str, str]:
    """Return the keys of index `duties` for something that is due."""
    return {
        "duty_shard": due_work.shard_of(session.session_uuid, due.kind),
        "duty_at": stamp(due.at),
    }


def session_from(
    state: Item, request: Item | None = None, snapshot: Item | None = None
) -> Session:
    """Build a session from its items.

    Without *request* nothing is asked, without *snapshot* it has no calls, nor with
    the head of one in parts.
    """
    pending = state.get("pending")
    settled = state.get("settled")
    ended_by = state.get("ended_by")
    kept_until = state.get("kept_until", state.get("purge_at"))
    return Session(
        session_uuid=state["pk"].removeprefix("S#"),
        tenant_id=state["tenant_id"],
        status=Status(state["status"]),
        version=state["version"],
        attempt=state["attempt"],
        request_hash=state["request_hash"],
        base_url=state["base_url"],
        reserved_at=parse_stamp(state["reserved_at"]),
        lease_until=_moment(state.get("lease_until")),
        carrier_session_uuid=state.get("carrier_session_uuid"),
        virtual_number=state.get("virtual_number"),
        former_number=state.get("former_number"),
        created_time=_moment(state.get("created_time")),
        modified_time=_moment(state.get("modified_time")),
        expiry_time=_moment(state.get("expiry_time")),
        answered=state.get("answered", {}),
        pending=Pending(
            pending["changes"],
            parse_stamp(pending["lease_until"]),
            left=pending.get("left", False),
            released=pending.get("released", False),
        )
        if pending
        else None,
        doubted=state.get("doubted", False),
        presumed=state.get("presumed", False),
        ended_time=_moment(state.get("ended_time")),
        ended_by=EndedBy(ended_by) if ended_by else None,
        planned_end=_moment(state.get("planned_end")),
        settle_at=_moment(state.get("settle_at")),
        totals_as_of=_moment(state.get("totals_as_of")),
        settled=Settled(
            parse_stamp(settled["at"]), tuple(settled["changed"]), settled["times"]
        )
        if settled
        else None,
        repaired=state.get("repaired"),
        erased_at=_moment(state.get("erased_at")),
        time_limit=state.get("linger", 0),
        calls=tuple(snapshot.get("calls", ())) if snapshot else (),
        asked=asked_from(request) if request else {},
        labels=state.get("labels", {}),
        retention_days=state.get("retention_days"),
        kept_until=datetime.fromtimestamp(kept_until, UTC) if kept_until else None,
        purge_at=state.get("purge_at"),
    )


def _pending_item(pending: Pending | None) -> Item | None:
    if pending is None:
        return None
    return {
        "changes": dict(pending.changes),
        "lease_until": stamp(pending.lease_until),
        **({"left": True} if pending.left else {}),
        **({"released": True} if pending.released else {}),
    }


def _settled_item(settled: Settled | None) -> Item | None:
    if settled is None:
        return None
    return {
        "at": stamp(settled.at),
        "changed": list(settled.changed),
        "times": settled.times,
    }


def _stamp(at: datetime | None) -> str | None:
    return stamp(at) if at else None


def _moment(text: str | None) -> datetime | None:
    return parse_stamp(text) if text else None


@dataclass(frozen=True)
class Whole:
    """A session with its request, and all that Plivo reported of it.

    With *is_cut* callbacks were left out: those far from the one that was asked for.
    """

    session: Session
    callbacks: tuple[Item, ...]
    recordings: tuple[Item, ...]
    is_cut: bool = False


def whole_from(found: Iterable[Item]) -> Whole | None:
    """Build a session from its items; None if its state is not among them."""
    items = list(found)
    session = session_in(items)
    if session is None:
        return None
    return Whole(
        session,
        tuple(item for item in items if is_part(CALLBACK, item)),
        tuple(item for item in items if is_part(RECORDING, item)),
    )


def session_in(items: Iterable[Item]) -> Session | None:
    """Build a session alone; None if its state is not among *items*."""
    parts = {item["sk"]: item for item in items}
    if STATE not in parts:
        return None
    return session_from(parts[STATE], parts.get(REQUEST), parts.get(SNAPSHOT))
