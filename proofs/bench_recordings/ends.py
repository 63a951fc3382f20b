"""The two ends that bytes go between: an origin of recordings and a sink like S3.

Both do as little as they can, in a process of their own: what is measured is the
program in the middle. The sink speaks as much of S3 as a put and an upload in parts
need, over TLS, and throws the bytes away.
"""

from __future__ import annotations

import argparse
import re
import ssl
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PIECE = bytes(64 * 1024)
CHECKSUM = re.compile(rb"x-amz-checksum-crc32:([A-Za-z0-9+/=]+)")
HEADER = 44


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Origin(_Quiet):
    """Answer ``GET /<bytes>`` with a wav file of so many, ``/chunked/<bytes>`` too."""

    def do_GET(self) -> None:
        """Send the file."""
        size = int(self.path.rpartition("/")[2])
        chunked = self.path.startswith("/chunked/")
        self.send_response(200)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(size))
        self.end_headers()
        left = size
        for piece in _wav(size):
            part = piece[:left]
            left -= len(part)
            if chunked:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            else:
                self.wfile.write(part)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")


def _wav(size: int) -> Iterator[bytes]:
    head = struct.pack("<4sI4s4sI", b"RIFF", size - 8, b"WAVE", b"fmt ", 16)
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    yield head + form + struct.pack("<4sI", b"data", size - HEADER)
    sent = HEADER
    while sent < size:
        yield PIECE
        sent += len(PIECE)


class Sink(_Quiet):
    """Take objects, count requests (``GET /requests``), keep nothing."""

    requests = 0
    taken = 0

    def do_PUT(self) -> None:
        """Take an object or a part of one."""
        Sink.requests += 1
        tail = self._swallow()
        found = CHECKSUM.search(tail)
        self.send_response(200)
        self.send_header("ETag", '"etag"')
        checksum = self.headers.get("x-amz-checksum-crc32")
        if found or checksum:
            self.send_header(
                "x-amz-checksum-crc32", found[1].decode() if found else str(checksum)
            )
        self._end(b"")

    def do_POST(self) -> None:
        """Begin or complete an upload."""
        Sink.requests += 1
        self._swallow()
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        self.send_response(200)
        if "uploads" in query:
            self._end(
                b"<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                b"</InitiateMultipartUploadResult>"
            )
        else:
            self._end(b"<CompleteMultipartUploadResult/>")

    def do_GET(self) -> None:
        """Say how many requests came since the last time, and how many bytes."""
        self.send_response(200)
        said = f"{Sink.requests} {Sink.taken}".encode()
        Sink.requests = Sink.taken = 0
        self._end(said)

    def _end(self, body: bytes) -> None:
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _swallow(self) -> bytes:
        """Read the body away and give its last bytes."""
        tail = b""
        for piece in self._body():
            Sink.taken += len(piece)
            tail = (tail + piece[-200:])[-200:]
        return tail

    def _body(self) -> Iterator[bytes]:
        length = self.headers.get("Content-Length")
        if length is not None:
            left = int(length)
            while left:
                piece = self.rfile.read(min(left, 1 << 18))
                if not piece:
                    return
                left -= len(piece)
                yield piece
            return
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()


def main() -> None:
    """Serve both until the parent goes away; print the two ports."""
    parser = argparse.ArgumentParser()
    parser.add_argument("certificate")
    parser.add_argument("key")
    options = parser.parse_args()
    origin = ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    sink = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate, options.key)
    sink.socket = context.wrap_socket(sink.socket, server_side=True)
    for server in (origin, sink):
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(origin.server_port, sink.server_port, flush=True)
    # Until the parent closes this end, however it ended.
    open(0).read()  # noqa: SIM115 - standard input


if __name__ == "__main__":
    main()
