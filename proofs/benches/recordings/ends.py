"""Run the two ends that bytes go between: an origin of recordings and a sink like S3.

Both do as little as they can, in a process of their own: what is measured is the
program in the middle. The sink speaks as much of S3 as a put and an upload in parts
need, over TLS, and throws the bytes away.
"""

from __future__ import annotations

import argparse
import re
import ssl
import struct
import sys
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from proofs.http_listener import Exchange, HttpListener, reply

PIECE = bytes(64 * 1024)
CHECKSUM = re.compile(rb"x-amz-checksum-crc32:([A-Za-z0-9+/=]+)")
CHECKSUM_HEADER = "x-amz-checksum-crc32"
# Where a checksum after the body stands.
TAIL_BYTES = 200
WAV_HEADER_BYTES = 44

BEGUN = (
    b"<InitiateMultipartUploadResult><UploadId>u</UploadId>"
    b"</InitiateMultipartUploadResult>"
)
COMPLETED = b"<CompleteMultipartUploadResult/>"


def serve_wav(exchange: Exchange) -> None:
    """Answer ``GET /<bytes>`` with a wav file of so many, ``/chunked/<bytes>`` too."""
    size = int(exchange.path.rpartition("/")[2])
    if exchange.path.startswith("/chunked/"):
        exchange.send_head(200, {"Transfer-Encoding": "chunked"})
        exchange.send_pieces(_wav(size))
        return
    exchange.send_head(200, {"Content-Length": str(size)})
    for piece in _wav(size):
        exchange.wfile.write(piece)


def _wav(size: int) -> Iterator[bytes]:
    head = struct.pack("<4sI4s4sI", b"RIFF", size - 8, b"WAVE", b"fmt ", 16)
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    yield head + form + struct.pack("<4sI", b"data", size - WAV_HEADER_BYTES)
    left = size - WAV_HEADER_BYTES
    while left > 0:
        yield PIECE[:left]
        left -= len(PIECE)


class Sink:
    """Take objects, count requests and bytes (``GET /requests``), keep nothing."""

    def __init__(self) -> None:
        self._requests = self._bytes = 0

    def __call__(self, exchange: Exchange) -> None:
        """Answer a request."""
        if exchange.command == "GET":
            counted = f"{self._requests} {self._bytes}".encode()
            self._requests = self._bytes = 0
            reply(200, counted)(exchange)
            return
        self._requests += 1
        found = CHECKSUM.search(self._drain(exchange))
        if exchange.command == "POST":
            query = parse_qs(urlsplit(exchange.path).query, keep_blank_values=True)
            reply(200, BEGUN if "uploads" in query else COMPLETED)(exchange)
            return
        headers = {"ETag": '"etag"'}
        checksum = exchange.headers.get(CHECKSUM_HEADER)
        if found or checksum:
            headers[CHECKSUM_HEADER] = found[1].decode() if found else str(checksum)
        reply(200, headers=headers)(exchange)

    def _drain(self, exchange: Exchange) -> bytes:
        """Read the body and drop it; return its last bytes."""
        tail = b""
        for piece in exchange.body_pieces():
            self._bytes += len(piece)
            tail = (tail + piece[-TAIL_BYTES:])[-TAIL_BYTES:]
        return tail


def main() -> None:
    """Serve both until the parent goes away; print the two ports."""
    parser = argparse.ArgumentParser()
    parser.add_argument("certificate")
    parser.add_argument("key")
    options = parser.parse_args()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate, options.key)
    with (
        HttpListener(serve_wav) as origin,
        HttpListener(Sink(), keeps_bodies=False) as sink,
    ):
        sink.speak_tls(context)
        print(origin.port, sink.port, flush=True)
        # Until the parent closes this end, however it ended.
        sys.stdin.read()


if __name__ == "__main__":
    main()
