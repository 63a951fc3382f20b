"""GET /v1/sessions/{session_uuid}/events: what Plivo told of a session, in order."""

from __future__ import annotations

import uuid

from masking import items, pages, story, web, wiring
from masking.errors import SessionNotFoundError
from masking.history import Happening


@web.route(scope="sessions:read")
def lambda_handler(request: web.Request) -> web.Response:
    """Answer with a page of the history, the oldest first, numbers masked."""
    asked, _ = pages.asked_in(request.query)
    whole = wiring.services().table.load_whole(request.session_uuid)
    if whole is None or whole.session.tenant_id != request.tenant_id:
        raise SessionNotFoundError
    parties = story.parties_of(whole.session)
    told = story.story_of(whole.callbacks, whole.session)
    kept = {items.name_of(item): item for item in whole.callbacks}
    page = pages.page_of(told.history, asked, _place_of)
    body = {
        "api_id": str(uuid.uuid4()),
        "meta": {"limit": asked.limit, "next": page.cursor},
        "objects": [
            story.event_view(each, kept[each.digest], told, parties)
            for each in page.shown
        ],
    }
    return web.Response(200, body)


def _place_of(each: Happening) -> list[object]:
    at, sequence, place, digest = each.order
    return [at.isoformat(), sequence, place, digest]
