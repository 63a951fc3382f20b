"""The API as methods: one for each route, with retries where they are safe."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import httpx

from maskline_client.failures import MasklineError, NoAnswerError, Repeatable
from maskline_client.generated import AuthenticatedClient
from maskline_client.generated import models as m
from maskline_client.generated.api.erasures import create_erasure, get_erasure
from maskline_client.generated.api.events import list_events
from maskline_client.generated.api.health import get_health
from maskline_client.generated.api.recordings import (
    delete_recording,
    get_recording,
    list_recordings,
)
from maskline_client.generated.api.sessions import (
    create_session,
    expire_session,
    get_session,
    list_sessions,
    search_sessions,
    update_session,
)
from maskline_client.generated.api.webhooks import list_deliveries, replay_delivery
from maskline_client.generated.types import UNSET

T = TypeVar("T")

# Longer than the API may take.
TIMEOUT_SECONDS = 35.0

# Pauses without a Retry-After: half a second, and twice as much each time.
FIRST_PAUSE = 0.5

Id = uuid.UUID | str


class Maskline:
    """A client of one deployment with one key.

    A request that may succeed when it is sent again is sent up to *retries* times more,
    after the API's `Retry-After` or a pause that grows, for *patience* seconds at most;
    but only where sending it twice does no harm. What fails for good is a MasklineError
    with a `code` and an `outcome`, or a NoAnswerError.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        retries: int = 4,
        patience: float = 60.0,
        timeout: float = TIMEOUT_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        **httpx_options: Any,
    ) -> None:
        self._client = AuthenticatedClient(
            base_url=base_url,
            token=key,
            timeout=httpx.Timeout(timeout),
            httpx_args=httpx_options,
        )
        self._retries = retries
        self._patience = patience
        self._sleep = sleep

    def __enter__(self) -> Self:
        """Return itself; leaving the block closes the connections."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.get_httpx_client().close()

    # Sessions

    def create_session(
        self, session: m.CreateSession, *, idempotency_key: str | None = None
    ) -> m.SessionCreated:
        """Create a session, once, however often the request has to be sent.

        Without an *idempotency_key* one is made up, which is good for this call alone;
        with one of your own, such as an order's number, the call as a whole may be
        repeated, by another process as well.
        """
        key = idempotency_key or str(uuid.uuid4())
        return self._call(
            create_session, m.SessionCreated, body=session, idempotency_key=key
        )

    def get_session(self, session_uuid: Id) -> m.FoundSession:
        """Read a session with its calls."""
        found = self._call(get_session, m.SessionFound, _id(session_uuid))
        return found.session

    def update_session(
        self,
        session_uuid: Id,
        changes: m.UpdateSession,
        *,
        if_version: int | None = None,
    ) -> m.Session:
        """Change a session, with *if_version* only if it still has that version.

        Of an `unknown` outcome this is not sent again: a `session_expiry` would count
        from the later time.
        """
        answer = self._call(
            update_session,
            m.SessionAnswer,
            _id(session_uuid),
            body=changes,
            if_match=_etag(if_version),
            repeatable=Repeatable.IF_UNDONE,
        )
        return answer.session

    def expire_session(
        self, session_uuid: Id, *, if_version: int | None = None
    ) -> m.Session:
        """End a session now; ending it again changes nothing."""
        answer = self._call(
            expire_session,
            m.SessionAnswer,
            _id(session_uuid),
            if_match=_etag(if_version),
        )
        return answer.session

    def list_sessions(self, **filters: Any) -> Iterator[m.ListedSession]:
        """Yield all sessions that fit, newest first, page by page."""
        while True:
            page = self._call(list_sessions, m.SessionPage, **filters)
            yield from page.objects
            if page.meta.next_ is None:
                return
            filters |= {"cursor": page.meta.next_, "offset": UNSET}

    def search_sessions(self, search: m.Search) -> m.SessionPage:
        """Return one page of sessions, searched by number as well."""
        return self._call(search_sessions, m.SessionPage, body=search)

    def list_events(self, session_uuid: Id, **page: Any) -> m.HistoryPage:
        """Return one page of what Plivo told of a session."""
        return self._call(list_events, m.HistoryPage, _id(session_uuid), **page)

    # Recordings

    def list_recordings(self, session_uuid: Id) -> list[m.Recording]:
        """Return the recordings of a session, the oldest first."""
        found = self._call(list_recordings, m.RecordingList, _id(session_uuid))
        return found.objects

    def get_recording(self, recording_uuid: Id) -> m.RecordingLink:
        """Return a link to a recording that lives five minutes."""
        return self._call(
            get_recording,
            m.RecordingLink,
            _id(recording_uuid),
            accept="application/json",
        )

    def delete_recording(self, recording_uuid: Id) -> m.Recording:
        """Delete a recording here and at Plivo."""
        deleted = self._call(delete_recording, m.RecordingDeletion, _id(recording_uuid))
        return deleted.recording

    # Webhooks, erasures, health

    def list_deliveries(self, **page: Any) -> m.DeliveryPage:
        """Return one page of deliveries, of `session_uuid=` or `erasure_id=`."""
        named: dict[str, Any] = {
            name: _id(value) if name in ("session_uuid", "erasure_id") else value
            for name, value in page.items()
        }
        return self._call(list_deliveries, m.DeliveryPage, **named)

    def replay_delivery(self, delivery_id: str) -> m.Delivery:
        """Have an event sent to the app once more."""
        answer = self._call(
            replay_delivery,
            m.DeliveryAnswer,
            delivery_id,
            repeatable=Repeatable.IF_UNDONE,
        )
        return answer.delivery

    def create_erasure(self, erasure: m.CreateErasure) -> m.Erasure:
        """Begin to erase a person."""
        return self._call(create_erasure, m.ErasureAnswer, body=erasure).erasure

    def get_erasure(self, erasure_id: Id) -> m.Erasure:
        """Return how an erasure stands."""
        return self._call(get_erasure, m.ErasureAnswer, _id(erasure_id)).erasure

    def get_health(self) -> m.Health:
        """Return which version answers."""
        return self._call(get_health, m.Health)

    # Sending

    def _call(
        self,
        operation: Any,
        answer: type[T],
        *place: Any,
        repeatable: Repeatable = Repeatable.ALWAYS,
        **parameters: Any,
    ) -> T:
        """Send a request, again where that is safe, and return what it answers.

        *operation* is a generated module; *answer* the model of its success.
        """
        request = operation._get_kwargs(*place, **parameters)
        until = time.monotonic() + self._patience
        for attempt in range(self._retries + 1):
            failure = self._failure_of(request)
            if isinstance(failure, httpx.Response):
                # What an error holds depends on who answered; a success does not.
                found: T = cast(Any, answer).from_dict(failure.json())
                return found
            pause = getattr(failure, "retry_after", None)
            if pause is None:
                pause = FIRST_PAUSE * 2**attempt * (0.5 + random.random())  # noqa: S311
            if (
                attempt == self._retries
                or not failure.may_be_repeated(repeatable)
                or time.monotonic() + pause > until
            ):
                raise failure
            self._sleep(pause)
        raise AssertionError("not reached")

    def _failure_of(
        self, request: dict[str, Any]
    ) -> httpx.Response | MasklineError | NoAnswerError:
        """Send a request once; return its success or what is wrong."""
        try:
            response = self._client.get_httpx_client().request(**request)
        except httpx.TransportError as error:
            return NoAnswerError(error)
        return response if response.is_success else MasklineError(response)


def _id(value: Id) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)


def _etag(version: int | None) -> Any:
    return UNSET if version is None else f'"{version}"'
