"""POST /v1/plivo/answer and its fallback: a call to a number whose session is over."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.api import gateway, goodbye
from masking.core import telemetry
from masking.core.time_limits import TimeIsUpError, left_to_work, limit

wiring.prepare("masking.lifecycle.answer_call", "masking.plivo.signature")


@telemetry.one_line("call answered")
def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer politely and hang up, whoever calls and whatever goes wrong with us."""
    answer = goodbye.DEFAULT
    try:
        services = wiring.services()
        answer = goodbye.from_settings(services.settings)
        request = gateway.request_of(event)
        telemetry.note(request_id=request.request_id)
        with limit(left_to_work(context)):
            kind = services.answer_call.kind_of(request)
        telemetry.note(outcome=kind)
        telemetry.count(kind)
    except (Exception, TimeIsUpError) as error:
        # Not the text of the error: it may hold what the caller sent.
        extra = {"error": type(error).__name__}
        telemetry.logger().error("call answered in spite of an error", extra=extra)
        telemetry.count("AnswerFailed")
    return goodbye.response(answer)
