"""A world in which a person leaves traces everywhere, and what can be found of them.

As `tests.ending.world`, with a bucket, the queue of erasures and all logs beside it.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import boto3
from botocore.config import Config

from masking.core import numbers, telemetry
from masking.core.errors import ErasureNotReadyError
from masking.domain import (
    deliveries,
    recording_transitions,
    recordings,
    sessions,
    transitions,
)
from masking.domain.erasures import Erasure
from masking.domain.recordings import Announcement, Recording, Source
from masking.domain.sessions import Session
from masking.erasure.erase_number import EraseNumber
from masking.storage.bucket import Bucket
from masking.storage.deliveries import delivery_item
from masking.storage.table import read_item
from plivo_simulator.server import Running
from stack.aws.clients import ACCESS_KEY, REGION, SECRET_KEY
from tests.ending.world import TENANT, KilledError, World
from tests.support.embedded_aws import EmbeddedAws, make_bucket
from tests.support.harness_services import NUMBER_KEY, HarnessServices

PERSON = "+12025550142"
OTHER = "+12025550143"
STRANGER = "+12025550144"

# What belongs to the person beside the number; none of it may stay.
NAME = "Ada Example"
PIN = "770142"
ADDRESS = "https://app.example.com/customers/ada-example?phone=%2B12025550142"

AUDIO_ADDRESS = "https://app.example.com/ada-example/hi.mp3?phone=%2B12025550142"

MARKS = (NAME, PIN, "ada-example", "phone=%2B")

AUDIO = b"ID3\x04" + bytes(200)


@dataclass
class Moment:
    """Do something at the n-th request that erasing sends, before it is sent."""

    at: int | None = None
    seen: int = 0
    do: Callable[[], None] = lambda: None
    _counts: bool = False

    def plan(self, at: int, do: Callable[[], None]) -> None:
        """Do *do* at request number *at*, counted from now on."""
        self.at, self.do, self.seen = at, do, 0

    def pass_by(self, **_: object) -> None:
        """Count a request, if it is one of an erasure's."""
        if not self._counts:
            return
        self.seen += 1
        if self.seen == self.at:
            self._counts = False
            self.do()
            self._counts = True

    @contextlib.contextmanager
    def counting(self) -> Iterator[None]:
        """Count the requests that are sent in the block, but not those of *do*."""
        before, self._counts = self._counts, self.seen != self.at
        try:
            yield
        finally:
            self._counts = before


def die() -> None:
    """Let the process be no more."""
    raise KilledError


class ErasingWorld(World):
    """A world with everything that an erasure meets."""

    def __init__(self, aws: EmbeddedAws, plivo: Running) -> None:
        super().__init__(aws, plivo)
        self.s3 = _s3(aws)
        self.bucket = Bucket(self.s3, make_bucket(aws.client("s3")))
        self.moment = Moment()
        for hooks, service in (
            (self.dynamodb.meta.events, "dynamodb"),
            (self.s3.meta.events, "s3"),
        ):
            hooks.register(f"before-call.{service}", self.moment.pass_by)
        self.carrier = self.new_carrier(before=self.moment.pass_by)

    # Forgetting

    def ask(self, number: str = PERSON, tenant: str = TENANT) -> Erasure:
        """Ask for a number to be forgotten."""
        return self.services.create_erasure.begin(number, tenant_id=tenant)

    def eraser(self) -> EraseNumber:
        """Return what does the work of erasures."""
        return self.services.erase_number(lambda: self.time_left)

    @property
    def services(self) -> HarnessServices:
        """Return services over all of this, with the bucket."""
        services = super().services
        services.bucket = self.bucket
        return services

    def work(self, message: dict[str, Any]) -> bool:
        """Work a message off; False if it must come again."""
        body = {k: v for k, v in message.items() if k != "at_once"}
        try:
            with self.moment.counting():
                self.eraser().carry_out(body)
        except ErasureNotReadyError as waits:
            self.wait = waits.retry_after
            return False
        except KilledError:
            # Its leases run on; the message comes again when it is visible.
            self.wait = 360
            return False
        return True

    def run(self, rounds: int = 60) -> None:
        """Let everything run by itself until no message is left."""
        for _ in range(rounds):
            self.publish()
            self.check()
            taken, self.erasures.messages = self.erasures.messages, []
            if not taken:
                return
            if not any(each["at_once"] for each in taken):
                self.advance(seconds=75)
            left = [each for each in taken if not self.work(each)]
            if left:
                self.advance(seconds=self.wait)
            self.erasures.messages += left
        raise AssertionError("the erasure does not come to an end")

    def proof(self, erasure: Erasure) -> Erasure:
        """Read an erasure."""
        found = self.stores.erasures.get(erasure.erasure_id)
        assert found
        return found

    # Traces

    def reserve(self, **asked: Any) -> Session:
        """Let the function die that creates a session, before it has asked Plivo."""
        session = transitions.reserve(
            session_uuid=sessions.session_uuid_for(TENANT, None),
            tenant_id=TENANT,
            asked={"first_party": PERSON, "second_party": OTHER, **asked},
            labels={"customer": NAME},
            base_url="https://masks.example.com",
            now=self.now(),
        )
        self.stores.sessions.reserve(session)
        return session

    def stranger_calls(self, session: Session, number: str = PERSON) -> None:
        """Keep a callback of a call by somebody who is no party."""
        told = {
            "EventName": "SessionFirstPartyInitiated",
            "From": number,
            "To": str(session.virtual_number),
            "EventTimestamp": self.now().strftime("%Y-%m-%d %H:%M:%S"),
            "SessionUUID": str(session.carrier_session_uuid),
            "SequenceNumber": "1",
            "Caller": f"name of {number}",
            "Digits": PIN,
        }
        self.hand_over(session, told)

    def record(self, session: Session, number: int, state: str) -> Recording:
        """Put a recording into a state, with its file in two versions if it has one."""
        now = self.now()
        begun = recording_transitions.announce(
            Announcement(
                f"00000000-0000-4000-8000-{number:012d}",
                f"https://media.plivo.com/{PERSON}/{number}.mp3",
                "mp3",
                3,
            ),
            session_uuid=session.session_uuid,
            tenant_id=TENANT,
            retention_days=1,
            source=Source.CALLBACK,
            now=now - timedelta(days=2) if state == "hidden" else now,
        )
        key = recordings.key_of(
            begun,
            tenant_id=TENANT,
            session_uuid=session.session_uuid,
            day=begun.announced_at,
        )
        claimed = recording_transitions.claim(begun, now)
        assert claimed
        findings = {"bucket": self.bucket.name, "key": key, "bytes": len(AUDIO)}
        stored = recording_transitions.store(claimed, findings, now)
        made = {
            "announced": begun,
            "storing": claimed,
            "stored": stored,
            "hidden": stored,
            "held": recording_transitions.hold(stored, held=True),
            "failed": recording_transitions.give_up(claimed, "gone", "it is gone", now),
            "deleting": recording_transitions.begin_deletion(stored, now),
            "deleted": recording_transitions.delete(stored, now),
        }[state]
        if made.key:
            for _ in range(2):
                self.s3.put_object(Bucket=self.bucket.name, Key=key, Body=AUDIO)
        self.stores.recordings.link(made)
        self.stores.recordings.add(made)
        return made

    def deliver(self, session: Session, number: int) -> None:
        """Keep how an event was sent to the app."""
        detail = {
            "session_uuid": session.session_uuid,
            "tenant_id": session.tenant_id,
            "id": f"00000000-0000-5000-8000-{number:012d}",
            "type": "call.ended",
            "webhook": "callback_url",
            "callback": "f" * 64,
        }
        delivery = deliveries.begin(detail, self.now())
        self.stores.deliveries.put(
            session.session_uuid, detail["id"], delivery_item(delivery), self.now()
        )

    # What can be found

    def export(self) -> list[dict[str, Any]]:
        """Read the whole table."""
        found: list[dict[str, Any]] = []
        more: dict[str, Any] = {}
        while True:
            answer = self.dynamodb.scan(
                TableName=self.table_name, ConsistentRead=True, **more
            )
            found += [read_item(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return found
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def versions(self) -> list[dict[str, Any]]:
        """Read every version of every object: its key, its metadata, its bytes."""
        listed = self.s3.list_object_versions(Bucket=self.bucket.name)
        found = []
        for each in listed.get("Versions", []):
            place = {"Key": each["Key"], "VersionId": each["VersionId"]}
            answer = self.s3.get_object(Bucket=self.bucket.name, **place)
            body = answer["Body"].read().decode("latin-1")
            found.append({**place, "metadata": answer["Metadata"], "body": body})
        return found

    def everything(self, logs: str = "") -> dict[str, str]:
        """Write out all places in which something of a person could be."""
        return {
            "table": _text(self.export()),
            "bucket": _text(self.versions()),
            "checks": _text(self.checks.messages),
            "erasures": _text(self.erasures.messages),
            "bus": _text(self.bus.events),
            "logs": logs,
        }


def forms_of(number: str) -> set[str]:
    """Give what shows a number in a text, in whatever form it stands there.

    With and without `+`, escaped for URLs or JSON, it has its digits; base64 has not.
    """
    national = number.removeprefix("+1")
    forms = {national}
    for text in (number, number.removeprefix("+")):
        for shift in range(3):
            encoded = base64.b64encode(b"\0" * shift + text.encode()).decode()
            # Only whole groups of three bytes look the same wherever they stand.
            whole = encoded[4 : (shift + len(text)) // 3 * 4]
            forms |= {whole, whole.replace("+", "-").replace("/", "_")}
    return forms


def traces(places: dict[str, str], needles: set[str]) -> list[tuple[str, str]]:
    """List where which needle is found."""
    return [
        (place, needle)
        for place, text in places.items()
        for needle in sorted(needles)
        if needle in text
    ]


def hashes_of(number: str) -> str:
    """Give the keyed hash of a number."""
    return numbers.hashed(NUMBER_KEY, number)


def as_another_tenants(session: Session, tenant: str) -> Session:
    """Give a session like another, of another tenant."""
    return replace(
        session,
        session_uuid=sessions.session_uuid_for(tenant, None),
        tenant_id=tenant,
        carrier_session_uuid="7b6a4f6e-3a52-4f3e-9a0b-52c1f6f2a1aa",
    )


@contextlib.contextmanager
def all_logs() -> Iterator[io.StringIO]:
    """Catch everything that is logged or printed."""
    caught = io.StringIO()
    _new_logger()
    with contextlib.redirect_stdout(caught), contextlib.redirect_stderr(caught):
        yield caught
    _new_logger()


def _new_logger() -> None:
    telemetry.logger.cache_clear()
    logging.Logger.manager.loggerDict.pop("maskline", None)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str, sort_keys=True)


def _s3(aws: EmbeddedAws) -> Any:
    return boto3.Session(
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name=REGION,
    ).client(
        "s3",
        endpoint_url=aws.url,
        verify=str(aws.ca_file),
        config=Config(
            signature_version="s3v4",
            proxies={},
            retries={"total_max_attempts": 1},
        ),
    )
