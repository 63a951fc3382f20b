"""Put events on the bus within the limits of PutEvents; report which it refused."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from masking.core.errors import EventsNotTakenError

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

    from masking.domain.bus_events import Event


SOURCE = "maskline"

# The limits of one PutEvents request: entries, and bytes of them all.
MOST_ENTRIES = 10
MOST_BYTES = 256 * 1024

# Seconds to wait before events that were not taken are put again.
PAUSES = (0.05, 0.2)

# The error code of an event that is larger than a request may be.
TOO_LARGE = "EventTooLarge"

# What the SDK raises when the bus does not answer in time.
HUNG = frozenset({"ConnectTimeoutError", "ReadTimeoutError"})

# Codes by which a request or an event is wrong, so that it always will be.
FOR_EVER = frozenset(
    {
        TOO_LARGE,
        "InvalidArgument",
        "MalformedDetail",
        "NotAuthorizedForSourceException",
        "RequestEntityTooLarge",
        "ValidationException",
    }
)

Entry = dict[str, Any]


class Bus:
    """The EventBridge bus *name*; *sleep* waits for seconds."""

    def __init__(
        self,
        client: EventBridgeClient,
        name: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._name = name
        self._sleep = sleep

    def put(self, events: Sequence[Event]) -> None:
        """Publish *events*. Raises EventsNotTakenError if the bus left some out."""
        refused = self.offer(events)
        if refused:
            message = f"the bus refused events: {sorted(set(refused.values()))}"
            raise EventsNotTakenError(message)

    def offer(self, events: Sequence[Event]) -> dict[int, str]:
        """Publish *events*; return the error code of each that was not taken, by index.

        Events that a request leaves out are put again, twice, unless they are wrong. A
        request that fails as a whole says nothing of the others; one that is wrong is
        taken apart, so that a bad event does not take its neighbors with it. A bus that
        hangs is waited for once: the rest is not put at all.
        """
        entries = dict(enumerate(self._entry(event) for event in events))
        refused = {
            index: TOO_LARGE
            for index, entry in entries.items()
            if _bytes_of(entry) > MOST_BYTES
        }
        left = {i: entry for i, entry in entries.items() if i not in refused}
        failed = self._put(left)
        for pause in PAUSES:
            again = [i for i, code in failed.items() if code not in FOR_EVER]
            if not again or not HUNG.isdisjoint(failed.values()):
                break
            self._sleep(pause)
            retried = self._put({index: entries[index] for index in again})
            failed = {i: c for i, c in failed.items() if i not in again} | retried
        return refused | failed

    def _put(self, entries: dict[int, Entry]) -> dict[int, str]:
        failed: dict[int, str] = {}
        hung = ""
        for batch in _batches(entries):
            if hung:
                failed |= dict.fromkeys(batch, hung)
                continue
            failed |= self._put_batch(batch, entries)
            hung = next((code for code in failed.values() if code in HUNG), "")
        return failed

    def _put_batch(
        self, batch: Sequence[int], entries: dict[int, Entry]
    ) -> dict[int, str]:
        try:
            answer = self._client.put_events(
                Entries=[entries[index] for index in batch]  # type: ignore[misc]
            )
        except (BotoCoreError, ClientError) as error:
            code = _code_of(error)
            if code not in FOR_EVER or len(batch) == 1:
                return dict.fromkeys(batch, code)
            return {
                at: why
                for index in batch
                for at, why in self._put_batch([index], entries).items()
            }
        if not answer["FailedEntryCount"]:
            return {}
        return {
            index: entry.get("ErrorCode", "")
            for index, entry in zip(batch, answer["Entries"], strict=True)
            if "EventId" not in entry
        }

    def _entry(self, event: Event) -> Entry:
        return {
            "Source": SOURCE,
            "DetailType": event.type,
            "Detail": json.dumps(
                event.detail(), separators=(",", ":"), ensure_ascii=False
            ),
            "EventBusName": self._name,
        }


def _batches(entries: dict[int, Entry]) -> Iterator[list[int]]:
    batch: list[int] = []
    size = 0
    for index, entry in entries.items():
        more = _bytes_of(entry)
        if batch and (len(batch) == MOST_ENTRIES or size + more > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(index)
        size += more
    if batch:
        yield batch


def _bytes_of(entry: Entry) -> int:
    """Return an entry's size as EventBridge counts it."""
    counted = ("Source", "DetailType", "Detail")
    return sum(len(entry[name].encode()) for name in counted)


def _code_of(error: BotoCoreError | ClientError) -> str:
    if isinstance(error, ClientError):
        return str(error.response["Error"]["Code"])
    return type(error).__name__
