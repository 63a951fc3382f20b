"""POST or GET /v1/plivo/.../events: what happened in a session."""

from __future__ import annotations

from masking import wiring
from masking.api import gateway
from masking.callbacks import receive


@gateway.route(scope=None)
def lambda_handler(request: gateway.Request) -> gateway.Response:
    """Keep the callback; a repeated one is answered alike and changes nothing."""
    services = wiring.services()
    inbox = receive.ReceiveCallback(
        services.table,
        services.callback_key,
        services.auth_tokens,
        services.now,
        services.settings.webhook_auth,
    )
    inbox.receive(request, "events")
    return gateway.Response(200, {})
