"""Say whose key a request carries. What it may do is for each handler to say."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry
from masking.core.time_limits import in_time

wiring.prepare("masking.tenants.authorize")


@telemetry.one_line("key checked")
@in_time
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer an HTTP API's request for authorization (payload 2.0, simple answer)."""
    # API Gateway writes names small; `sam local` leaves them as they came.
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    caller = wiring.services().authorize.caller(headers.get("authorization", ""))
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
