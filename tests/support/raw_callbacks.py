"""Sessions that Plivo has confirmed, and callbacks to them, byte for byte."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from masking.core import key_space
from masking.domain import transitions
from masking.domain.sessions import CarrierSession, Session
from masking.plivo import callback_urls
from masking.wiring import Services
from plivo_simulator.account import AUTH_TOKEN
from plivo_simulator.signing import v3_signature

BASE_URL = "https://masks.example.com"
FIRST = "+12025550100"
SECOND = "+12025550101"
VIRTUAL = "+12025550199"


def active_session(services: Services, **asked: Any) -> Session:
    """Write a session that Plivo has confirmed."""
    now = datetime.now(UTC)
    reserved = transitions.reserve(
        session_uuid=str(uuid.uuid4()),
        tenant_id=asked.pop("tenant_id", "acme"),
        asked={
            "first_party": FIRST,
            "second_party": SECOND,
            "session_expiry": 3600,
            **asked,
        },
        labels={"order_id": "A-77"},
        base_url=BASE_URL,
        now=now,
    )
    services.stores.sessions.reserve(reserved)
    confirmed = transitions.confirm(reserved, answer_of(reserved), 1)
    services.stores.sessions.replace(reserved, confirmed)
    return confirmed


def answer_of(session: Session) -> CarrierSession:
    """Return what Plivo answers to a session's create."""
    now = datetime.now(UTC)
    return CarrierSession(
        session_uuid=str(uuid.uuid4()),
        virtual_number=VIRTUAL,
        status="active",
        created_time=now,
        modified_time=now,
        expiry_time=now + timedelta(hours=1),
        duration=3600,
        callback_url="",
        settings={
            "first_party": session.asked["first_party"],
            "second_party": session.asked["second_party"],
        },
    )


def path_of(services: Services, session: Session, kind: str = "events") -> str:
    """Return the path at which Plivo calls back about a session."""
    token = callback_urls.token_for(services.callback_key, session.session_uuid, 1)
    return callback_urls.path_for(session.session_uuid, 1, token, kind)


def api_event(
    path: str,
    *,
    method: str = "POST",
    body: bytes = b"",
    query: str = "",
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a request as an HTTP API hands it to a function (payload 2.0)."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": dict(headers or {}),
        "requestContext": {
            "http": {"method": method, "path": path},
            "requestId": "a-request",
            "domainName": "masks.example.com",
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def signed_form(
    path: str,
    attributes: Sequence[tuple[str, str]],
    *,
    token: str = AUTH_TOKEN,
    sent: Sequence[tuple[str, str]] | None = None,
) -> dict[str, Any]:
    """Return a callback signed over *attributes*; *sent* is what comes instead."""
    nonce = str(uuid.uuid4().int)[:20]
    value = v3_signature(token, "POST", BASE_URL + path, attributes, nonce)
    return api_event(
        path,
        body=urlencode(list(attributes if sent is None else sent)).encode(),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Plivo-Signature-V3": value,
            "X-Plivo-Signature-V3-Nonce": nonce,
        },
    )


def digest_in(item: key_space.Item) -> str:
    """Return the name under which a callback is kept."""
    return key_space.name_of(item)
