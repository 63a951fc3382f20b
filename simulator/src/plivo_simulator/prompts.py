"""Fetch the audio that a session plays, to measure how long it lasts.

Plivo's documented limits for audio URLs: 2 s to connect, one more try. A URL that
can't be fetched or isn't audio plays as three seconds of silence.
"""

from __future__ import annotations

import httpx

from .audio import length_ms

SILENCE_SECONDS = 3.0
_MAX_BYTES = 10 * 2**20


class Prompts:
    """Measure how long the audio at a URL plays; each is fetched once."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._seconds: dict[str, float] = {}

    async def seconds_of(self, url: str) -> float:
        """Return the length of the audio at *url* in seconds."""
        if url not in self._seconds:
            audio = await self._fetch(url)
            milliseconds = length_ms(audio) if audio else None
            if milliseconds is None:
                return SILENCE_SECONDS
            self._seconds[url] = milliseconds / 1000
        return self._seconds[url]

    def forget(self) -> None:
        """Clear the known lengths."""
        self._seconds.clear()

    async def _fetch(self, url: str) -> bytes | None:
        for _ in range(2):
            try:
                async with self._client.stream("GET", url) as response:
                    if response.status_code != 200:
                        continue
                    audio = b""
                    async for chunk in response.aiter_bytes():
                        audio += chunk
                        if len(audio) > _MAX_BYTES:
                            return None
                    return audio
            except (httpx.HTTPError, httpx.InvalidURL):
                continue
        return None
