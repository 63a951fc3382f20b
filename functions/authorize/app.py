"""Say whose key a request carries. What it may do is for each handler to say."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry


@telemetry.one_line("key checked")
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer an HTTP API's request for authorization (payload 2.0, simple answer)."""
    header = event.get("headers", {}).get("authorization", "")
    caller = wiring.services().authorize.caller(header)
    request_id = event.get("requestContext", {}).get("requestId")
    telemetry.note(request_id=request_id, opens=caller is not None)
    if caller is None:
        return {"isAuthorized": False, "context": {}}
    telemetry.note(tenant_id=caller.tenant_id)
    return {
        "isAuthorized": True,
        "context": {
            "tenant_id": caller.tenant_id,
            "scopes": " ".join(caller.scopes),
        },
    }
