"""Parts of the harness: a bus, queues, a stream, and faults at chosen requests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config

from masking.domain.bus_events import Event
from stack.aws.clients import ACCESS_KEY, REGION, SECRET_KEY
from tests.support.embedded_aws import EmbeddedAws


@dataclass
class KeptBus:
    """Keep events, as the bus would take them."""

    events: list[dict[str, Any]] = field(default_factory=list)

    def put(self, events: list[Event]) -> None:
        """Keep events in the order in which they come."""
        self.events += [event.detail() for event in events]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of a type."""
        return [event for event in self.events if event["type"] == kind]


@dataclass
class KeptQueue:
    """Keep messages, as a queue would take them."""

    messages: list[dict[str, Any]] = field(default_factory=list)

    def send(self, message: Mapping[str, Any], *, at_once: bool = False) -> None:
        """Keep a message."""
        self.messages.append({**message, "at_once": at_once})

    def take(self) -> list[dict[str, Any]]:
        """Take all messages out."""
        taken, self.messages = self.messages, []
        return taken


class KilledError(BaseException):
    """The process is no more. Nothing of ours catches this."""


def kill_process() -> None:
    """Raise what nothing of ours catches, as if the process were killed."""
    raise KilledError


@dataclass
class ProcessKill:
    """Kill a process at its n-th request, before it is sent or after it was.

    From then on every request fails, because a dead process sends none.
    """

    at: int | None = None
    after: bool = False
    seen: int = 0

    def plan(self, at: int | None, *, after: bool = False) -> None:
        """Kill at request number *at*, counted from now on; None: not at all."""
        self.at, self.after, self.seen = at, after, 0

    def before_request(self, **_: object) -> None:
        """Count a request that is about to be sent."""
        self.seen += 1
        if self.at is None:
            return
        if self.seen > self.at or (self.seen == self.at and not self.after):
            raise KilledError

    def after_request(self, **_: object) -> None:
        """Note that a request was answered."""
        if self.at is not None and self.seen >= self.at:
            raise KilledError


@dataclass
class Interruption:
    """Do something at the n-th request that an erasure sends, before it is sent."""

    at: int | None = None
    seen: int = 0
    do: Callable[[], None] = lambda: None
    _counts: bool = False

    def plan(self, at: int, do: Callable[[], None]) -> None:
        """Do *do* at request number *at*, counted from now on."""
        self.at, self.do, self.seen = at, do, 0

    def before_request(self, **_: object) -> None:
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


class StreamReader:
    """Read the stream of a table, each record once."""

    def __init__(self, aws: EmbeddedAws, table_name: str) -> None:
        self._client = aws.client("dynamodbstreams")
        arn = self._client.list_streams(TableName=table_name)["Streams"][0]["StreamArn"]
        shards = self._client.describe_stream(StreamArn=arn)["StreamDescription"]
        self._iterators = [
            self._client.get_shard_iterator(
                StreamArn=arn,
                ShardId=shard["ShardId"],
                ShardIteratorType="TRIM_HORIZON",
            )["ShardIterator"]
            for shard in shards["Shards"]
        ]

    def take(self) -> list[dict[str, Any]]:
        """Return the records that came since the last call, oldest first."""
        found = []
        for place, iterator in enumerate(self._iterators):
            answer = self._client.get_records(ShardIterator=iterator)
            self._iterators[place] = answer["NextShardIterator"]
            found += answer["Records"]
        return found


def hooked_client(aws: EmbeddedAws, service: str, **config: Any) -> Any:
    """Return a client that threads can share, with event hooks of its own."""
    return _boto_session().client(
        service,
        endpoint_url=aws.url,
        verify=str(aws.ca_file),
        # botocore would describe this machine anew in each request.
        config=Config(
            max_pool_connections=16, proxies={}, user_agent="tests", **config
        ),
    )


@lru_cache
def _boto_session() -> Any:
    # Reading a service's description takes longer than most tests: it is kept here.
    return boto3.Session(
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name=REGION,
    )
