"""Find out what a request for the answer to a call is: Plivo's, and of which kind.

Every request gets the same answer; what differs is how it is counted. The answer URL
is asked for three things (plivo-contract 5): what a call is to hear; the same once
more, at the fallback URL, because the first answer did not arrive; and, as the hangup
URL is the answer URL by default, nothing, when the call has ended. Each may be asked
more than once, because the answer URL is registered with retries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from botocore.exceptions import BotoCoreError, ClientError

from masking.api import goodbye
from masking.core import telemetry
from masking.plivo import signature

if TYPE_CHECKING:
    from masking.api.gateway import Request
    from masking.core.times import Clock
    from masking.storage.stores import Stores

# What a request is counted as.
CALL = "CallAfterSession"
HANGUP = "HangupAfterSession"
FALLBACK = "AnswerFallback"
UNSIGNED = "AnswerUnsigned"
REPEATED = "AnswerRepeated"

# Plivo's words for the state of a call that is over.
OVER = frozenset(
    {"completed", "busy", "failed", "timeout", "no-answer", "cancel", "canceled"}
)


@dataclass(frozen=True)
class AnswerCall:
    """Tells requests for the answer to a call apart.

    *auth_tokens* are read for a signature alone: the fallback needs no secret, as the
    lack of one may be why it is asked. *stores*, which must not hold up the caller,
    remember calls by `CallUUID`.
    """

    public_base_url: str
    auth_tokens: Callable[[], Iterable[str]]
    stores: Callable[[], Stores]
    now: Clock

    def kind_of(self, request: Request) -> str:
        """Return the name of the metric that a request counts in."""
        if request.path.endswith(goodbye.FALLBACK_PATH):
            return FALLBACK
        # What is not in UTF-8 was not signed by Plivo as we read it.
        body = request.body.decode("utf-8", "replace")
        form = parse_qsl(body, keep_blank_values=True)
        if not self._is_signed(request, form):
            return UNSIGNED
        attributes = dict(form)
        telemetry.note_ids(call_uuid=attributes.get("CallUUID"))
        kind = HANGUP if is_hangup(attributes) else CALL
        return kind if self._is_first(attributes.get("CallUUID"), kind) else REPEATED

    def _is_first(self, call_uuid: str | None, kind: str) -> bool:
        """Return whether Plivo asks this of a call for the first time.

        It does as far as nobody knows better.
        """
        if not call_uuid:
            return True
        try:
            return self.stores().answered_calls.note(call_uuid, kind, self.now())
        except (BotoCoreError, ClientError) as error:
            extra = {"error": type(error).__name__}
            telemetry.logger().warning("call not remembered", extra=extra)
            return True

    def _is_signed(self, request: Request, form: Sequence[tuple[str, str]]) -> bool:
        base = self.public_base_url or f"https://{request.domain}"
        query = f"?{request.query}" if request.query else ""
        return signature.is_valid(
            method=request.method,
            url=f"{base}{goodbye.PATH}{query}",
            form=form,
            headers=request.headers,
            auth_tokens=self.auth_tokens(),
        )


def is_hangup(attributes: Mapping[str, str]) -> bool:
    """Return whether a request tells of a call's end; `Event` outweighs its state."""
    event = attributes.get("Event")
    if event:
        return event.lower() == "hangup"
    return attributes.get("CallStatus", "").lower() in OVER
