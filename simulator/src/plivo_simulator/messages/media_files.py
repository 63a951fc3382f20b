"""Keep the files of messages: uploaded, fetched, made up; and serve them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import uuid4

import httpx
from starlette.requests import Request
from starlette.responses import Response

from ..clock import Clock
from ..store import Store
from ..switches import Switches
from .pictures import picture
from .records import Medium, Message

MAX_TOGETHER = 5 * 1024 * 1024
MAX_UPLOAD = 2 * 1024 * 1024
FETCH_SECONDS = 10.0
PICTURE = "image/png"
_TYPES = ("image/", "audio/", "video/", "text/")
_MORE_TYPES = ("application/pdf", "application/vnd.ms-excel")


class MediaError(Exception):
    """A message's files can't be sent; the text says why."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of an upload."""

    file_name: str
    content_type: str
    content: bytes

    @property
    def problem(self) -> str:
        """Return why Plivo refuses the file, "" if it doesn't."""
        if len(self.content) > MAX_UPLOAD:
            return "the file is larger than 2 MB"
        known = self.content_type.startswith(_TYPES) or self.content_type in _MORE_TYPES
        return "" if known else f"{self.content_type} is not supported"


class MediaFiles:
    """The files in the store."""

    def __init__(
        self, client: httpx.AsyncClient, store: Store, clock: Clock, switches: Switches
    ) -> None:
        self._client = client
        self._store = store
        self._clock = clock
        self._switches = switches

    def keep(self, account: str, upload: Upload, source_url: str = "") -> Medium:
        """Keep a file with its bytes."""
        medium = Medium(
            media_id=str(uuid4()),
            account=account,
            file_name=upload.file_name,
            content_type=upload.content_type,
            size=len(upload.content),
            uploaded_at=self._clock.now(),
            source_url=source_url,
            _content=upload.content,
        )
        self._store.media[medium.media_id] = medium
        return medium

    def make_up(self, account: str, size: int = 0) -> Medium:
        """Return a picture that a person sends, of at least *size* bytes."""
        media_id = str(uuid4())
        return Medium(
            media_id=media_id,
            account=account,
            file_name=f"{media_id[:8]}.png",
            content_type=PICTURE,
            size=len(picture(media_id, size)),
            uploaded_at=self._clock.now(),
            made_up=True,
        )

    def get(self, media_id: str) -> Medium | None:
        """Return a file that Plivo still has, or None."""
        medium = self._store.media.get(media_id)
        for_ever = self._switches["media_kept"] == "for_ever"
        kept = medium and medium.is_kept(self._clock.now(), for_ever=for_ever)
        return medium if kept else None

    def content(self, medium: Medium) -> bytes | None:
        """Return a file's bytes; None for those that a restart has lost."""
        if medium.made_up:
            return picture(medium.media_id, medium.size)
        return medium.content

    async def attach(self, message: Message) -> None:
        """Fetch the files that *message* names by URL and add them to it.

        Raise MediaError if one is gone or all together are too large.
        """
        if not message.media and not message.media_urls:
            return
        media = [self.get(media_id) for media_id in message.media]
        found = [medium for medium in media if medium]
        if len(found) < len(media):
            raise MediaError("a file is gone")
        together = sum(medium.size for medium in found)
        for url in message.media_urls:
            upload = await self._fetch(url, MAX_TOGETHER - together)
            together += len(upload.content)
            found.append(self.keep(message.account, upload, url))
        if together >= MAX_TOGETHER:
            raise MediaError("the files are larger than 5 MB together")
        for medium in found:
            medium.used_at = medium.used_at or self._clock.now()
        message.media = [medium.media_id for medium in found]

    async def _fetch(self, url: str, most: int) -> Upload:
        content = bytearray()
        try:
            async with (
                asyncio.timeout(FETCH_SECONDS),
                self._client.stream("GET", url) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    raise MediaError(f"a file was answered with {answer.status_code}")
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) >= most:
                        break
                kind = answer.headers.get("content-type", "application/octet-stream")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as problem:
            raise MediaError(f"a file can't be had: {type(problem).__name__}") from None
        name = httpx.URL(url).path.rpartition("/")[2] or "file"
        return Upload(name, kind.partition(";")[0].strip(), bytes(content))


async def serve_message_media(request: Request) -> Response:
    """Answer with a file: public, as long as Plivo keeps it and no fault hides it."""
    simulator = request.app.state.simulator
    media: MediaFiles = simulator.exchange.media
    medium = media.get(request.path_params["media_id"])
    if medium is None or medium.account != request.path_params["auth_id"]:
        return Response("not found", 404)
    facts = {"media_id": medium.media_id, "content_type": medium.content_type}
    fault = simulator.faults.draw("message_media", facts)
    if fault and fault.fault.effect == "5xx":
        return Response("try again later", int(fault.parameters["status"]))
    content = None if fault else media.content(medium)
    if content is None:
        return Response("not found", 404)
    return Response(content, media_type=medium.content_type)
