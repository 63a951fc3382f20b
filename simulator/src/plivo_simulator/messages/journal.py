"""Keep messages: make them, note what happens to each, write requests about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from ..clock import Clock
from ..faults import Armed, Faults
from ..records import Callback
from ..store import Store
from .records import Message


class Journal:
    """The messages in the store, and who hears of their changes."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        faults: Faults,
        announce: Callable[[Message], None],
    ) -> None:
        self.store = store
        self.clock = clock
        self._faults = faults
        self._announce = announce

    def new_message(self, **fields: Any) -> Message:
        """Return a message of now that isn't kept yet; *fields* are its own."""
        now = self.clock.now()
        message = Message(message_uuid=str(uuid4()), created_at=now, **fields)
        message.updated_at = now
        return message

    def keep(self, message: Message) -> None:
        """Keep a new message and send it to listeners."""
        self.store.messages[message.message_uuid] = message
        self.note(message, message.state)

    def change(self, message: Message, state: str) -> None:
        """Set the state of a message and send it to listeners."""
        message.state = state
        self.note(message, state)

    def note(self, message: Message, what: str, **details: Any) -> None:
        """Add a line to a message's history and send it to listeners."""
        message.updated_at = self.clock.now()
        message.note(message.updated_at, what, **details)
        self._announce(message)

    def callback(
        self,
        message: Message,
        channel: str,
        event: str,
        address: tuple[str, str],
        attributes: dict[str, Any],
    ) -> Callback:
        """Return a request about *message*; *address* is its URL and method."""
        url, method = address
        return Callback(
            callback_id=str(uuid4()),
            channel=channel,
            event=event,
            session_uuid="",
            call_uuid="",
            message_uuid=message.message_uuid,
            method=method,
            url=url,
            attributes=attributes,
            created_at=self.clock.now(),
            account=message.account,
        )

    def draw(self, message: Message, point: str) -> Armed | None:
        """Return the fault that hits *message* at *point*, if any."""
        facts = {
            "from": message.from_number,
            "to": message.to_number,
            "message_uuid": message.message_uuid,
        }
        return self._faults.draw(point, facts)
