"""What the victim has: one thing of each kind that a path can name."""

from __future__ import annotations

import uuid

from masking.domain import deliveries
from masking.storage.deliveries import delivery_item
from proofs.attack import pii_scan
from proofs.attack.target import VICTIM, Target
from proofs.runner import ProofError

# What the victim's session is found by.
PAIR = {"first_party": pii_scan.number(25), "second_party": pii_scan.number(26)}
LABEL = ("attacked", "17")

# Nobody's.
NOBODYS = "00000000-0000-4000-8000-000000000000"


class Ids(dict[str, str]):
    """Ids by their names in paths; nobody's for an unknown name."""

    def __missing__(self, name: str) -> str:
        return NOBODYS


def ids_of(target: Target) -> Ids:
    """Make a thing of the victim's of each kind; return their ids by name in paths.

    They are really there: a read that is open shows something.
    """
    asked = {**PAIR, "labels": dict([LABEL])}
    made = target.ask("POST", "/v1/sessions", asked).document()["session"]
    person = {"phone_number": pii_scan.number(30)}
    erasure = target.ask("POST", "/v1/erasures", person).document()["erasure"]
    session_uuid, recording_uuid = made["session_uuid"], str(uuid.uuid4())
    services = target.services
    session = services.stores.sessions.load(session_uuid)
    if session is None:
        raise ProofError("the session that was made is not there")
    now = services.now()
    recording = services.announcer.from_callback(
        {
            "EventName": "SessionRecordingCompleted",
            "RecordingUUID": recording_uuid,
            "RecordingURL": f"{target.stack.addresses.plivo_url}/none.mp3",
        },
        "d",
        session,
    )
    services.stores.recordings.link(recording)
    detail = {
        "session_uuid": session_uuid,
        "tenant_id": VICTIM,
        "id": str(uuid.uuid4()),
        "type": "session.created",
        "webhook": "callback_url",
    }
    delivery = deliveries.begin(detail, now)
    item = delivery_item(delivery)
    services.stores.deliveries.put(session_uuid, detail["id"], item, now)
    return Ids(
        session_uuid=session_uuid,
        recording_uuid=recording_uuid,
        erasure_id=erasure["erasure_id"],
        id=delivery.delivery_id,
    )
