"""POST /v1/sessions/search: find sessions, also by number, newest first."""

from __future__ import annotations

from masking import contract, listing, search, views, web, wiring


@web.route(scope="sessions:read")
def lambda_handler(request: web.Request) -> web.Response:
    """Answer with a page of the tenant's sessions."""
    services = wiring.services()
    asked = search.parse_search(contract.read_object(request.body))
    now = services.now()
    page = listing.find(
        asked,
        tenant_id=request.tenant_id,
        table=services.table,
        number_key=services.number_key,
        now=now,
    )
    return web.Response(200, views.page_view(page, asked.limit, now))
