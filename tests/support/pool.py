"""Queues and buckets that tests of one process take over from each other.

Making them takes longer than most tests. One that a test has written to is not used
again; that is seen in the requests of the clients that are watched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.embedded_aws import EmbeddedAws, make_bucket, make_queue

_READS = ("Get", "Head", "List", "Receive")


class Pool:
    """Queues by their kind, and a bucket, each as good as new when it is given."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self._sqs = aws.client("sqs")
        self._s3 = aws.client("s3")
        self._kept: dict[str, str] = {}
        self._written: set[str] = set()
        self.watch(self._sqs)
        self.watch(self._s3)

    def watch(self, client: Any) -> None:
        """Note what is written by *client* from now on."""
        client.meta.events.register("provide-client-params.sqs", self._note)
        client.meta.events.register("provide-client-params.s3", self._note)

    def queue(self, kind: str) -> str:
        """Return the URL of an empty queue."""
        return self._new(kind, lambda: make_queue(self._sqs, kind))

    def bucket(self) -> str:
        """Return the name of an empty bucket with versions."""
        return self._new("bucket", lambda: make_bucket(self._s3))

    def _new(self, kind: str, make: Callable[[], str]) -> str:
        if self._kept.get(kind) in {None, *self._written}:
            self._kept[kind] = make()
        return self._kept[kind]

    def _note(self, params: dict[str, Any], model: Any, **_: object) -> None:
        if not model.name.startswith(_READS):
            self._written.add(params.get("QueueUrl") or params.get("Bucket") or "")
