"""Keep the recordings of a session from being deleted, or let them go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from masking.core.errors import StaleStateError
from masking.domain import recording_transitions, recordings
from masking.domain.recordings import Recording, Status
from masking.storage.bucket import Bucket
from masking.storage.stores import Stores

# What may become of a recording.
CHANGED = "changed"
UNCHANGED = "as it was"
GONE = "deleted before"
BUSY = "busy: run this again"


def hold(
    stores: Stores, bucket: Bucket, session_uuid: str, *, held: bool
) -> Mapping[str, int]:
    """Hold or let go every recording of a session; count what became of them.

    First the session itself, so that what is announced from now on is held as well.
    Running it twice does no harm.
    """
    stores.recordings.put_hold(session_uuid, held=held)
    outcomes: Counter[str] = Counter()
    for known in stores.recordings.of_session(session_uuid):
        outcomes[_change(stores, bucket, known, held=held)] += 1
    return outcomes


def _change(stores: Stores, bucket: Bucket, known: Recording, *, held: bool) -> str:
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
        stores.recordings.replace(known, after)
    except StaleStateError:
        return BUSY
    stores.recordings.link(after)
    return CHANGED
