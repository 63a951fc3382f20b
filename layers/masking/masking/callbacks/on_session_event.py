"""Take Plivo's callbacks of sessions; the table's stream sets off what follows."""

from __future__ import annotations

from typing import ClassVar

from masking.callbacks.receive import ReceiveCallback


class OnSessionEvent(ReceiveCallback):
    """Keeps callbacks that come to `.../events`."""

    kind: ClassVar[str] = "events"
