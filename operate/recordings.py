"""Let a recording in that was refused."""

from __future__ import annotations

import uuid
from datetime import datetime
from urllib.parse import urlsplit

import click

from masking.core.errors import StaleStateError
from masking.domain import recording_transitions, recordings
from masking.domain.recordings import Recording, Status
from masking.storage.stores import Stores
from operate.arguments import as_json, example, print_json
from operate.deployment import Target
from operate.failures import RefusedError


class _Address(click.ParamType[str]):
    name = "url"

    def convert(self, value: str, param: object, ctx: object) -> str:
        del param, ctx
        try:
            parts = urlsplit(value)
        except ValueError:
            parts = urlsplit("")
        names_user = parts.username is not None or parts.password is not None
        if parts.scheme != "https" or not parts.hostname or names_user:
            self.fail("must begin with https:// and a host, and name no user")
        return value


@click.group("recordings")
def recordings_group() -> None:
    """Let recordings in that were refused."""


@recordings_group.command(
    "accept",
    epilog=example("maskline recordings accept 5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c"),
)
@click.argument("recording_uuid", type=click.UUID)
@click.option("--url", type=_Address(), help="Where it is, in place of what was told.")
@as_json
@click.pass_obj
def accept_recording(
    target: Target, recording_uuid: uuid.UUID, url: str | None, as_json: bool
) -> None:
    """Fetch a recording anew, and store it whatever it is and whoever has it.

    Its host need not be among RecordingHosts, but must be public and gets no
    credentials.
    """
    services = target.services
    known = accept(services.stores, str(recording_uuid), services.now(), url)
    if as_json:
        print_json(
            {
                "recording_uuid": known.recording_uuid,
                "session_uuid": known.session_uuid,
                "status": known.status.value,
            }
        )
    else:
        click.echo(f"{known.recording_uuid} will be fetched and stored as it is")


def accept(
    stores: Stores, recording_uuid: str, now: datetime, url: str | None = None
) -> Recording:
    """Let a recording in; the table's stream sends it to be stored.

    Raises RefusedError if there is nothing to let in.
    """
    session_uuid = stores.recordings.session_of(recording_uuid)
    known = (
        stores.recordings.get(session_uuid, recording_uuid) if session_uuid else None
    )
    if known is None:
        raise RefusedError(
            f"There is no recording {recording_uuid} in this deployment;"
            " is --stack right?"
        )
    if known.status not in (Status.ANNOUNCED, Status.STORING, Status.FAILED):
        raise RefusedError(f"The recording is {known.status} and needs no help.")
    if not known.urls and not url:
        raise RefusedError("Nobody has told where the recording is; name it by --url.")
    if recordings.is_leased(known, now):
        raise RefusedError("The recording is being stored; run this again later.")
    accepted = recording_transitions.accept(known, url)
    try:
        stores.recordings.replace(known, accepted)
    except StaleStateError:
        raise RefusedError(
            "The recording has changed meanwhile; run this again."
        ) from None
    return accepted
