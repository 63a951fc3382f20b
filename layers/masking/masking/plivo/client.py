"""Speak Plivo's masking API, through its SDK.

Plivo's dirty answers come out as `sessions.CarrierSession`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from inspect import unwrap
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs

from plivo.resources.maskingsession import MaskingSessions
from plivo.resources.recordings import Recordings

from masking.core import telemetry
from masking.domain.sessions import CarrierSession
from masking.plivo.answers import clean_session
from masking.plivo.errors import (
    CarrierAnswerInvalidError,
    CarrierError,
    CarrierRefusedError,
    CarrierSessionMissingError,
)
from masking.plivo.transport import SdkClient, twice, unless_unsent

if TYPE_CHECKING:
    from masking.plivo.recording_answers import RecordedCall, RecordingResource

# Seconds to connect, and between two bytes of an answer; their sum is for all of it. A
# create and the listing that clears up its outcome must fit into 25 s together.
CONNECT_SECONDS = 3.0
READ_SECONDS = 8.0

# At most this many pages of 20 are read to find one pair's sessions.
MOST_PAGES = 5

T = TypeVar("T")

# The SDK's create without its own check of URLs: we have checked them, and its regular
# expression refuses what is right (a scheme in capitals).
CREATE: Callable[..., Any] = unwrap(MaskingSessions.create_masking_session)


SCHEME = re.compile(r"^https?://", re.IGNORECASE)


@dataclass(frozen=True)
class Listing:
    """Sessions of a pair at Plivo; not *complete* if there were too many pages."""

    sessions: tuple[CarrierSession, ...]
    complete: bool


class Carrier:
    """Plivo's masking API.

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
        threads: int = 1,
    ) -> None:
        """Speak to *base_url*, from so many *threads*.

        *before* is called before each request.
        """
        self._client = SdkClient(auth_id, auth_token, base_url, timeout, threads)
        self._client.before = before
        self._sessions = MaskingSessions(self._client)
        self._recordings = Recordings(self._client)

    def create(
        self, asked: Mapping[str, Any], callbacks: Mapping[str, str]
    ) -> CarrierSession:
        """Create a session. Sent once; twice only if no connection came about.

        An answer without a readable expiry or callback URL is looked up; it may lack
        them then as well.
        """
        answer = unless_unsent(
            lambda: CREATE(self._sessions, **_sendable({**asked, **callbacks}))
        )
        created = _session_in(answer, "session")
        if created.expiry_time and created.callback_url:
            return created
        with suppress(CarrierError):
            there = self._fetch(created.session_uuid)
            return there if there.session_uuid == created.session_uuid else created
        return created

    def update(
        self, carrier_session_uuid: str, changes: Mapping[str, Any]
    ) -> CarrierSession:
        """Change a session. Sent once; twice only if no connection came about.

        Raises CarrierAnswerInvalidError as well for an answer that is about another
        session or has no readable expiry.
        """
        answer = unless_unsent(
            lambda: self._sessions.update_masking_session(
                _checked(carrier_session_uuid), **_sendable(changes)
            )
        )
        return _whole(_session_in(answer, "session"), carrier_session_uuid)

    def get(self, carrier_session_uuid: str) -> CarrierSession:
        """Fetch a session.

        Raises CarrierAnswerInvalidError as well for an answer that is about another
        session, or about a live one whose expiry can't be read.
        """
        return _whole(self._fetch(carrier_session_uuid), carrier_session_uuid)

    def _fetch(self, carrier_session_uuid: str) -> CarrierSession:
        answer = twice(
            lambda: self._sessions.get_masking_session(_checked(carrier_session_uuid))
        )
        return _session_in(answer, "response")

    def expire(self, carrier_session_uuid: str) -> None:
        """End a session; one that has ended already is a success."""
        try:
            twice(
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
        return twice(send) if method == "GET" else unless_unsent(send)

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
            answer = twice(list_page)
            page, following = page_in(answer)
            fresh = [s for s in page if s.session_uuid not in found]
            found |= {session.session_uuid: session for session in fresh}
            if following is None or not fresh:
                return Listing(tuple(found.values()), complete=True)
            offset = following if following > offset else offset + len(page)
        return Listing(tuple(found.values()), complete=False)

    def recorded_calls(self, carrier_session_uuid: str) -> tuple[RecordedCall, ...]:
        """Return the calls of a session that Plivo has recordings of."""
        from masking.plivo import recording_answers

        answer = twice(
            lambda: self._sessions.get_masking_session(_checked(carrier_session_uuid))
        )
        body = answer.get("response")
        if not isinstance(body, dict):
            raise CarrierAnswerInvalidError
        return tuple(recording_answers.recorded_calls(body))

    def recording(self, recording_id: str) -> RecordingResource | None:
        """Fetch a recording's record; None if Plivo has deleted it."""
        from masking.plivo import recording_answers

        try:
            answer = twice(lambda: self._recordings.get(_checked(recording_id)))
        except CarrierSessionMissingError:
            return None
        return recording_answers.resource_from(recording_id, answer)

    def delete_recording(self, recording_id: str) -> bool:
        """Delete a recording and its file; False if Plivo does not have it (any more).

        What is no UUID names no recording of Plivo's.
        """
        try:
            twice(lambda: self._recordings.delete(_checked(recording_id)))
        except CarrierSessionMissingError:
            return False
        return True


def _sendable(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes with the schemes of their URLs in small letters.

    Schemes are the same in either case (RFC 3986, 6.2.2.1), and nobody knows whether
    Plivo takes capitals.
    """
    return {
        name: SCHEME.sub(lambda match: match[0].lower(), value)
        if isinstance(value, str)
        else value
        for name, value in attributes.items()
    }


def _checked(name: str) -> str:
    """Allow nothing but a UUID in a path, because the SDK does not escape it."""
    return str(uuid.UUID(name))


def _session_in(answer: Any, envelope: str) -> CarrierSession:
    telemetry.note_ids(carrier_api_id=answer.get("api_id"))
    body = answer.get(envelope)
    if not isinstance(body, dict):
        raise CarrierAnswerInvalidError(carrier_status=200)
    try:
        return clean_session(body)
    except CarrierAnswerInvalidError:
        raise CarrierAnswerInvalidError(carrier_status=200) from None


def _whole(answer: CarrierSession, carrier_session_uuid: str) -> CarrierSession:
    """Return an answer that can be believed: about this session, with its expiry."""
    is_known = answer.expiry_time is not None or answer.status == "expired"
    if answer.session_uuid != _checked(carrier_session_uuid) or not is_known:
        raise CarrierAnswerInvalidError(carrier_status=200)
    return answer


def page_in(answer: Any) -> tuple[list[CarrierSession], int | None]:
    """Return the sessions of a page and the offset of the next one, if there is one."""
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
    # A create lists nothing, unless its outcome is not known.
    from masking.core import amounts

    # Not split as a URL, because what is none raises.
    query = str(following).partition("#")[0].partition("?")[2]
    offset = parse_qs(query).get("offset", ["0"])[0]
    return [clean_session(item) for item in objects], amounts.digits(offset) or 0


def _filter_time(moment: datetime) -> str:
    """Format a time for Plivo's filters, which differ from its answers."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
