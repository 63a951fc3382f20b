"""Say whose key a request carries. What it may do is for each handler to say."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry
from masking.tenants import authorize


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer an HTTP API's request for authorization (payload 2.0, simple answer)."""
    services = wiring.services()
    header = event.get("headers", {}).get("authorization", "")
    now = services.now()
    caller = authorize.caller_of(services.table, header, now)
    if caller is None:
        telemetry.logger().info("key refused")
        return {"isAuthorized": False, "context": {}}
    if authorize.is_use_due(caller, now):
        authorize.note_use(services.hasty_table, caller, now)
        telemetry.flush()
    return {
        "isAuthorized": True,
        "context": {
            "tenant_id": caller.tenant_id,
            "scopes": " ".join(caller.scopes),
        },
    }
