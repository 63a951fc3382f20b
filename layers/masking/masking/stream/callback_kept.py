"""What a callback that was kept sets off: the session's state, links, its event."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from masking.api.timeline_views import call_view
from masking.core.key_space import Item, callback_name
from masking.core.retries import retry_stale
from masking.domain import bus_events, session_changes, timeline, transitions
from masking.domain.bus_events import Event
from masking.domain.callback_event import CallbackEvent
from masking.domain.sessions import Session
from masking.domain.told_calls import ENDED
from masking.storage.timelines import callback_event_from, timeline_of
from masking.stream import on_callback, pin_guessing
from masking.stream.session_changed import orphan_check

if TYPE_CHECKING:
    from masking.callbacks.call_news import CallNews
    from masking.core.times import Clock
    from masking.recording.announce import Announcer
    from masking.storage.queues import Queue
    from masking.storage.stores import Stores
    from masking.stream.count_calls import CountCalls
    from masking.stream.session_links import SessionLinks
    from masking.stream.session_reads import SessionReads


@dataclass(frozen=True)
class CallbackKept:
    """Reacts to callbacks.

    As many wrong PINs of a caller in one day as *most_guesses* are an event;
    *number_key* is the key that numbers are hashed with.
    """

    stores: Stores
    reads: SessionReads
    links: SessionLinks
    announcer: Announcer
    call_news: CallNews
    count_calls: CountCalls
    check_queue: Queue
    erasure_queue: Queue
    number_key: bytes
    most_guesses: int
    now: Clock

    def events_of(self, item: Item, place: str | None = None) -> list[Event]:
        """Do what a callback asks for; return the events that it is.

        *place* is the callback's place in the table's stream.
        """
        whole = self.reads.around(item)
        if whole is None:
            return []
        session = whole.session
        callback = callback_event_from(item)
        if session_changes.tells_of_another(callback, session):
            self.check_queue.send(orphan_check(session))
        if session.erased_at or "erased" in item:
            self._erase_again(item, session)
            return []
        self._change_session(callback, session)
        since = session_changes.known_since(callback)
        for name in session_changes.strangers_in(callback, session):
            self.links.link_caller(name, session, since)
        known = timeline_of(whole.callbacks, session, is_cut=whole.is_cut)
        call = known.call_of(callback.digest)
        if call and timeline.may_end_call(callback.digest, call, known):
            self.check_queue.send(
                {
                    "session_uuid": session.session_uuid,
                    "callback": callback_name(item),
                    "place": place,
                }
            )
        event = bus_events.event_of_callback(
            callback, session, call_view(call) if call else None
        )
        is_last = event is not None and event.type == ENDED
        if is_last and call is None:
            # Plivo's records lack this call, perhaps only as yet.
            reopened = replace(session, settle_at=self.now())
            known = timeline_of(whole.callbacks, reopened)
            call = known.call_of(callback.digest)
        news = (
            self.call_news.of_callback(callback, call, known, session, is_last=is_last)
            if call
            else []
        )
        if is_last:
            # The end of a call is told once, however many callbacks tell of it.
            event = None
        if event and event.type == "number.replaced":
            old = session_changes.number_before(callback, known, session)
            event = bus_events.with_numbers(event, callback.attributes, old)
            self._renumber(session.session_uuid, callback)
        if event and event.type in ("recording.announced", "recording.failed"):
            # In the table before it is on the bus: what follows begins there.
            self.announcer.from_callback(callback.attributes, callback.digest, session)
        if whole.is_cut:
            self.count_calls.after_callback(callback, session)
        guessed = pin_guessing.after_callback(
            self.stores, self.number_key, self.most_guesses, item, session
        )
        return [each for each in (event, *news, guessed) if each]

    def _erase_again(self, item: Item, session: Session) -> None:
        """Erase again what a callback of an erased session brings.

        That is a number, if whoever received it did not know of the erasure yet, or a
        recording at Plivo.
        """
        if "erased" not in item or item.get("kind") == "recordings":
            message = {"session_uuid": session.session_uuid}
            self.erasure_queue.send(message, at_once=True)

    def _change_session(self, callback: CallbackEvent, session: Session) -> None:
        """Change the session's state as a callback asks, whoever changes it as well."""
        known: Session | None = session

        def change() -> None:
            nonlocal known
            before, known = known, None
            before = before or self.stores.sessions.load(session.session_uuid)
            if before is None:
                return
            after = on_callback.after_callback(before, callback.attributes, self.now())
            if after:
                self.stores.sessions.replace(before, after)

        retry_stale(change)

    def _renumber(self, session_uuid: str, callback: CallbackEvent) -> None:
        """Keep the number that the session has now, since *callback* or later."""

        def renumber() -> None:
            found = self.stores.histories.number_since(session_uuid, callback.at)
            if found is None:
                return
            session, number = found
            if number and session.virtual_number != number:
                after = transitions.renumber(session, number)
                self.stores.sessions.replace(session, after)
                self.stores.virtual_numbers.keep([number], self.now())

        retry_stale(renumber)
