"""Tell apps of the end of calls: each once, and again only if it must be corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from masking.core.retries import retry_stale
from masking.domain import bus_events, session_changes, told_calls
from masking.domain.bus_events import Event
from masking.domain.callback_event import CallbackEvent
from masking.domain.calls import Call
from masking.domain.sessions import Session
from masking.domain.told_calls import ENDED, News

if TYPE_CHECKING:
    from masking.storage.stores import Stores


@dataclass(frozen=True)
class CallNews:
    """Returns the events of calls' ends; what is told is kept before it is sent.

    Whoever comes with the same cause again gets the same event again, so that nothing
    is lost where sending fails.
    """

    stores: Stores

    def of_callback(
        self, callback: CallbackEvent, call: Call, session: Session, *, is_last: bool
    ) -> Event | None:
        """Return the event of a call's end that a callback is; None if it is none.

        With *is_last* the callback may be the first to tell of the end; any other
        can only correct what was told.
        """
        news = self._news(call, session, callback.digest, may_begin=is_last)
        return _event_of(news, call, session, callback) if news else None

    def of_settlement(self, calls: Sequence[Call], session: Session) -> list[Event]:
        """Return the events of calls that Plivo's records end or correct."""
        times = session.settled.times if session.settled else 0
        cause = f"settlement {times}"
        found = ((call, self._news(call, session, cause)) for call in calls)
        return [_event_of(news, call, session, None) for call, news in found if news]

    def _news(
        self, call: Call, session: Session, cause: str, *, may_begin: bool = True
    ) -> News | None:
        span = told_calls.span_of(call)
        if span is None or not call.is_over:
            return None
        found: News | None = None

        def tell() -> None:
            nonlocal found
            known = self.stores.told_calls.near(session.session_uuid, *span)
            found = told_calls.news_of(call, session.session_uuid, known, cause)
            if found and found.kind == ENDED and not found.before and not may_begin:
                found = None
            if found is None or found.is_again:
                return
            self.stores.told_calls.put(
                session.session_uuid,
                found.after,
                found.before,
                self.stores.sessions.purge_at(session),
            )

        retry_stale(tell)
        return found


def refusal_of(
    news: Event,
    callback: CallbackEvent,
    call: Call,
    history: Sequence[CallbackEvent],
    session: Session,
) -> Event | None:
    """Return the event of a refused caller that comes with *news* of a call's end.

    None if the news is a correction, or the caller was let through. *history* holds
    the session's callbacks in order.
    """
    from masking.api.timeline_views import call_view

    if news.type != ENDED or not session_changes.is_refusal(call, history, session):
        return None
    kind = session_changes.REFUSED
    return bus_events.event_of_callback(callback, session, call_view(call), kind)


def _event_of(
    news: News, call: Call, session: Session, callback: CallbackEvent | None
) -> Event:
    from masking.api.timeline_views import call_view

    return bus_events.event_of_call(
        news.kind,
        call_view(call),
        news.after.call_id,
        session,
        turn=news.after.turn,
        callback=callback,
    )
