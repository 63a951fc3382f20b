"""Put a session's recordings under a legal hold, or lift it."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping

import click

from masking.core.errors import StaleStateError
from masking.domain import recording_transitions, recordings
from masking.domain.recordings import Recording, Status
from masking.storage.bucket import Bucket
from masking.storage.stores import Stores
from operate.arguments import as_json, example, print_json
from operate.deployment import Target
from operate.failures import RefusedError

# Outcomes for a recording.
CHANGED = "changed"
UNCHANGED = "as it was"
GONE = "deleted before"
BUSY = "busy: run this again"


@click.group("hold")
def hold_group() -> None:
    """Keep a session's recordings from being deleted or purged."""


@hold_group.command(
    "set", epilog=example("maskline hold set 0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f")
)
@click.argument("session_uuid", type=click.UUID)
@as_json
@click.pass_obj
def set_hold(target: Target, session_uuid: uuid.UUID, as_json: bool) -> None:
    """Put the recordings of a session, also those to come, under a legal hold."""
    _change_hold(target, str(session_uuid), held=True, as_json=as_json)


@hold_group.command(
    "lift", epilog=example("maskline hold lift 0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f")
)
@click.argument("session_uuid", type=click.UUID)
@as_json
@click.pass_obj
def lift_hold(target: Target, session_uuid: uuid.UUID, as_json: bool) -> None:
    """Lift the legal hold of a session's recordings."""
    _change_hold(target, str(session_uuid), held=False, as_json=as_json)


def _change_hold(
    target: Target, session_uuid: str, *, held: bool, as_json: bool
) -> None:
    stores = target.services.stores
    if not _is_known(stores, session_uuid):
        raise RefusedError(
            f"There is no session {session_uuid} in this deployment; is --stack right?"
        )
    outcomes = hold(stores, target.services.bucket, session_uuid, held=held)
    if as_json:
        shown = {"session_uuid": session_uuid, "held": held, "recordings": outcomes}
        print_json(shown)
        return
    for outcome, count in sorted(outcomes.items()):
        click.echo(f"{count} {outcome}")
    click.echo(f"hold is {'set' if held else 'lifted'} for {session_uuid}")


def _is_known(stores: Stores, session_uuid: str) -> bool:
    """Return whether a session, or what outlives it, is there."""
    return bool(
        stores.sessions.load(session_uuid)
        or list(stores.recordings.of_session(session_uuid))
        or stores.recordings.is_held(session_uuid)
    )


def hold(
    stores: Stores, bucket: Bucket, session_uuid: str, *, held: bool
) -> Mapping[str, int]:
    """Set or lift the hold of every recording of a session; count the outcomes.

    The session comes first, so that recordings announced from now on are held as well.
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
