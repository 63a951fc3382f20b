"""POST /v1/plivo/answer: a call to a number whose session is over."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from masking import wiring
from masking.api import gateway
from masking.core import telemetry
from masking.plivo import goodbye_xml, signature


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer politely and hang up, whoever calls and whatever goes wrong with us."""
    goodbye = goodbye_xml.Goodbye()
    try:
        settings = wiring.services().settings
        goodbye = goodbye_xml.Goodbye(
            settings.goodbye_text, settings.goodbye_language, settings.goodbye_play_url
        )
        telemetry.count("CallAfterSession" if _is_signed(event) else "AnswerUnsigned")
    except Exception as error:
        # Not the text of the error: it may hold what the caller sent.
        extra = {"error": type(error).__name__}
        telemetry.logger().error("call answered in spite of an error", extra=extra)
        telemetry.count("AnswerFailed")
    telemetry.flush()
    return {
        "statusCode": 200,
        "headers": {
            "content-type": goodbye_xml.CONTENT_TYPE,
            "cache-control": "no-store",
        },
        "body": goodbye.xml(),
    }


def _is_signed(event: dict[str, Any]) -> bool:
    """Say whether Plivo sent this; others learn nothing by asking, but are counted."""
    services = wiring.services()
    request = gateway.request_of(event)
    base = services.settings.public_base_url or f"https://{request.domain}"
    query = f"?{request.query}" if request.query else ""
    return signature.is_valid(
        method=request.method,
        url=f"{base}{goodbye_xml.PATH}{query}",
        form=parse_qsl(request.body.decode(), keep_blank_values=True),
        headers=request.headers,
        auth_tokens=services.auth_tokens,
    )
