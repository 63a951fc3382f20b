"""The stack that is attacked: its tenants, their keys, and requests to it."""

from __future__ import annotations

import http.client
import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode, urlsplit

from masking.plivo import callback_urls
from masking.tenants import authorize
from masking.wiring import Services
from plivo_simulator import account
from plivo_simulator.signing import v3_signature
from proofs.harness import (
    PATIENCE_SECONDS,
    services_of,
    simulator_client,
)
from stack import yaml_files
from stack.environments import ROOT
from stack.routes import Route, routes
from stack.running import RunningStack

# The tenant whose things are wanted, and one that has no right to them.
VICTIM = "victim"
STRANGER = "stranger"

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}

DOCUMENT = ROOT / "openapi.yaml"
SCOPE = re.compile(r"Needs the scope `([a-z:]+)`")

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 is a connection that was closed without an answer."""

    status: int
    headers: Mapping[str, str]
    body: str

    def document(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)


@dataclass
class Target:
    """A running stack with two tenants, whose keys are made by `prepared`."""

    stack: RunningStack
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def routes(self) -> list[Route]:
        """Return the routes of the template, each with the scope that is documented.

        What the handlers enforce is what the attack is to find out.
        """
        return documented(routes(ROOT), yaml_files.load(DOCUMENT))

    @cached_property
    def services(self) -> Services:
        """Return what the functions of the stack work with."""
        return services_of(self.stack)

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
        with simulator_client(self.stack) as client:
            answer = client.request(method, f"/_sim/{path}", json=body)
            return answer.raise_for_status().json()

    def callback_path(self, session_uuid: str, kind: str = "events") -> str:
        """Return the path at which Plivo calls back about a session's first attempt."""
        token = callback_urls.token_for(self.services.callback_key, session_uuid, 1)
        return callback_urls.path_for(session_uuid, 1, token, kind)

    def signed(
        self, path: str, pairs: Pairs, token: str = account.AUTH_TOKEN
    ) -> dict[str, str]:
        """Return the headers with which Plivo would send *pairs* to *path*."""
        nonce = str(uuid.uuid4().int)[:20]
        url = self.stack.addresses.api_url + path
        signature = v3_signature(token, "POST", url, pairs, nonce)
        return {
            **FORM,
            "x-plivo-signature-v3": signature,
            "x-plivo-signature-v3-nonce": nonce,
        }

    def call_back(self, path: str, pairs: Pairs) -> Answer:
        """Send a callback as Plivo does."""
        body = urlencode(pairs).encode()
        return self.send("POST", path, self.signed(path, pairs), body)


def documented(found: Iterable[Route], document: Any) -> list[Route]:
    """Return routes with the scopes that the OpenAPI *document* names."""
    return [
        replace(route, scope=_scope_of(document["paths"][route.path][route.method]))
        for route in found
    ]


def _scope_of(operation: Any) -> str | None:
    named = SCOPE.search(operation.get("description", ""))
    return named[1] if named else None


def prepared(stack: RunningStack) -> Target:
    """Issue the keys of both tenants: one for each scope, for all, and an old one."""
    keys = dict(_keys())
    target = Target(stack, {name: key for name, (key, _, _) in keys.items()})
    for name, (key, tenant, scopes) in keys.items():
        ends = datetime.now(UTC) - timedelta(minutes=1) if name == "expired" else None
        authorize.issue(
            target.services.stores,
            key=key,
            tenant_id=tenant,
            scopes=scopes,
            expires_at=ends,
        )
    return target


def _keys() -> Iterator[tuple[str, tuple[str, str, tuple[str, ...]]]]:
    def key() -> str:
        return f"key-{uuid.uuid4()}"

    yield VICTIM, (key(), VICTIM, authorize.SCOPES)
    yield STRANGER, (key(), STRANGER, authorize.SCOPES)
    yield "expired", (key(), VICTIM, authorize.SCOPES)
    yield "nothing", (key(), VICTIM, ())
    for scope in authorize.SCOPES:
        yield scope, (key(), VICTIM, (scope,))
