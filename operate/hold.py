"""Keep the recordings of a session from being deleted, or let them go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from masking.core.errors import StaleStateError
from masking.domain import recording_transitions, recordings
from masking.domain.recordings import Recording, Status
from masking.storage.bucket import Bucket
from masking.storage.table import Table

# What may become of a recording.
CHANGED = "changed"
UNCHANGED = "as it was"
GONE = "deleted before"
BUSY = "busy: run this again"


def hold(
    table: Table, bucket: Bucket, session_uuid: str, *, held: bool
) -> Mapping[str, int]:
    """Hold or let go every recording of a session; count what became of them.

    First the session itself, so that what is announced from now on is held as well.
    Running it twice does no harm.
    """
    table.put_hold(session_uuid, held=held)
    outcomes: Counter[str] = Counter()
    for known in table.recordings(session_uuid):
        outcomes[_change(table, bucket, known, held=held)] += 1
    return outcomes


def _change(table: Table, bucket: Bucket, known: Recording, *, held: bool) -> str:
    if known.status in (Status.DELETING, Status.DELETED):
        return GONE
    after = (
        known if known.held == held else recording_transitions.hold(known, held=held)
    )
    if known.key:
        # Before the table says so, and again if it does: the tag is what S3 goes by.
        bucket.retag(known.key, recordings.retention_tag(after))
    if after is known:
        return UNCHANGED
    try:
        table.replace_recording(known, after)
    except StaleStateError:
        return BUSY
    table.link_recording(after)
    return CHANGED
