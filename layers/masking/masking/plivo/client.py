"""Speak Plivo's masking API. The only module that imports Plivo's SDK.

What the SDK does and this module undoes (plivo-contract 1.9): it sends a failed POST
up to three times; it prints URLs that hold phone numbers; it drops status code and
headers of errors; it has no setting for its base URL; it follows redirects with the
credentials. What stays the SDK's: parameter names, encoding, authentication, the HTTP
session. Plivo's dirty answers come out as `sessions.CarrierSession`.
"""

from __future__ import annotations

import re
import ssl
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import plivo
import requests
from plivo.exceptions import AuthenticationError, ValidationError
from urllib3.exceptions import MaxRetryError, NewConnectionError, SSLError

from masking.core import numbers
from masking.domain.sessions import CarrierSession
from masking.plivo.answers import clean_session
from masking.plivo.errors import (
    CarrierAnswerInvalidError,
    CarrierCredentialsRefusedError,
    CarrierError,
    CarrierFailedError,
    CarrierForbiddenError,
    CarrierRefusedError,
    CarrierSessionMissingError,
    CarrierThrottledError,
    CarrierTimeoutError,
    CarrierUnreachableError,
    NumberPoolExhaustedError,
)
from masking.plivo.recording_answers import (
    RecordedCall,
    RecordingResource,
    recorded_calls,
    resource_from,
)

# Seconds to connect, and between two bytes of an answer. A create and the listing
# that clears up its outcome must fit into 25 s together.
CONNECT_SECONDS = 3.0
READ_SECONDS = 8.0

# At most this many pages of 20 are read to find one pair's sessions.
MOST_PAGES = 5

T = TypeVar("T")


@dataclass(frozen=True)
class Listing:
    """Sessions of a pair at Plivo; not *complete* if there were too many pages."""

    sessions: tuple[CarrierSession, ...]
    complete: bool


class Carrier:
    """Plivo, as far as masking sessions go.

    *timeout* is in seconds: to connect, and between two bytes of an answer. Every
    method raises the `CarrierError` that fits what went wrong.
    """

    def __init__(
        self,
        *,
        auth_id: str,
        auth_token: str,
        base_url: str,
        timeout: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS),
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """Speak to *base_url*; *before* is called before each request."""
        try:
            self._client = _Client(auth_id, auth_token, base_url, timeout)
        except AuthenticationError:
            detail = "The secret with Plivo's credentials has not been filled in yet."
            raise CarrierCredentialsRefusedError(detail) from None
        self._client.before = before
        self._sessions = self._client.masking_sessions
        self._recordings = self._client.recordings

    def create(
        self, asked: Mapping[str, Any], callbacks: Mapping[str, str]
    ) -> CarrierSession:
        """Create a session. Sent once; twice only if no connection came about."""
        answer = _unless_unsent(
            lambda: self._sessions.create_masking_session(**{**asked, **callbacks})
        )
        return _session_in(answer, "session")

    def update(
        self, carrier_session_uuid: str, changes: Mapping[str, Any]
    ) -> CarrierSession:
        """Change a session. Sent once; twice only if no connection came about."""
        answer = _unless_unsent(
            lambda: self._sessions.update_masking_session(
                _checked(carrier_session_uuid), **changes
            )
        )
        return _session_in(answer, "session")

    def get(self, carrier_session_uuid: str) -> CarrierSession:
        """Fetch a session."""
        answer = _twice(
            lambda: self._sessions.get_masking_session(_checked(carrier_session_uuid))
        )
        return _session_in(answer, "response")

    def expire(self, carrier_session_uuid: str) -> None:
        """End a session; one that has ended already is a success."""
        try:
            _twice(
                lambda: self._sessions.delete_masking_session(
                    _checked(carrier_session_uuid)
                )
            )
        except CarrierSessionMissingError:
            return
        except CarrierRefusedError as refused:
            if "already expired" not in refused.explanation.lower():
                raise

    def ask(
        self, method: str, *path: str, data: Mapping[str, Any] | None = None
    ) -> Any:
        """Ask for a resource of the account; *path* is of checked parts alone."""
        send = partial(self._client.request, method, path, dict(data or {}))
        return _twice(send) if method == "GET" else _unless_unsent(send)

    def listing(
        self,
        *,
        first_party: str | None,
        second_party: str | None,
        created_from: datetime,
        created_to: datetime,
    ) -> Listing:
        """List a pair's sessions that were created in a span of time, newest first.

        Sessions of every status: one with a call in progress may be missing among
        the active ones (plivo-contract 1.6).
        """
        found: dict[str, CarrierSession] = {}
        offset = 0
        for _ in range(MOST_PAGES):
            list_page = partial(
                self._sessions.list_masking_session,
                first_party=first_party,
                second_party=second_party,
                created_time__gte=_filter_time(created_from),
                created_time__lte=_filter_time(created_to),
                limit=20,
                offset=offset,
            )
            answer = _twice(list_page)
            page, following = _page(answer)
            fresh = [s for s in page if s.session_uuid not in found]
            found |= {session.session_uuid: session for session in fresh}
            if following is None or not fresh:
                return Listing(tuple(found.values()), complete=True)
            offset = following if following > offset else offset + len(page)
        return Listing(tuple(found.values()), complete=False)

    def recorded_calls(self, carrier_session_uuid: str) -> tuple[RecordedCall, ...]:
        """Say which calls of a session Plivo has recordings of."""
        answer = _twice(
            lambda: self._sessions.get_masking_session(_checked(carrier_session_uuid))
        )
        body = answer.get("response")
        if not isinstance(body, dict):
            raise CarrierAnswerInvalidError
        return tuple(recorded_calls(body))

    def recording(self, recording_id: str) -> RecordingResource | None:
        """Fetch what Plivo has of a recording, None if it is there no more."""
        try:
            answer = _twice(lambda: self._recordings.get(_checked(recording_id)))
        except CarrierSessionMissingError:
            return None
        return resource_from(recording_id, answer)

    def delete_recording(self, recording_id: str) -> None:
        """Delete a recording and its file; one that is gone already is a success."""
        with suppress(CarrierSessionMissingError):
            _twice(lambda: self._recordings.delete(_checked(recording_id)))


class _Client(plivo.RestClient):  # type: ignore[misc]
    """The SDK's client with its own way of sending: once, silently, answers whole."""

    def __init__(
        self,
        auth_id: str,
        auth_token: str,
        base_url: str,
        timeout: tuple[float, float],
    ) -> None:
        super().__init__(auth_id, auth_token, timeout=timeout)
        self.base_uri = f"{base_url}/v1/Account"
        self.before: Callable[[], None] = lambda: None

    def request(self, method: str, path: Any = None, data: Any = None, **_: Any) -> Any:
        """Send one request and give the JSON of a 2xx answer."""
        self.before()
        request = self.create_request(method, path, data)
        try:
            response = self.session.send(
                request, timeout=self.timeout, allow_redirects=False
            )
        except requests.RequestException as error:
            raise _unanswered(error) from None
        return _read(response)


def _unanswered(error: requests.RequestException) -> CarrierError:
    """Tell a request that was never sent from one whose outcome nobody knows.

    The texts of these errors hold the URL, so none of it is carried on.
    """
    if isinstance(error, requests.ConnectTimeout):
        return CarrierUnreachableError()
    if isinstance(error, requests.Timeout):
        return CarrierTimeoutError()
    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError) and _is_unsent(cause.reason):
        return CarrierUnreachableError()
    return CarrierFailedError("The connection to Plivo broke.")


def _is_unsent(reason: Exception | None) -> bool:
    """Say whether a connection failed before a request could go out on it.

    Of TLS's failures that is sure of a refused certificate alone: the others may come
    after the request was sent.
    """
    if isinstance(reason, SSLError):
        return isinstance(reason.args[0], ssl.SSLCertVerificationError)
    return isinstance(reason, NewConnectionError)


def _read(response: requests.Response) -> Any:
    status = response.status_code
    try:
        body = response.json()
    except ValueError:
        body = None
    if 200 <= status < 300:
        if not isinstance(body, dict) and status != 204:
            raise CarrierAnswerInvalidError(carrier_status=status)
        return body or {}
    said = body.get("error") or body.get("message") if isinstance(body, dict) else None
    text = str(numbers.masked(str(said)))[:300] if said else None
    raise _refusal(status, text, response.headers.get("Retry-After"))


def _refusal(status: int, text: str | None, retry_after: str | None) -> CarrierError:
    """Translate an answer that is not 2xx; *text* is Plivo's, numbers hidden."""
    if status == 400 and text and re.search(r"pool|not available", text, re.I):
        return NumberPoolExhaustedError(carrier_status=status, retry_after=60)
    if status == 401:
        return CarrierCredentialsRefusedError(carrier_status=status)
    if status == 403:
        return CarrierForbiddenError(text, carrier_status=status)
    if status == 404:
        return CarrierSessionMissingError(carrier_status=status)
    if status == 429:
        seconds = int(retry_after) if retry_after and retry_after.isdecimal() else 5
        return CarrierThrottledError(carrier_status=status, retry_after=seconds)
    if 400 <= status < 500 and status != 408:
        return CarrierRefusedError(
            f"Plivo refused the request: {text}" if text else None,
            carrier_status=status,
        )
    return CarrierFailedError(carrier_status=status)


def _unless_unsent(send: Callable[[], T]) -> T:
    """Send; once more if no connection came about, so that nothing is sent twice."""
    try:
        return _sdk(send)
    except CarrierUnreachableError:
        return _sdk(send)


def _twice(send: Callable[[], T]) -> T:
    """Send a request that may safely be repeated; once more if Plivo failed."""
    try:
        return _sdk(send)
    except (CarrierUnreachableError, CarrierFailedError, CarrierAnswerInvalidError):
        return _sdk(send)


def _sdk(send: Callable[[], T]) -> T:
    try:
        return send()
    except ValidationError as refused:
        # The SDK's own check of URLs, before anything is sent.
        text = str(numbers.masked(str(refused.args[0] if refused.args else "")))
        detail = f"Plivo's SDK refused the request: {text[:300]}"
        raise CarrierRefusedError(detail) from None


def _checked(name: str) -> str:
    """Let nothing but a UUID into a path: the SDK does not escape it."""
    return str(uuid.UUID(name))


def _session_in(answer: Any, envelope: str) -> CarrierSession:
    body = answer.get(envelope)
    if not isinstance(body, dict):
        raise CarrierAnswerInvalidError
    return clean_session(body)


def _page(answer: Any) -> tuple[list[CarrierSession], int | None]:
    """Give the sessions of a page and the offset of the next one, if there is one."""
    body = answer.get("response")
    objects = body.get("objects") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(objects, list):
        raise CarrierAnswerInvalidError
    if not all(isinstance(item, dict) for item in objects):
        raise CarrierAnswerInvalidError
    meta = body.get("meta")
    following = meta.get("next") if isinstance(meta, dict) else None
    if not following:
        return [clean_session(item) for item in objects], None
    offset = parse_qs(urlsplit(str(following)).query).get("offset", ["0"])[0]
    return (
        [clean_session(item) for item in objects],
        int(offset) if offset.isdecimal() else 0,
    )


def _filter_time(moment: datetime) -> str:
    """Write a time as Plivo's filters want it, which is not as its answers have it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
