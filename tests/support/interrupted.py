"""A carrier during whose requests something happens, or whose answers are odd."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Protocol

import urllib3

from masking.domain.sessions import CarrierSession
from masking.plivo.client import Carrier
from plivo_simulator import account

# The requests that each operation sends.
SENT = {
    "create": ("POST", r"/Masking/Session/$"),
    "update": ("POST", r"/Masking/Session/[0-9a-f-]{36}/$"),
    "get": ("GET", r"/Masking/Session/[0-9a-f-]{36}/$"),
    "list": ("GET", r"/Masking/Session/(\?.*)?$"),
}


class Interrupted:
    """A carrier during whose create or update something else happens."""

    def __init__(self, carrier: Carrier, meanwhile: Callable[[], object]) -> None:
        self._carrier = carrier
        self._meanwhile = meanwhile

    def create(self, *arguments: Any) -> CarrierSession:
        """Create, then let the other thing happen before the answer arrives."""
        try:
            return self._carrier.create(*arguments)
        finally:
            self._meanwhile()

    def update(self, *arguments: Any) -> CarrierSession:
        """Update, then let the other thing happen before the answer arrives."""
        try:
            return self._carrier.update(*arguments)
        finally:
            self._meanwhile()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._carrier, name)


class Simulated(Protocol):
    """A simulator of Plivo that listens somewhere."""

    @property
    def origin(self) -> str:
        """Return the address."""
        ...


def rewriting(plivo: Simulated, *operations: str, **changes: Any) -> Carrier:
    """Return a carrier in whose answers the session has other attributes.

    A change that is None leaves the attribute out; a function gets its value.
    """
    carrier = Carrier(
        auth_id=account.AUTH_ID, auth_token=account.AUTH_TOKEN, base_url=plivo.origin
    )
    sent = [SENT[each] for each in operations]
    pools: Any = _Rewriter(carrier._client.pools, sent, changes)
    carrier._client.pools = pools
    return carrier


class _Rewriter:
    def __init__(
        self,
        pools: urllib3.PoolManager,
        sent: list[tuple[str, str]],
        changes: dict[str, Any],
    ) -> None:
        self._pools = pools
        self._sent = sent
        self._changes = changes

    def urlopen(self, method: str, url: str, **options: Any) -> Any:
        answer = self._pools.urlopen(method, url, **options)
        fits = any(method == sent and re.search(path, url) for sent, path in self._sent)
        if not fits or answer.status >= 400:
            return answer
        body = json.loads(answer.data)
        for each in _sessions_in(body):
            self._change(each)
        return SimpleNamespace(
            status=answer.status,
            data=json.dumps(body).encode(),
            headers=answer.headers,
        )

    def _change(self, session: dict[str, Any]) -> None:
        for name, value in self._changes.items():
            if value is None:
                session.pop(name, None)
            else:
                session[name] = value(session[name]) if callable(value) else value


def _sessions_in(body: dict[str, Any]) -> list[dict[str, Any]]:
    inner = body.get("session") or body.get("response") or {}
    found: list[dict[str, Any]] = inner.get("objects", [inner])
    return found
