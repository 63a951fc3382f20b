"""Serve recording files over HTTP, with the fault that each was given.

A file is made when it is asked for. `recording.troubles` holds the faults that were
drawn when the recording was made; those with `requests` go away after that many GETs.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from hashlib import md5, sha256
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

from . import audio
from .broken_connections import BrokenResponse, raw_answer
from .credentials import account_of, may_act_as
from .records import Recording

if TYPE_CHECKING:
    from .simulator import Simulator

CONTENT_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_DRIPS = 50


async def serve_media(request: Request) -> Response:
    """Answer GET or HEAD for a recording's file."""
    simulator: Simulator = request.app.state.simulator
    recording_id, _, file_format = request.path_params["file"].rpartition(".")
    recording = simulator.store.recordings.get(recording_id)
    if (
        recording is None
        or recording.deleted
        or recording.file_format != file_format
        or recording.account != request.path_params["auth_id"]
    ):
        return Response("not found", 404)
    if _wants_credentials(simulator, recording) and not _may_read(request, recording):
        return Response(
            "credentials needed", 401, {"www-authenticate": 'Basic realm="recordings"'}
        )
    if redirect := _redirect(request, recording):
        return redirect
    available = recording.available_at
    if available is None or simulator.clock.now() < available:
        return Response("not found", 404)
    if request.method == "GET":
        recording.fetches += 1
        if broken := await _broken(recording):
            return broken
    return await _file(request, recording)


def is_ever_served(recording: Recording) -> bool:
    """Return whether some request will get the whole file."""
    return not recording.deleted and "never" not in recording.troubles


async def truth(recording: Recording) -> dict[str, Any]:
    """Return bytes and SHA-256 of the file as it is served when nothing is wrong."""
    if "large" in recording.troubles:
        return await asyncio.to_thread(_large_truth, recording)
    content = await _content(recording)
    return {"bytes": len(content), "sha256": sha256(content).hexdigest()}


def _large_truth(recording: Recording) -> dict[str, Any]:
    digest, size = sha256(), 0
    for chunk in _large_chunks(recording):
        digest.update(chunk)
        size += len(chunk)
    return {"bytes": size, "sha256": digest.hexdigest()}


def _large_chunks(recording: Recording) -> Any:
    mebibytes = recording.troubles["large"]["mebibytes"]
    return audio.large_chunks(recording.recording_id, recording.file_format, mebibytes)


async def _content(recording: Recording) -> bytes:
    return await asyncio.to_thread(
        audio.sound,
        recording.recording_id,
        recording.file_format,
        recording.milliseconds,
        recording.channels,
    )


def _may_read(request: Request, recording: Recording) -> bool:
    who = account_of(request)
    return who is not None and may_act_as(who, recording.account)


def _wants_credentials(simulator: Simulator, recording: Recording) -> bool:
    toggle = simulator.switches.is_on("recording_auth")
    return toggle or "basic_auth" in recording.troubles


def _redirect(request: Request, recording: Recording) -> Response | None:
    hops = int(recording.troubles.get("redirect", {}).get("hops", 0))
    hop = request.query_params.get("hop", "0")
    passed = int(hop) if hop.isdecimal() else 0
    if passed >= hops:
        return None
    return RedirectResponse(f"{request.url.path}?hop={passed + 1}", 302)


async def _broken(recording: Recording) -> Response | None:
    for effect, parameters in recording.troubles.items():
        requests = parameters.get("requests", math.inf)
        if "requests" not in parameters or recording.fetches > requests:
            continue
        content_type = CONTENT_TYPES[recording.file_format]
        if effect == "5xx":
            return Response("try again later", int(parameters["status"]))
        if effect == "html":
            return HTMLResponse("<!doctype html><title>Sorry</title><p>Not here.")
        if effect == "empty":
            return Response(b"", media_type=content_type)
        content = await _content(recording)
        headers = {"etag": _etag(content)}
        half = content[: len(content) // 2]
        if effect == "truncated":
            return Response(half, headers=headers, media_type=content_type)
        if effect == "changing":
            other = half + bytes(len(content) - len(half))
            return Response(other, headers=headers, media_type=content_type)
        etag = f"etag: {headers['etag']}\r\n"
        if effect == "wrong_length":
            raw = raw_answer(content, len(content) + 1000, content_type, etag)
            return BrokenResponse(raw, reset=False)
        if effect == "reset":
            return BrokenResponse(raw_answer(half, len(content), content_type, etag))
    return None


async def _file(request: Request, recording: Recording) -> Response:
    content_type = CONTENT_TYPES[recording.file_format]
    troubles = recording.troubles
    if large := troubles.get("large"):
        size, _ = audio.large_size(recording.file_format, large["mebibytes"])
        etag = f'"{sha256(recording.recording_id.encode()).hexdigest()[:32]}-2"'
        headers = {"content-length": str(size), "etag": etag}
        if request.method == "HEAD":
            return Response(headers=headers, media_type=content_type)
        body = _counted(recording, _stepwise(_large_chunks(recording)))
        return StreamingResponse(body, headers=headers, media_type=content_type)
    content = await _content(recording)
    headers = {"etag": _etag(content)}
    if request.method == "HEAD":
        headers["content-length"] = str(len(content))
        return Response(headers=headers, media_type=content_type)
    if "chunked" in troubles or "slow" in troubles:
        seconds = troubles.get("slow", {}).get("seconds", 0)
        if "chunked" not in troubles:
            headers["content-length"] = str(len(content))
        body = _counted(recording, _dripping(content, seconds))
        return StreamingResponse(body, headers=headers, media_type=content_type)
    recording.served_whole += 1
    return Response(content, headers=headers, media_type=content_type)


def _etag(content: bytes) -> str:
    return f'"{md5(content, usedforsecurity=False).hexdigest()}"'


async def _dripping(content: bytes, seconds: float) -> AsyncIterator[bytes]:
    step = max(len(content) // _DRIPS, 1)
    for start in range(0, len(content), step):
        await asyncio.sleep(seconds / _DRIPS)
        yield content[start : start + step]


async def _stepwise(chunks: Any) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
        await asyncio.sleep(0)


async def _counted(
    recording: Recording, chunks: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield chunk
    recording.served_whole += 1
