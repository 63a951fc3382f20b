"""Read what a batch of events is about: deliveries, and the sessions they belong to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from masking.core import key_space
from masking.core.key_space import Item
from masking.domain import deliveries
from masking.domain.deliveries import Delivery, Status
from masking.storage import session_items
from masking.storage.deliveries import delivery_from

Message = Mapping[str, Any]
Known = Mapping[tuple[str, str], Item]


def keys_of(details: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """List the keys to be read for a batch: deliveries, and their owners once each."""
    keys: dict[tuple[str, str], None] = {}
    for detail in details:
        owner = deliveries.owner_of(detail)
        pk = key_space.session_key(owner)
        keys[pk, key_space.part_key(key_space.DELIVERY, detail["id"])] = None
        if "session_uuid" in detail:
            keys[pk, key_space.STATE] = None
            keys[pk, key_space.REQUEST] = None
        else:
            keys[key_space.erasure_key(owner), key_space.ERASURE] = None
    return list(keys)


def is_noted(detail: Mapping[str, Any], known: Known) -> bool:
    """Return whether anything is kept of an event's delivery."""
    pk = key_space.session_key(deliveries.owner_of(detail))
    return (pk, key_space.part_key(key_space.DELIVERY, detail["id"])) in known


def received(message: Message) -> int:
    """Return how often a message was received, this time included."""
    return int(message["attributes"].get("ApproximateReceiveCount", 1))


def state_of(message: Message, detail: Mapping[str, Any], known: Known) -> Delivery:
    """Return a delivery's state; one without an item began when it was sent."""
    pk = key_space.session_key(deliveries.owner_of(detail))
    item = known.get((pk, key_space.part_key(key_space.DELIVERY, detail["id"])))
    sent = int(message["attributes"]["SentTimestamp"]) / 1000
    sent_at = datetime.fromtimestamp(sent, UTC)
    if item is None:
        state = known.get((pk, key_space.STATE), {})
        return deliveries.begin(detail, sent_at, purge_at=state.get("purge_at"))
    delivery = delivery_from(item)
    redriven = json.loads(message["body"]).get("redriven", False)
    if redriven and delivery.status is Status.DEAD:
        return deliveries.renew(delivery, sent_at)
    return delivery


def is_erased(delivery: Delivery, known: Known) -> bool:
    """Return whether the session is erased: then no event of it is delivered."""
    state = known.get((key_space.session_key(delivery.session_uuid), key_space.STATE))
    return state is not None and "erased_at" in state


def settings_of(delivery: Delivery, known: Known) -> Mapping[str, Any]:
    """Return the owner's attributes as they are now; none if it is gone."""
    if delivery.is_of_erasure:
        owner = key_space.erasure_key(delivery.session_uuid), key_space.ERASURE
        return known.get(owner, {})
    pk = key_space.session_key(delivery.session_uuid)
    state = known.get((pk, key_space.STATE))
    if state is None:
        return {}
    return session_items.session_from(
        state, known.get((pk, key_space.REQUEST))
    ).settings
