"""POST or GET /v1/plivo/.../recordings: news of a recording."""

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
    inbox.receive(request, "recordings")
    return web.Response(200, {})
