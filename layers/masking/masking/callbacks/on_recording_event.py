"""Take Plivo's callbacks of recordings; the table's stream sets off what follows."""

from __future__ import annotations

from typing import ClassVar

from masking.callbacks.receive import ReceiveCallback


class OnRecordingEvent(ReceiveCallback):
    """Keeps callbacks that come to `.../recordings`."""

    kind: ClassVar[str] = "recordings"
