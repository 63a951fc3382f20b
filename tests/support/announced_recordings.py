"""Recordings that were announced and not fetched yet, and what became of them."""

from __future__ import annotations

from dataclasses import replace

from masking.api import callback_requests
from masking.domain.recordings import Recording, Status
from masking.domain.sessions import Session
from masking.recording.announce import Announcer
from masking.storage.stores import Stores
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment, EmbeddedAws

RECORDING = "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c"


MP3 = b"ID3\x04" + bytes(range(256)) * 400


WAV = b"RIFF" + (100_008).to_bytes(4, "little") + b"WAVEfmt " + bytes(100_000)


Announced = tuple[str, str]


def announce(
    stores: Stores, session: Session, clock: Clock, url: str, **fields: str
) -> Announced:
    """Announce a finished recording as its callback does; give the names it has."""
    attributes = {
        "EventName": "SessionRecordingCompleted",
        "RecordingUUID": RECORDING,
        "RecordingURL": url,
        "RecordingFormat": ".mp3",
        "RecordingDuration": "18",
        **fields,
    }
    digest = callback_requests.digest_of(list(attributes.items()))
    Announcer(stores, clock, 365).from_callback(attributes, digest, session)
    return session.session_uuid, RECORDING


def known(stores: Stores, session: Session) -> Recording:
    """Return what the table knows of the recording."""
    found = stores.recordings.get(session.session_uuid, RECORDING)
    assert found, "the table knows nothing of the recording"
    return found


def unsaid(stores: Stores, session: Session, url: str) -> None:
    """Make a stored recording look like one whose storer was killed before he said."""
    stored = known(stores, session)
    before = replace(
        stored,
        status=Status.STORING,
        version=stored.version + 1,
        url=url,
        key=None,
        lease_until=None,
    )
    stores.recordings.replace(stored, before)


def objects(aws: EmbeddedAws, deployment: Deployment) -> dict[str, bytes]:
    """Return what is in the bucket."""
    s3 = aws.client("s3")
    listed = s3.list_objects_v2(Bucket=deployment.bucket_name).get("Contents", [])
    return {
        found["Key"]: s3.get_object(Bucket=deployment.bucket_name, Key=found["Key"])[
            "Body"
        ].read()
        for found in listed
    }
