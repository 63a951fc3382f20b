"""Take a callback of Plivo's: prove it, keep it, say so.

Nothing is parsed beyond the signature's needs, and nothing is written, before both
proofs hold: the token in the path, which only we can make, and Plivo's signature.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from masking import callbacks, events, signature, telemetry
from masking.errors import MalformedBodyError, SessionNotFoundError, WebhookRefusedError

if TYPE_CHECKING:
    from masking.table import Table
    from masking.web import Request
    from masking.wiring import Clock


@dataclass(frozen=True)
class Inbox:
    """What taking callbacks takes: the table, our key, Plivo's tokens, the time."""

    table: Table
    callback_key: bytes
    auth_tokens: Iterable[str]
    now: Clock

    def receive(self, request: Request, kind: str) -> bool:
        """Keep a callback; *kind* is `events` or `recordings`.

        Returns False for one that is kept already. Raises WebhookRefusedError,
        MalformedBodyError, or SessionNotFoundError where nothing is kept of the
        session any more.
        """
        session_uuid, attempt, token = _address(request)
        if not callbacks.is_token(self.callback_key, session_uuid, attempt, token):
            raise WebhookRefusedError
        session = self.table.load_state(session_uuid)
        if session is None:
            raise SessionNotFoundError
        path = callbacks.path_for(session_uuid, attempt, token, kind)
        pairs = self._proven(request, session.base_url + path)
        attributes = events.attributes_of(pairs)
        digest = events.digest_of(pairs)
        is_new = self.table.put_callback(
            session_uuid,
            digest,
            kind=kind,
            tenant_id=session.tenant_id,
            attempt=attempt,
            attributes=attributes,
            received_at=self.now(),
        )
        telemetry.logger().info(
            "callback kept" if is_new else "callback repeated",
            extra={"session_uuid": session_uuid, "digest": digest, "kind": kind},
        )
        return is_new

    def _proven(self, request: Request, registered: str) -> events.Pairs:
        """Give the callback's attributes if Plivo signed them."""
        url = f"{registered}?{request.query}" if request.query else registered
        content_type = request.headers.get("content-type", "")
        try:
            pairs = events.pairs_of(content_type, request.body, request.query)
        except MalformedBodyError:
            pairs = None
        if not signature.is_valid(
            method=request.method,
            url=url,
            form=pairs if pairs and request.body else [],
            headers=request.headers,
            auth_tokens=self.auth_tokens,
        ):
            signed = signature.is_signed(request.headers)
            telemetry.count("WebhookSignatureRefused", signed=signed)
            raise WebhookRefusedError
        if pairs is None:
            raise MalformedBodyError
        return pairs


def _address(request: Request) -> tuple[str, int, str]:
    """Read session, attempt and token from the path; what is none is refused."""
    match = callbacks.OURS.fullmatch(request.path)
    if not match:
        # The path may come with a stage before it; its parameters do not.
        given = request.parameters
        match = callbacks.OURS.fullmatch(
            callbacks.PATH.format(
                session_uuid=given.get("session_uuid", ""),
                attempt=given.get("attempt", ""),
                token=given.get("token", ""),
                kind="events",
            )
        )
    if not match:
        raise WebhookRefusedError
    return match["session_uuid"], int(match["attempt"]), match["token"]
