"""The stack that is attacked: its tenants, their keys, and how it is spoken to."""

from __future__ import annotations

import hmac
import http.client
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from masking import callbacks, tenants
from masking.table import Table
from plivo_simulator import account
from plivo_simulator.signing import v3_signature
from stack.environments import ROOT
from stack.routes import Route, routes
from stack.running import RunningStack

# The tenant whose things are wanted, and one that has no right to them.
VICTIM = "victim"
STRANGER = "stranger"

# Longer than API Gateway waits for a function.
PATIENCE_SECONDS = 45

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 is a connection that was closed without an answer."""

    status: int
    headers: Mapping[str, str]
    body: str

    def document(self) -> Any:
        """Read the body as JSON."""
        return json.loads(self.body)


@dataclass
class Target:
    """A running stack with two tenants, whose keys are made by `prepared`."""

    stack: RunningStack
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def routes(self) -> list[Route]:
        """Give the routes of the template."""
        return list(routes(ROOT))

    @property
    def table(self) -> Table:
        """Give the stack's table."""
        client = self.stack.aws.client("dynamodb")
        return Table(client, self.stack.outputs["TableName"])

    def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """Send a request as it is: *path* is not normalized, nothing is added."""
        place = urlsplit(self.stack.addresses.api_url)
        connection = http.client.HTTPConnection(
            str(place.hostname), place.port, timeout=PATIENCE_SECONDS
        )
        with closing(connection):
            try:
                connection.request(method, path, body or None, dict(headers or {}))
                came = connection.getresponse()
                text = came.read().decode("utf-8", "replace")
            except (http.client.HTTPException, ConnectionError):
                return Answer(0, {}, "")
        names = {name.lower(): value for name, value in came.getheaders()}
        return Answer(came.status, names, text)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str = VICTIM,
        **headers: str,
    ) -> Answer:
        """Send a request with the key that is called *key*, and a JSON body."""
        given = {"authorization": f"Bearer {self.keys[key]}", **JSON, **headers}
        content = b"" if body is None else json.dumps(body).encode()
        return self.send(method, path, given, content)

    def simulator(self, method: str, path: str, body: object = None) -> Any:
        """Ask the simulator's control API."""
        url = f"{self.stack.addresses.plivo_url}/_sim/{path}"
        with httpx.Client(timeout=PATIENCE_SECONDS, trust_env=False) as client:
            return client.request(method, url, json=body).raise_for_status().json()

    def callback_key(self) -> bytes:
        """Give the key that tokens of callback URLs are made with."""
        secret = self.stack.aws.client("secretsmanager").get_secret_value(
            SecretId=self.stack.outputs["SigningSecretArn"]
        )["SecretString"]
        return hmac.digest(secret.encode(), b"callbacks", "sha256")

    def callback_path(self, session_uuid: str, kind: str = "events") -> str:
        """Give the path at which Plivo calls back about a session's first attempt."""
        token = callbacks.token_for(self.callback_key(), session_uuid, 1)
        return callbacks.path_for(session_uuid, 1, token, kind)

    def signed(
        self, path: str, pairs: Pairs, token: str = account.AUTH_TOKEN
    ) -> dict[str, str]:
        """Give the headers with which Plivo would send *pairs* to *path*."""
        nonce = str(uuid.uuid4().int)[:20]
        url = self.stack.addresses.api_url + path
        signature = v3_signature(token, "POST", url, pairs, nonce)
        return {
            **FORM,
            "x-plivo-signature-v3": signature,
            "x-plivo-signature-v3-nonce": nonce,
        }

    def call_back(self, path: str, pairs: Pairs) -> Answer:
        """Call back as Plivo does."""
        body = urlencode(pairs).encode()
        return self.send("POST", path, self.signed(path, pairs), body)

    def invoke(self, folder: str, event: object) -> None:
        """Invoke a function with an event."""
        self.stack.aws.client("lambda").invoke(
            FunctionName=self.stack.function_names()[folder], Payload=json.dumps(event)
        )


def prepared(stack: RunningStack) -> Target:
    """Issue the keys of both tenants: one for each scope, for all, and an old one."""
    keys = dict(_keys())
    target = Target(stack, {name: key for name, (key, _, _) in keys.items()})
    for name, (key, tenant, scopes) in keys.items():
        ends = datetime.now(UTC) - timedelta(minutes=1) if name == "expired" else None
        tenants.issue(
            target.table, key=key, tenant_id=tenant, scopes=scopes, expires_at=ends
        )
    return target


def _keys() -> Iterator[tuple[str, tuple[str, str, tuple[str, ...]]]]:
    def key() -> str:
        return f"key-{uuid.uuid4()}"

    yield VICTIM, (key(), VICTIM, tenants.SCOPES)
    yield STRANGER, (key(), STRANGER, tenants.SCOPES)
    yield "expired", (key(), VICTIM, tenants.SCOPES)
    yield "nothing", (key(), VICTIM, ())
    for scope in tenants.SCOPES:
        yield scope, (key(), VICTIM, (scope,))
