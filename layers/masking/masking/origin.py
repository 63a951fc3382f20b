"""Fetch recordings from Plivo as streams, from hosts that are allowed and no others."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from masking.errors import RecordingNotReadyError, RecordingRefusedError

TIMEOUT = urllib3.Timeout(connect=5, read=60)

# Bytes that are read at once where the reader does not say.
PIECE = 64 * 1024

# Bytes by which a file shows what it is.
MAGIC = 12


class Source(Protocol):
    """What bytes are read from."""

    def read(self, amount: int, /) -> bytes:
        """Give up to *amount* bytes, none at the end."""


@dataclass
class Download:
    """A recording on its way: read it once, then ask what it was.

    *length* is what the origin promised, None if it did not. `sha256`, `crc32` and
    `bytes_read` describe what has been read so far.
    """

    source: Source
    length: int | None
    start: bytes = b""
    bytes_read: int = 0
    crc32: int = 0
    _sha256: hashlib._Hash = field(default_factory=hashlib.sha256)

    def peek(self) -> bytes:
        """Give the first bytes without using them up."""
        while len(self.start) < MAGIC:
            piece = self._fetch(MAGIC - len(self.start))
            if not piece:
                break
            self.start += piece
        return self.start

    def read(self, amount: int | None = None) -> bytes:
        """Give up to *amount* bytes, none at the end.

        Raises RecordingNotReadyError if the connection breaks or the file is shorter
        or longer than was promised.
        """
        if self.start:
            wanted = len(self.start) if amount is None or amount < 0 else amount
            piece, self.start = self.start[:wanted], self.start[wanted:]
        else:
            piece = self._fetch(PIECE if amount is None or amount < 0 else amount)
        self.bytes_read += len(piece)
        self._sha256.update(piece)
        self.crc32 = zlib.crc32(piece, self.crc32)
        ended = not piece and amount != 0
        if self.length is not None and (
            self.bytes_read > self.length or (ended and self.bytes_read < self.length)
        ):
            message = "the file's length is not what the origin promised"
            raise RecordingNotReadyError(message)
        return piece

    def finish(self) -> None:
        """Read what is left, so that the checks cover the whole file."""
        while self.read(PIECE):
            pass

    @property
    def sha256(self) -> str:
        """Give the SHA-256 of what has been read, in hex."""
        return self._sha256.hexdigest()

    def _fetch(self, amount: int) -> bytes:
        try:
            return self.source.read(amount)
        except (HTTPError, OSError):
            message = "the connection to the origin broke"
            raise RecordingNotReadyError(message) from None


class Origin:
    """Where recordings come from.

    *hosts* are host names and `*.domains`, which mean https on its usual port, and
    whole origins such as `http://127.0.0.1:8001`. *credentials* go to one of these
    alone, and only if it asks for them.
    """

    def __init__(self, hosts: tuple[str, ...], credentials: tuple[str, str]) -> None:
        self._hosts = hosts
        self._credentials = credentials
        self._pool = urllib3.PoolManager(timeout=TIMEOUT, retries=False)

    @contextmanager
    def open(self, url: str) -> Iterator[Download]:
        """Open a recording for reading.

        Raises RecordingRefusedError for a host that is not allowed, and
        RecordingNotReadyError if the file can't be had now.
        """
        self._check(url)
        response = self._get(url, {})
        try:
            if response.status == 401:
                response.release_conn()
                basic = urllib3.make_headers(basic_auth=":".join(self._credentials))
                response = self._get(url, dict(basic))
            if response.status != 200:
                message = f"the origin answered {response.status}"
                raise RecordingNotReadyError(message)
            length = response.headers.get("Content-Length", "")
            yield Download(response, int(length) if length.isdecimal() else None)
        finally:
            response.close()

    def _get(self, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        # As it is stored: no encoding may come between the file and its length.
        plain = {"Accept-Encoding": "identity", **headers}
        try:
            return self._pool.request(
                "GET", url, headers=plain, preload_content=False, redirect=False
            )
        except HTTPError:
            message = "the origin could not be reached"
            raise RecordingNotReadyError(message) from None

    def _check(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            message = "the recording's URL cannot be read"
            raise RecordingRefusedError(message) from None
        if parts.username is not None or parts.password is not None:
            message = "the recording's URL names a user"
            raise RecordingRefusedError(message)
        if not any(_allows(entry, parts.scheme, host, port) for entry in self._hosts):
            message = f"{host} is not among RecordingHosts"
            raise RecordingRefusedError(message)


def _allows(entry: str, scheme: str, host: str, port: int | None) -> bool:
    if "://" in entry:
        allowed = urlsplit(entry)
        return (scheme, host, port) == (allowed.scheme, allowed.hostname, allowed.port)
    if scheme != "https" or port not in (None, 443):
        return False
    if entry.startswith("*."):
        return host.endswith(entry[1:].lower())
    return host == entry.lower()
