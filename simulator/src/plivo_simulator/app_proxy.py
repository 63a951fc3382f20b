"""Forward the page's requests to the app under development.

The browser can't call another origin and shouldn't know a key, so the simulator
forwards requests: `/_sim/app/{path}` goes to the app's own API with the key added.
Recordings are fetched through the app's short-lived link, as an app's user gets them.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .control_requests import ControlError

_PASSED_ON = ("content-type", "accept", "idempotency-key", "if-match")
_PASSED_BACK = ("content-type", "retry-after", "etag")
_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class AppAddress:
    """The app's API, its key, and the certificate authority of its storage."""

    url: str
    key: str
    authority: Path | None = None


async def show_app(request: Request) -> Response:
    """Show whether an app is connected, and its address."""
    address: AppAddress | None = request.app.state.app_address
    return JSONResponse({"url": address.url if address else None})


async def pass_on(request: Request) -> Response:
    """Forward a request to the app's API."""
    address = _address(request)
    query = f"?{request.url.query}" if request.url.query else ""
    url = f"{address.url}/{request.path_params['path']}{query}"
    headers = {n: request.headers[n] for n in _PASSED_ON if n in request.headers}
    headers["authorization"] = f"Bearer {address.key}"
    async with _client(address) as client:
        answer = await client.request(
            request.method,
            url,
            content=await request.body(),
            headers=headers,
        )
    back = {n: answer.headers[n] for n in _PASSED_BACK if n in answer.headers}
    return Response(answer.content, answer.status_code, headers=back)


async def play_stored(request: Request) -> Response:
    """Answer with a recording as the app keeps it."""
    address = _address(request)
    url = f"{address.url}/v1/recordings/{request.path_params['recording_uuid']}"
    headers = {
        "authorization": f"Bearer {address.key}",
        "accept": "application/json",
    }
    async with _client(address) as client:
        link = await client.get(url, headers=headers)
        if link.status_code != 200:
            raise ControlError(404, f"the app answered {link.status_code}")
        audio = await client.get(link.json()["url"])
    kind = audio.headers.get("content-type", "application/octet-stream")
    return Response(audio.content, audio.status_code, media_type=kind)


def _address(request: Request) -> AppAddress:
    address: AppAddress | None = request.app.state.app_address
    if address is None:
        raise ControlError(404, "no app is connected; start with --app and --app-key")
    return address


def _client(address: AppAddress) -> httpx.AsyncClient:
    context = (
        ssl.create_default_context(cafile=str(address.authority))
        if address.authority and address.authority.exists()
        else ssl.create_default_context()
    )
    return httpx.AsyncClient(timeout=_SECONDS, verify=context, trust_env=False)
