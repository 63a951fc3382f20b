"""A carrier during whose requests something happens, or whose answers are odd."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Protocol

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

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
    adapter = _Rewriter([SENT[each] for each in operations], changes)
    carrier._client.session.mount(plivo.origin, adapter)
    return carrier


class _Rewriter(HTTPAdapter):
    def __init__(self, sent: list[tuple[str, str]], changes: dict[str, Any]) -> None:
        super().__init__()
        self._sent = sent
        self._changes = changes

    def send(self, request: PreparedRequest, **options: Any) -> Response:  # type: ignore[override]
        response = super().send(request, **options)
        url = str(request.url)
        fits = any(
            request.method == method and re.search(path, url)
            for method, path in self._sent
        )
        if fits and response.ok:
            body = json.loads(response.content)
            for each in _sessions_in(body):
                self._change(each)
            response._content = json.dumps(body).encode()
        return response

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
