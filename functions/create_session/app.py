"""POST /v1/sessions: create a masked session."""

from __future__ import annotations

from masking import contract, create, views, web, wiring


@web.route(scope="sessions:write", undone=create.NOT_CREATED)
def lambda_handler(request: web.Request) -> web.Response:
    """Create the session, or answer with the one that this key created before."""
    services = wiring.services()
    flow = create.CreateFlow(
        services.table,
        services.carrier,
        services.callback_key,
        services.now,
        services.tenant_settings_of,
    )
    created = flow.create(
        contract.parse_create(contract.read_object(request.body)),
        tenant_id=request.tenant_id,
        idempotency_key=request.idempotency_key,
        base_url=create.base_url_of(services.settings.public_base_url, request.domain),
    )
    status, headers = create.as_answer(created)
    body = views.envelope("Session created", created.session, services.now())
    return web.Response(status, body, headers)
