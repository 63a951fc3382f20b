"""Every kind of event that the product publishes, as the bus has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from types import SimpleNamespace
from typing import Any, cast

from masking.api.timeline_views import call_view
from masking.domain import (
    bus_events,
    erasures,
    plivo_events,
    session_changes,
    told_calls,
    transitions,
)
from masking.domain.bus_events import Event
from masking.domain.calls import no_call
from masking.domain.sessions import Session
from masking.storage.erasures import erasure_item
from masking.storage.recordings import recording_item
from masking.storage.timelines import callback_event_from
from masking.stream import item_events, pin_guessing
from tests.support.api_answers import API_ID, STORY, all_recordings, callback
from tests.support.session_states import NOW, active, answered, reserved

REPAIRS = (
    *("create_adopted", "create_closed", "create_abandoned", "update_checked"),
    *("ending_finished", "ended_late", "orphan_removed", "audited"),
)


WEBHOOKS = {
    "callback_url": "https://app.example.com/events",
    "recording_callback_url": "https://app.example.com/recordings",
}

# Of no change of the table, and so without a place in its stream.
PLACELESS = {"recording.accessed"}

PLACE = "123456789012345678901"


def details() -> list[dict[str, Any]]:
    """Return an event of each kind, with and without all that it may have."""
    made = (
        changed_sessions,
        told_by_callbacks,
        told_of_calls,
        changed_recordings,
        others,
    )
    events = [event for each in made for event in each()]
    return [
        each.detail()
        for event in events
        for each in bus_events.numbered(
            [event], None if event.type in PLACELESS else PLACE
        )
    ]


def changed_sessions() -> Iterator[Event]:
    """Yield the events of a session's life, with and without a webhook."""
    asked = replace(active(), asked=WEBHOOKS)
    begun = transitions.begin_update(asked, {"record": True}, NOW)
    done = replace(
        transitions.finish_update(begun, None),
        answered={**begun.answered, "record": True},
    )
    over = transitions.expire(done, NOW)
    settled = transitions.settle(over, answered(), ["amount"], NOW + timedelta(hours=1))
    steps: list[tuple[Session | None, Session]] = [
        *((reserved(), active()), (reserved(), asked), (begun, done), (done, over)),
        (over, settled),
        *((over, transitions.note(over, what)) for what in REPAIRS),
        (begun, transitions.repaired(done, "update_checked")),
    ]
    for before, after in steps:
        kinds = session_changes.types_of_change(before, after)
        for kind in [*kinds, session_changes.PIN_CONFLICT]:
            yield bus_events.event_of_session(
                kind, after, "2026-03-01T12:00:00Z", before
            )


def told_by_callbacks() -> Iterator[Event]:
    """Yield the events of each of Plivo's, with and without call and webhook."""
    names = [*plivo_events.TYPE_OF_EVENT, "SessionSomethingNew", plivo_events.PIN]
    items = [callback(50 + number, name) for number, name in enumerate(names)]
    items += [
        callback(90 + number, plivo_events.PIN, PinAuthenticationStatus=status)
        for number, status in enumerate(("failed", "success", "AuthorizedCaller"))
    ]
    for item in items:
        for session in (active(), replace(active(), asked=WEBHOOKS)):
            for call in (None, *map(call_view, STORY.calls)):
                event = callback_event_from(item)
                made = bus_events.event_of_callback(event, session, call)
                if made and made.type == "number.replaced":
                    number = event.attributes
                    made = bus_events.with_numbers(made, number, "+12025550181")
                if made and made.type != told_calls.ENDED:
                    # The end of a call is told by what is known of the whole call.
                    yield made


def told_of_calls() -> Iterator[Event]:
    """Yield the end of each call and what comes with it, by either evidence."""
    kinds = (
        *((told_calls.ENDED, 0), (told_calls.CORRECTED, 1)),
        *((session_changes.REFUSED, 0), (session_changes.AFTER_END, 0)),
    )
    ends = (None, callback_event_from(callback(98, plivo_events.PARTIES_HANGUP)))
    for session in (active(), replace(active(), asked=WEBHOOKS)):
        for call in map(call_view, (*STORY.calls, no_call())):
            for (kind, turn), end in product(kinds, ends):
                yield bus_events.event_of_call(
                    kind, call, API_ID, session, turn=turn, callback=end
                )


def changed_recordings() -> Iterator[Event]:
    """Yield the events of each step of a recording, its session kept or gone."""
    sessions = (None, active(), replace(active(), asked=WEBHOOKS))
    for recording in all_recordings():
        # Plivo's own data told of it, so that each step is an event of ours.
        item = {**recording_item(recording), "source": "carrier"}
        for session in sessions:
            yield from _found(
                item_events.event_of_recording(
                    item, "2026-03-01T12:00:00Z", None, session
                )
            )
        yield bus_events.event_of_access(recording, "a-request", NOW)


class _Callbacks:
    """The store of a table that has counted five wrong PINs."""

    def count_wrong_pin(self, *_: object, **__: object) -> int:
        """Return the count."""
        return 5


def others() -> Iterator[Event]:
    """Yield the events of an erasure and of guessed PINs."""
    begun = erasures.request("acme", "a hash", NOW)
    done = erasures.close(begun, [dict.fromkeys(erasures.KINDS, 1)], NOW)
    key = {"pk": f"X#{begun.erasure_id}", "sk": "A#STATE"}
    before, after = ({**erasure_item(each, 0), **key} for each in (begun, done))
    yield from _found(item_events.event_of_erasure(before, after))
    hook = {"callback_url": "https://app.example.com/erased"}
    yield from _found(item_events.event_of_erasure(before, {**after, **hook}))
    item = callback(
        99, plivo_events.PIN, PinAuthenticationStatus="failed", From="12025550166"
    )
    stores = cast(Any, SimpleNamespace(callbacks=_Callbacks()))
    for session in (active(), replace(active(), asked=WEBHOOKS)):
        yield from _found(pin_guessing.after_callback(stores, b"key", 5, item, session))


def _found(event: Event | None) -> Iterator[Event]:
    if event:
        yield event
