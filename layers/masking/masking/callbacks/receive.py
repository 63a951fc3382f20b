"""Take a callback of Plivo's: verify it, keep it, answer.

Nothing is parsed beyond the signature's needs, and nothing is written, before both
proofs hold: the token in the path, which only we can make, and Plivo's signature.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from masking.api import callback_requests
from masking.core import telemetry
from masking.core.problems import (
    BodyTooLargeError,
    MalformedBodyError,
    SessionNotFoundError,
    WebhookRefusedError,
)
from masking.plivo import callback_urls, json_signatures, signature

if TYPE_CHECKING:
    from masking.api.gateway import Request
    from masking.core.times import Clock
    from masking.storage.stores import Stores


# Ways to treat a callback that carries our token and no signature.
SIGNATURE = "signature"
CAPABILITY = "capability"

# Bytes of body and of query. Plivo's largest callback has about 1,000.
LARGEST = 16 * 1024


@dataclass(frozen=True)
class ReceiveCallback:
    """Receives callbacks; *callback_key* is ours, *auth_tokens* are Plivo's.

    *auth* is `signature` or `capability`: whether a callback without a signature is
    refused, or taken on the token in its path. A wrong signature is refused in both.
    """

    stores: Stores
    callback_key: bytes
    auth_tokens: Iterable[str]
    now: Clock
    auth: str = SIGNATURE

    kind: ClassVar[str]

    def receive(self, request: Request) -> bool:
        """Keep a callback.

        Returns False for one that is kept already. Raises WebhookRefusedError,
        MalformedBodyError, or SessionNotFoundError where nothing is kept of the
        session any more.
        """
        session_uuid, attempt, token = address_in(request)
        if not callback_urls.is_token(self.callback_key, session_uuid, attempt, token):
            raise WebhookRefusedError
        if max(len(request.body), len(request.query)) > LARGEST:
            telemetry.count("CallbackTooLarge")
            raise BodyTooLargeError(limit_bytes=LARGEST)
        owner = self.stores.callbacks.owner(session_uuid)
        if owner is None:
            raise SessionNotFoundError
        path = callback_urls.path_for(session_uuid, attempt, token, self.kind)
        proof = self._proof(request, owner.base_url + path)
        try:
            content_type = request.headers.get("content-type", "")
            pairs = callback_requests.pairs_of(
                content_type, request.body, request.query
            )
            attributes = callback_requests.attributes_of(pairs)
        except MalformedBodyError:
            telemetry.count("CallbackMalformed")
            raise
        digest = callback_requests.digest_of(pairs)
        telemetry.note_ids(carrier_session_uuid=owner.carrier_session_uuid)
        if owner.is_erased:
            # Rare, and so not imported with the function.
            from masking.domain import redaction

            # Parties can't be distinguished from strangers any more.
            attributes = redaction.redacted_attributes(attributes)
            digest = redaction.redacted_digest(self.callback_key, digest)
        is_new = self.stores.callbacks.put(
            session_uuid,
            digest,
            kind=self.kind,
            tenant_id=owner.tenant_id,
            attempt=attempt,
            attributes=attributes,
            received_at=self.now(),
            came={"as": _form_of(request), "proof": proof},
            purge_at=owner.purge_at,
            erased=owner.is_erased,
        )
        callback = "kept" if is_new else "repeated"
        telemetry.note(callback=callback, digest=digest, kind=self.kind)
        return is_new

    def _proof(self, request: Request, registered: str) -> str:
        """Return what proves a callback. Raises WebhookRefusedError if nothing does."""
        if not signature.is_signed(request.headers):
            if self.auth == CAPABILITY:
                return "token"
            telemetry.count("WebhookUnsigned")
            raise WebhookRefusedError
        url = f"{registered}?{request.query}" if request.query else registered
        texts = readings(request, url)
        proof = signature.proof_of(texts, request.headers, self.auth_tokens)
        if proof is None:
            telemetry.count("WebhookSignatureRefused")
            raise WebhookRefusedError
        header = proof.header.removeprefix("x-plivo-signature-")
        return f"{header} {proof.reading}"


def readings(request: Request, url: str) -> dict[str, str | bytes]:
    """Return what Plivo may have signed: one text for a form, several for JSON.

    A form in Latin-1 may be signed as text or as the bytes that it is.
    """
    if (
        callback_requests.is_json(request.headers.get("content-type", ""))
        and request.body
    ):
        return json_signatures.texts_of(url, request.body)
    form: callback_requests.Pairs = []
    if request.body:
        try:
            form = callback_requests.pairs_of("", request.body, "")
        except MalformedBodyError:
            form = []
    encoding = callback_requests.encoding_of(request.body or request.query.encode())
    text = signature.signed_text(request.method, url, form, encoding)
    if encoding != callback_requests.LATIN_1:
        return {"form": text}
    return {"form": text, "form_bytes": text.encode(encoding, "replace")}


def _form_of(request: Request) -> str:
    """Return how a callback came: `GET`, `form` or `json`."""
    if not request.body:
        return request.method
    is_json = callback_requests.is_json(request.headers.get("content-type", ""))
    return "json" if is_json else "form"


def address_in(request: Request) -> tuple[str, int, str]:
    """Parse session, attempt and token from the path; refuse any other path."""
    match = callback_urls.OURS.fullmatch(request.path)
    if not match:
        # The path may come with a stage before it; its parameters do not.
        given = request.parameters
        match = callback_urls.OURS.fullmatch(
            callback_urls.PATH.format(
                session_uuid=given.get("session_uuid", ""),
                attempt=given.get("attempt", ""),
                token=given.get("token", ""),
                kind="events",
            )
        )
    if not match:
        raise WebhookRefusedError
    return match["session_uuid"], int(match["attempt"]), match["token"]
