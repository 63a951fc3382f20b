"""Read a recording once, as a stream, and check it meanwhile."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from urllib3.exceptions import HTTPError

from masking.core import amounts
from masking.core.errors import RecordingNotReadyError

# Bytes that are read at once if the reader does not say.
PIECE = 64 * 1024

# First bytes of a file that show its format, and that show how long it plays.
MAGIC = 12
START = 4096

# A length; one of more digits is none.

# An entity tag that may be the MD5 of the file, as S3's is for a simple put.
MD5_TAG = re.compile(r'"([0-9a-f]{32})"', re.ASCII)


class Source(Protocol):
    """Where bytes are read from."""

    def read(self, amount: int, /) -> bytes:
        """Return up to *amount* bytes, none at the end."""


@dataclass(frozen=True)
class Promise:
    """What the origin says of a file: its length, its MD5 (16 bytes), its media type.

    *is_certain* is true for a Content-MD5, and false for an entity tag, which may be
    something else.
    """

    length: int | None = None
    md5: bytes | None = None
    is_certain: bool = False
    content_type: str = ""


def promise_of(headers: Mapping[str, str]) -> Promise:
    """Read an origin's headers.

    The entity tag of an object that S3 has encrypted with KMS is no MD5.
    """
    given = headers.get("Content-Length", "")
    length = amounts.digits(given)
    media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    try:
        md5 = base64.b64decode(headers.get("Content-MD5", ""), validate=True)
    except (binascii.Error, ValueError):
        md5 = b""
    if len(md5) == 16:
        return Promise(length, md5, is_certain=True, content_type=media_type)
    tag = MD5_TAG.fullmatch(headers.get("ETag", ""))
    if tag and not headers.get("x-amz-server-side-encryption", "").startswith("aws:"):
        return Promise(length, bytes.fromhex(tag[1]), content_type=media_type)
    return Promise(length, content_type=media_type)


@dataclass
class Download:
    """A file that is read once; afterwards it knows size and hash.

    *length* is what the origin promised, None if it did not. *suspect* is the SHA-256
    of a file that came again and again and did not fit what was said of it: once more,
    and what was said is wrong. *check* is called with the size before the last bytes
    are given out, and may raise; with *accepted* nothing is held against the file.
    `sha256` and `bytes_read` describe what has been read so far;
    `failure` is what reading has raised, however the reader wrapped it.
    """

    source: Source
    length: int | None
    promise: Promise = field(default_factory=Promise)
    suspect: str | None = None
    check: Callable[[int], None] | None = None
    accepted: bool = False
    start: bytes = b""
    bytes_read: int = 0
    failure: RecordingNotReadyError | None = None
    _is_whole: bool = False

    def __post_init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False) if self.promise.md5 else None

    def peek(self, amount: int = MAGIC) -> bytes:
        """Return the first bytes without using them up."""
        while len(self.start) < amount:
            piece = self._fetch(amount - len(self.start))
            if not piece:
                break
            self.start += piece
        return self.start

    def read(self, amount: int | None = None) -> bytes:
        """Return up to *amount* bytes, none at the end.

        Raises RecordingNotReadyError if the connection breaks, or if the file is not
        what was promised; then before its last bytes are given out, so that nobody
        can have stored it.
        """
        if self.start:
            wanted = len(self.start) if amount is None or amount < 0 else amount
            piece, self.start = self.start[:wanted], self.start[wanted:]
        else:
            piece = self._fetch(PIECE if amount is None or amount < 0 else amount)
        self.bytes_read += len(piece)
        self._sha256.update(piece)
        if self._md5:
            self._md5.update(piece)
        ended = not piece and amount != 0
        if self.length is not None and (
            self.bytes_read > self.length or (ended and self.bytes_read < self.length)
        ):
            self._fail("the file's length is not what the origin promised", "truncated")
        if ended or self.bytes_read == self.length:
            self._verify()
        return piece

    def finish(self) -> None:
        """Read what is left, so that the checks cover the whole file."""
        while self.read(PIECE):
            pass

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of what has been read, in hex."""
        return self._sha256.hexdigest()

    @property
    def is_believed(self) -> bool:
        """Return whether what has been read is stored whatever was said of it."""
        return self.accepted or self.suspect == self.sha256

    @property
    def fits_md5(self) -> bool | None:
        """Return whether what has been read has the MD5 promised; None without one."""
        return self._md5.digest() == self.promise.md5 if self._md5 else None

    def _verify(self) -> None:
        if self._is_whole:
            return
        self._is_whole = True
        if self.check:
            try:
                self.check(self.bytes_read)
            except RecordingNotReadyError as failure:
                self.failure = failure
                raise
        if self.fits_md5 is False and not self.is_believed:
            header = "Content-MD5" if self.promise.is_certain else "ETag"
            self.failure = RecordingNotReadyError(
                f"the file is not what its {header} says",
                reason="changed",
                suspect=self.sha256,
            )
            raise self.failure

    def _fetch(self, amount: int) -> bytes:
        try:
            return self.source.read(amount)
        except (HTTPError, OSError):
            self._fail("the connection to the origin broke", "unreachable")
            raise  # for the type checker: _fail has raised

    def _fail(self, message: str, reason: str) -> None:
        self.failure = RecordingNotReadyError(message, reason=reason)
        raise self.failure from None
