"""The short way of a test's requests into the embedded AWS; see `framed_port`.

Requests of the JSON protocols take it: DynamoDB and its streams, SQS, EventBridge,
Secrets Manager. All else, and every other endpoint, is reached over HTTPS, and so is
all of AWS by product code in other processes. Errors, time limits and retries are those
of the SDK.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.loaders
import botocore.session
from botocore import handlers
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.exceptions import (
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from stack.aws.framed_port import frame, unframe
from tests.support.item_parser import ItemParserFactory

_EVENT = "before-send"

_ways: dict[str, Sockets] = {}


@contextlib.contextmanager
def short_way(url: str, path: Path) -> Iterator[None]:
    """Lead requests for *url* to the socket *path* while the block runs.

    Only clients of sessions that are made from now on take this way.
    """
    if (_EVENT, _send) not in handlers.BUILTIN_HANDLERS:
        handlers.BUILTIN_HANDLERS.append((_EVENT, _send))
    sockets = _ways[urlsplit(url).netloc] = Sockets(path)
    usual, botocore.session.get_session = botocore.session.get_session, unsent_session
    try:
        yield
    finally:
        botocore.session.get_session = usual
        del _ways[urlsplit(url).netloc]
        sockets.close()


class UnsentSession(botocore.session.Session):
    """A session whose requests nobody else sends: botocore would let both do so.

    The descriptions of services are read once for all of them, and items sooner.
    """

    def __init__(self, session_vars: Any = None) -> None:
        super().__init__(session_vars)
        self.register_component("response_parser_factory", ItemParserFactory())

    def get_component(self, name: str) -> Any:
        """Return a part of the session, or the shared reader of descriptions."""
        if name != "data_loader":
            return super().get_component(name)
        # Whether the profile exists is found out here.
        assert self.get_config_variable("data_path") is None
        return _descriptions()

    def register(
        self, event_name: str, handler: Callable[..., Any], *rest: Any, **more: Any
    ) -> None:
        """Register a handler of any other event, or the one that goes the short way."""
        if handler is _send or not event_name.startswith(_EVENT):
            super().register(event_name, handler, *rest, **more)


@cache
def _descriptions() -> Any:
    return botocore.loaders.create_loader()


def unsent_session(env_vars: Any = None) -> UnsentSession:
    """Make a session as botocore does."""
    return UnsentSession(env_vars)


def stay_on_https(client: Any) -> None:
    """Let all requests of *client* go over HTTPS, for a test of what happens there."""
    client.meta.events.unregister(_EVENT, _send)


def _send(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
    """Send a request the short way; return None if it is to go the usual one."""
    body = request.body
    if "X-Amz-Target" not in request.headers or not isinstance(body, str | bytes):
        return None
    address = urlsplit(request.url)
    sockets = _ways.get(address.netloc)
    if not sockets:
        return None
    # What an HTTP client adds; the host is signed.
    headers = [("Host", address.netloc), ("Accept-Encoding", "identity")]
    headers += ((name, _text(value)) for name, value in request.headers.items())
    path = (address.path or "/") + (f"?{address.query}" if address.query else "")
    data = body.encode() if isinstance(body, str) else body
    sent = frame((request.method, path, headers), data)
    (status, fields), answer = sockets.exchange(sent, request)
    kept: Any = HeadersDict(fields)
    return AWSResponse(request.url, status, kept, _Body(answer))


class Sockets:
    """Connections to one socket, which threads share: each is used by one at a time."""

    def __init__(self, path: Path, process_id: Callable[[], int] = os.getpid) -> None:
        self._path = path
        self._process_id = process_id
        self._process = process_id()
        self.idle: list[socket.socket] = []

    def exchange(self, sent: bytes, request: AWSPreparedRequest) -> tuple[Any, bytes]:
        """Send a frame and return the head and the body of the answer.

        Raises:
            HTTPClientError: As the SDK raises it over HTTPS: nobody listens, the
                connection broke, or the client's time to read is up.
        """
        connection = self._connection(request)
        try:
            connection.settimeout(_config(request).read_timeout)
            connection.sendall(sent)
            answer = _read_frame(connection)
        except TimeoutError as error:
            connection.close()
            raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
        except OSError as error:
            connection.close()
            raise ConnectionClosedError(
                endpoint_url=request.url, error=error, request=request
            ) from error
        except BaseException:
            # Its answer would be taken for that of the next request.
            connection.close()
            raise
        self.idle.append(connection)
        return answer

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self.idle:
            self.idle.pop().close()

    def _connection(self, request: AWSPreparedRequest) -> socket.socket:
        if self._process != self._process_id():
            # After a fork they are the parent's.
            self._process = self._process_id()
            self.close()
        with contextlib.suppress(IndexError):
            while True:
                kept = self.idle.pop()
                if not _is_dropped(kept):
                    return kept
                kept.close()
        made = socket.socket(socket.AF_UNIX)
        try:
            made.settimeout(_config(request).connect_timeout)
            made.connect(str(self._path))
        except OSError as error:
            made.close()
            raise EndpointConnectionError(
                endpoint_url=request.url, error=error
            ) from error
        return made


class _Body:
    """The body of an answer, as the SDK reads it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: object) -> list[bytes]:
        return [self._body]


def _read_frame(connection: socket.socket) -> tuple[Any, bytes]:
    received = bytearray()
    while True:
        data = connection.recv(262_144)
        if not data:
            raise ConnectionResetError("the embedded AWS closed the connection")
        received += data
        if answer := unframe(received):
            return answer


def _is_dropped(connection: socket.socket) -> bool:
    """Return whether the other side has closed it, because it was started again."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _config(request: AWSPreparedRequest) -> Any:
    return vars(request)["context"]["client_config"]


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
