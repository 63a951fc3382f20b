"""GET /v1/sessions: list sessions, newest first; filters by number are refused."""

from __future__ import annotations

from masking import listing, search, views, web, wiring


@web.route(scope="sessions:read")
def lambda_handler(request: web.Request) -> web.Response:
    """Answer with a page of the tenant's sessions."""
    services = wiring.services()
    asked = search.parse_query(request.query)
    now = services.now()
    page = listing.find(
        asked,
        tenant_id=request.tenant_id,
        table=services.table,
        number_key=services.number_key,
        now=now,
    )
    return web.Response(200, views.page_view(page, asked.limit, now))
