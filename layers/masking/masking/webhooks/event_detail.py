"""Rebuild the event of a delivery from the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from masking.api.timeline_views import call_view
from masking.core.key_space import attributes_of, name_of
from masking.domain import plivo_events
from masking.domain.deliveries import Delivery
from masking.storage import timelines
from masking.storage.session_items import Whole


def detail_of(delivery: Delivery, whole: Whole | None) -> Mapping[str, Any]:
    """Rebuild the event of a delivery, under the same id.

    *whole* is its session; None for the event of an erasure, which is kept whole.
    What Plivo sent is read from the callback; the call is shown as it is known now.
    """
    detail: dict[str, Any] = {
        **delivery.event,
        "id": delivery.event_id,
        "type": delivery.type,
        "tenant_id": delivery.tenant_id,
        "webhook": delivery.url_name,
    }
    if whole is None:
        return detail
    detail |= {
        "session_uuid": delivery.session_uuid,
        "labels": dict(whole.session.labels),
    }
    digest = delivery.event.get("callback")
    kept = next((i for i in whole.callbacks if name_of(i) == digest), None)
    if kept:
        detail["carrier_event"] = plivo_events.without_personal_data(
            attributes_of(kept)
        )
        timeline = timelines.timeline_of(whole.callbacks, whole.session)
        call = timeline.call_of(str(digest))
        if call:
            detail["call"] = call_view(call)
    return detail
