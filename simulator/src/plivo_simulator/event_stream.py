"""Stream what happens as server-sent events, for the page and whoever listens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from .control_requests import simulator_of
from .simulator import Simulator

HEARTBEAT_SECONDS = 15.0


async def stream_events(request: Request) -> Response:
    """Stream events until the listener leaves or the simulator stops."""
    headers = {"cache-control": "no-store"}
    lines = _lines(simulator_of(request))
    return StreamingResponse(lines, headers=headers, media_type="text/event-stream")


async def _lines(simulator: Simulator) -> AsyncIterator[str]:
    with simulator.broadcast.listening() as queue:
        yield "event: hello\ndata: {}\n\n"
        while not simulator.stopping.is_set():
            try:
                news = await asyncio.wait_for(queue.get(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if news is None:
                return
            kind, document = news
            yield f"event: {kind}\ndata: {json.dumps(document)}\n\n"
