"""Tell apps of the end of calls: each once, and again only if it must be corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from masking.core.retries import retry_stale
from masking.domain import bus_events, session_changes, told_calls
from masking.domain.bus_events import Event
from masking.domain.callback_event import CallbackEvent
from masking.domain.sessions import Session
from masking.domain.told_calls import ENDED, News

if TYPE_CHECKING:
    from masking.domain.calls import Call
    from masking.domain.timeline import Timeline
    from masking.storage.stores import Stores


@dataclass(frozen=True)
class CallNews:
    """Returns the events of calls' ends; what is told is kept before it is sent.

    Whoever comes with the same cause again gets the same event again, so that nothing
    is lost where sending fails. With `call.ended` come the events of a call that was
    refused, or that began after its session had ended.
    """

    stores: Stores

    def of_callback(
        self,
        callback: CallbackEvent,
        call: Call,
        timeline: Timeline,
        session: Session,
        *,
        is_last: bool,
    ) -> list[Event]:
        """Return the events of a call's end that a callback is; none if it is none.

        With *is_last* the callback may be the first to tell of the end; any other
        can only correct what was told.
        """
        span = call.span
        if span is None or not call.is_over:
            return []
        found: list[News] = []

        def tell() -> None:
            nonlocal found
            known = self.stores.told_calls.near(session.session_uuid, *span)
            news = told_calls.news_of_callback(
                call, timeline, session.session_uuid, known, callback.digest
            )
            is_first = news is not None and news.kind == ENDED and not news.before
            may_begin = is_last and told_calls.has_begun(call, timeline.history)
            found = [news] if news and (may_begin or not is_first) else []
            self._keep(found, session)

        retry_stale(tell)
        return _events_of(found, timeline, session, callback)

    def of_settlement(self, timeline: Timeline, session: Session) -> list[Event]:
        """Return the events of calls that Plivo's records end or correct."""
        times = session.settled.times if session.settled else 0
        found: list[News] = []

        def tell() -> None:
            nonlocal found
            known = self.stores.told_calls.of_session(session.session_uuid)
            found = told_calls.news_of_settlement(
                timeline.calls, session.session_uuid, known, f"settlement {times}"
            )
            self._keep(found, session)

        retry_stale(tell)
        return _events_of(found, timeline, session, None)

    def _keep(self, found: Sequence[News], session: Session) -> None:
        """Write what is told. Raises StaleStateError if another was faster."""
        for news in found:
            if not news.is_again:
                self.stores.told_calls.put(
                    session.session_uuid,
                    news.after,
                    news.before,
                    self.stores.sessions.purge_at(session),
                )


def _events_of(
    found: Sequence[News],
    timeline: Timeline,
    session: Session,
    callback: CallbackEvent | None,
) -> list[Event]:
    from masking.api.timeline_views import call_view

    return [
        bus_events.event_of_call(
            kind,
            call_view(news.call),
            news.after.call_id,
            session,
            turn=news.after.turn,
            callback=callback,
        )
        for news in found
        for kind in _kinds_of(news, timeline, session)
    ]


def _kinds_of(news: News, timeline: Timeline, session: Session) -> list[str]:
    """Return the types of the events that news of a call's end is."""
    kinds = [news.kind]
    if news.kind == ENDED:
        if session_changes.is_refusal(news.call, timeline.history, session):
            kinds.append(session_changes.REFUSED)
        if session_changes.is_after_end(news.call, session):
            kinds.append(session_changes.AFTER_END)
    return kinds
