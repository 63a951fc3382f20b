"""Put together what erasing takes, from the services of the function."""

from __future__ import annotations

from collections.abc import Callable

from masking.erasure.erase_number import EraseNumber
from masking.erasure.erase_session import EraseSession
from masking.lifecycle.expire_session import ExpireSession
from masking.lifecycle.reconcile import Reconciler
from masking.recording.delete_recording import DeleteRecording
from masking.wiring import Services


def eraser(services: Services, has_time: Callable[[], bool]) -> EraseNumber:
    """Give what erases; *has_time* says whether there is time for another session."""
    table, now, key = services.erasure_table, services.now, services.callback_key
    carrier = services.paced_carrier(services.pace)
    forget = EraseSession(
        table=table,
        carrier=carrier,
        reconciler=Reconciler(table, carrier, key, now),
        ending=ExpireSession(table, carrier, now),
        discard=DeleteRecording(table, services.bucket, carrier.delete_recording, now),
        key=key,
        now=now,
    )
    return EraseNumber(
        table, forget, services.erasure_queue, services.number_key, now, has_time
    )
