"""Put together what erasing takes, from the services of the function."""

from __future__ import annotations

from collections.abc import Callable

from masking.discard import Discard
from masking.end import EndFlow
from masking.erase import Eraser
from masking.forget import Forget
from masking.reconcile import Reconciler
from masking.wiring import Services


def eraser(services: Services, has_time: Callable[[], bool]) -> Eraser:
    """Give what erases; *has_time* says whether there is time for another session."""
    table, now, key = services.erasure_table, services.now, services.callback_key
    carrier = services.paced_carrier(services.pace)
    forget = Forget(
        table=table,
        carrier=carrier,
        reconciler=Reconciler(table, carrier, key, now),
        ending=EndFlow(table, carrier, now),
        discard=Discard(table, services.bucket, carrier.delete_recording, now),
        key=key,
        now=now,
    )
    return Eraser(
        table, forget, services.erasure_queue, services.number_key, now, has_time
    )
