"""Serve the phones page and the tunes that replace spoken prompts."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from .prompt_tunes import TUNES, tune

FOLDER = Path(__file__).parent / "page"
# Only audio may come from elsewhere: a session's prompts are where its app has them.
_POLICY = "default-src 'self'; media-src *; img-src 'self' data:; base-uri 'none'"


def page_routes() -> list[Route | Mount]:
    """Return the routes of the page, its files and the prompts."""
    return [
        Route("/", show_page),
        Route("/prompts/{name}.wav", play_prompt),
        Mount("/page", StaticFiles(directory=FOLDER)),
    ]


async def show_page(_request: Request) -> Response:
    """Answer with the page; it loads nothing from elsewhere."""
    headers = {"content-security-policy": _POLICY, "cache-control": "no-cache"}
    return FileResponse(FOLDER / "index.html", headers=headers)


async def play_prompt(request: Request) -> Response:
    """Answer with a tune."""
    name = request.path_params["name"]
    if name not in TUNES:
        return Response("not found", 404)
    return Response(tune(name), media_type="audio/wav")
