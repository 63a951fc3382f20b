"""Work off one message of the queue of checks.

| message                    | from                      | what is done               |
|----------------------------|---------------------------|----------------------------|
| `session_uuid`             | an update or an ending    | its outcome is found out   |
| `session_uuid`, `orphans`  | a create that was retried | duplicates are removed     |
| `session_uuid`, `callback` | a leg that ended last     | `call.ended` is published  |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from masking.core import telemetry
from masking.lifecycle import reconcile

if TYPE_CHECKING:
    from masking.lifecycle.call_ended import CallEnded
    from masking.lifecycle.reconcile import Reconciler


@dataclass(frozen=True)
class CheckSessions:
    """Checks sessions that a killed function may have left behind.

    *reconciler* returns a reconciler; the end of a call needs none, nor Plivo.
    """

    reconciler: Callable[[], Reconciler]
    call_ended: CallEnded

    def work(self, message: Mapping[str, Any]) -> None:
        """Do what a message asks for. Raises CarrierError, so that it comes again."""
        session_uuid = message["session_uuid"]
        telemetry.note(session_uuid=session_uuid)
        if "callback" in message:
            place = message.get("place")
            told = self.call_ended.announce(session_uuid, message["callback"], place)
            telemetry.note(outcome="call_ended" if told else reconcile.LEFT)
            return
        if "orphans" in message:
            outcome = self.reconciler().remove_orphans(session_uuid)
        else:
            outcome = self.reconciler().check(session_uuid)
        telemetry.note(outcome=outcome)
        if outcome not in (reconcile.LEFT, reconcile.FAILED):
            telemetry.count(f"Reconciled{outcome.title()}")
        if outcome in reconcile.REPAIRS:
            telemetry.count("ReconciliationRepaired")
