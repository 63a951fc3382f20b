"""Serve a few files of a folder by name, as the stack's own pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stack.aws.api_port import Application, Receive, Scope, Send

TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".yaml": "application/yaml; charset=utf-8",
}


def files_of(folder: Path, index: str = "index.html") -> Application:
    """Return an application that serves the files in *folder*, *index* at its root.

    The first segment of the path says where it is mounted, and is left out.
    """

    async def application(scope: Scope, _receive: Receive, send: Send) -> None:
        name = "/".join(scope["path"].split("/")[2:]) or index
        # By their names: nothing that a path says can lead elsewhere.
        found = {path.name: path for path in folder.glob("*.*")}.get(name)
        if scope["method"] != "GET":
            await _answer(send, 405, "text/plain", b"")
        elif found is None or found.suffix not in TYPES:
            await _answer(send, 404, "text/plain", b"")
        else:
            await _answer(send, 200, TYPES[found.suffix], found.read_bytes())

    return application


async def _answer(send: Send, status: int, content_type: str, body: bytes) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-cache"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
