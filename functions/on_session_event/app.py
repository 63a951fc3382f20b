"""POST or GET /v1/plivo/.../events: what happened in a session."""

from __future__ import annotations

from masking import receive, web, wiring


@web.route(scope=None)
def lambda_handler(request: web.Request) -> web.Response:
    """Keep the callback; a repeated one is answered alike and changes nothing."""
    services = wiring.services()
    inbox = receive.Inbox(
        services.table,
        services.callback_key,
        services.auth_tokens,
        services.now,
        services.settings.webhook_auth,
    )
    inbox.receive(request, "events")
    return web.Response(200, {})
