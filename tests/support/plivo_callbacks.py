"""Sessions written straight into a stack's table, and Plivo's callbacks about them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx

from masking.domain import transitions
from masking.domain.sessions import CarrierSession, Session
from masking.plivo import callback_urls
from masking.storage.stores import Stores
from plivo_simulator import account
from plivo_simulator.signing import v3_signature
from stack.running import RunningStack
from tests.support.stores import stores_over


@dataclass(frozen=True)
class Caller:
    """Plivo, as it calls back about sessions of one stack."""

    stack: RunningStack
    http: httpx.Client

    @property
    def stores(self) -> Stores:
        """Return the stores of the stack's table."""
        aws = self.stack.aws
        return stores_over(aws.client("dynamodb"), self.stack.outputs["TableName"])

    def key(self) -> bytes:
        """Return the key that tokens in the callbacks' paths are made with."""
        import hmac

        secret = self.stack.aws.client("secretsmanager").get_secret_value(
            SecretId=self.stack.outputs["SigningSecretArn"]
        )["SecretString"]
        return hmac.digest(secret.encode(), b"callbacks", "sha256")

    def session(self, stores: Stores, tenant_id: str, **asked: Any) -> Session:
        """Write a session that Plivo has confirmed, without a phone ever ringing."""
        now = datetime.now(UTC)
        parties = {"first_party": "+12025550100", "second_party": "+12025550101"}
        reserved = transitions.reserve(
            session_uuid=str(uuid.uuid4()),
            tenant_id=tenant_id,
            asked={**parties, "session_expiry": 3600, **asked},
            labels={},
            base_url=self.stack.addresses.api_url,
            now=now,
        )
        stores.sessions.reserve(reserved)
        answer = CarrierSession(
            session_uuid=str(uuid.uuid4()),
            virtual_number="+12025550180",
            status="active",
            created_time=now,
            modified_time=now,
            expiry_time=now + timedelta(hours=1),
            duration=3600,
            callback_url="",
            settings=parties,
        )
        confirmed = transitions.confirm(reserved, answer, 1)
        stores.sessions.replace(reserved, confirmed)
        return confirmed

    def call_back(
        self, key: bytes, session: Session, attributes: Mapping[str, str]
    ) -> int | None:
        """Send a signed callback; return the status, None without an answer."""
        token = callback_urls.token_for(key, session.session_uuid, 1)
        path = callback_urls.path_for(session.session_uuid, 1, token, "events")
        url = self.stack.addresses.api_url + path
        nonce = str(uuid.uuid4().int)[:20]
        pairs = list(attributes.items())
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "x-plivo-signature-v3": v3_signature(
                account.AUTH_TOKEN, "POST", url, pairs, nonce
            ),
            "x-plivo-signature-v3-nonce": nonce,
        }
        try:
            answer = self.http.post(url, content=urlencode(pairs), headers=headers)
        except httpx.HTTPError:
            return None
        return answer.status_code
