"""Callbacks as Plivo sends them, signed by the functions of Plivo's own SDK."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode, urlsplit

from plivo.utils import signature_v3

from masking.domain.sessions import Session
from masking.plivo import callback_urls
from plivo_simulator import account
from tests.support.payloads import http

NONCE = "05429567804466091622"

ANSWERED = {
    "EventName": "SessionSecondPartyAnswer",
    "EventTimestamp": "2026-03-01 12:00:09",
    "SessionUUID": "7d1f0f3e-2b1c-4d7b-8a51-2f6e5c4b3a29",
    "From": "12025550100",
    "To": "12025550101",
    "VirtualNumber": "12025550180",
    "PinAuthenticationStatus": "",
    "SequenceNumber": "3",
}

FORM = "application/x-www-form-urlencoded"


def signature_of(
    url: str,
    fields: dict[str, Any] | None = None,
    *,
    method: str = "POST",
    auth_token: str = account.AUTH_TOKEN,
) -> str:
    """Return the V3 signature of a request, computed by Plivo's SDK."""
    if method == "GET":
        signed = signature_v3.construct_get_url(url, dict(fields or {}))
    else:
        signed = signature_v3.construct_post_url(url, dict(fields or {}))
    token = auth_token.encode()
    value = signature_v3.get_signature_v3(token, signed.decode(), NONCE)
    return str(value.decode())


def callback(
    session: Session,
    key: bytes,
    fields: dict[str, Any] | None = None,
    *,
    kind: str = "events",
    attempt: int = 1,
    content_type: str = FORM,
    method: str = "POST",
    query: str = "",
    auth_token: str = account.AUTH_TOKEN,
    header: str = "x-plivo-signature-v3",
    signature: str | None = None,
) -> dict[str, Any]:
    """Return the event of a callback of *session*, signed rightly unless told not to.

    *signature* replaces the header's value; `{}` in it stands for the right one.
    """
    fields = ANSWERED if fields is None else fields
    registered = callback_urls.registration(
        key, session.base_url, session.session_uuid, attempt
    )
    url = registered["callback_url" if kind == "events" else "recording_callback_url"]
    path = urlsplit(url).path.removeprefix(urlsplit(session.base_url).path)
    if method == "GET":
        query = urlencode(fields, doseq=True)
        right = signature_of(f"{url}?{query}", method="GET", auth_token=auth_token)
        body = ""
    else:
        asked = f"{url}?{query}" if query else url
        right = signature_of(asked, fields, auth_token=auth_token)
        document = content_type.startswith("application/json")
        body = json.dumps(fields) if document else urlencode(fields, doseq=True)
    function = "on_session_event" if kind == "events" else "on_recording_event"
    event = http(
        function,
        body=body,
        query=query,
        encoded=method == "POST",
        headers={
            "content-type": content_type,
            "x-plivo-signature-v3": "",
            "x-plivo-signature-ma-v3": "",
            "x-plivo-signature-v3-nonce": NONCE,
        },
    )
    value = right if signature is None else signature.replace("{}", right)
    if value:
        event["headers"][header] = value
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["requestContext"]["http"]["method"] = method
    words = path.split("/")
    event["pathParameters"] = dict(
        zip(("session_uuid", "attempt", "token"), words[4:7], strict=True)
    )
    return event
