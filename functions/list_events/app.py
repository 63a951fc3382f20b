"""GET /v1/sessions/{session_uuid}/events: what Plivo told of a session, in order."""

from __future__ import annotations

import uuid

from masking import wiring
from masking.api import gateway, pages, timeline_views
from masking.core import key_space
from masking.core.problems import SessionNotFoundError
from masking.domain import sessions
from masking.domain.callback_event import CallbackEvent
from masking.storage import timelines


@gateway.route(scope="sessions:read")
def lambda_handler(request: gateway.Request) -> gateway.Response:
    """Answer with a page of the history, the oldest first, numbers masked."""
    asked, _ = pages.page_request_in(request.query)
    whole = wiring.services().table.load_whole(request.session_uuid)
    if whole is None or whole.session.tenant_id != request.tenant_id:
        raise SessionNotFoundError
    parties = sessions.parties_of(whole.session)
    told = timelines.timeline_of(whole.callbacks, whole.session)
    kept = {key_space.name_of(item): item for item in whole.callbacks}
    page = pages.page_of(told.history, asked, _place_of)
    body = {
        "api_id": str(uuid.uuid4()),
        "meta": {"limit": asked.limit, "next": page.cursor},
        "objects": [
            timeline_views.event_view(each, kept[each.digest], told, parties)
            for each in page.shown
        ],
    }
    return gateway.Response(200, body)


def _place_of(each: CallbackEvent) -> list[object]:
    at, sequence, place, digest = each.order
    return [at.isoformat(), sequence, place, digest]
