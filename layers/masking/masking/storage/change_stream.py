"""Read changes of the table once more from its stream, which keeps them for a day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from masking.core.errors import ChangesNotReadError

# The limit of one GetRecords, and how many answers are read of one range. A range has
# the records of one batch, and between them those of the batches beside it; an answer
# may be empty without being the last.
MOST_RECORDS = 1000
MOST_PAGES = 25

# Of a sequence number, by the description of the API that botocore has.
MOST_DIGITS = 40

# The stream has forgotten the records; it, or the shard, is no more.
TRIMMED = "TrimmedDataAccessException"
GONE = frozenset({TRIMMED, "ResourceNotFoundException"})

Record = dict[str, Any]


@dataclass(frozen=True)
class StreamRange:
    """Records of one shard, from sequence number *first* to *last*, both included.

    They are kept as the text that AWS has, zeros in front included.
    """

    stream_arn: str
    shard_id: str
    first: str
    last: str


@dataclass(frozen=True)
class Reading:
    """What is left of a range; *is_whole* if none of its records is gone."""

    records: list[Record]
    is_whole: bool


class ChangeStream:
    """The streams of DynamoDB, by a client of `dynamodbstreams`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def read(self, wanted: StreamRange) -> Reading:
        """Read a range; of one that is partly gone, what is left.

        Raises:
            ChangesNotReadError: Its end did not come in a bounded number of answers.
            ClientError: The stream could not be read now.
        """
        try:
            return self._read_from("AT_SEQUENCE_NUMBER", wanted, wanted.first)
        except ClientError as error:
            if _code_of(error) not in GONE:
                raise
        try:
            rest = self._read_from("TRIM_HORIZON", wanted)
        except ClientError as error:
            if _code_of(error) not in GONE:
                raise
            return Reading([], is_whole=False)
        return Reading(rest.records, is_whole=False)

    def _read_from(
        self, kind: str, wanted: StreamRange, at: str | None = None
    ) -> Reading:
        first, last = padded(wanted.first), padded(wanted.last)
        found: list[Record] = []
        for record in self._records(kind, wanted, at):
            place = padded(record["dynamodb"]["SequenceNumber"])
            if first <= place <= last:
                found.append(record)
            if place >= last:
                return Reading(found, is_whole=True)
        # The shard has ended before the range has.
        return Reading(found, is_whole=False)

    def _records(
        self, kind: str, wanted: StreamRange, at: str | None
    ) -> Iterator[Record]:
        """Yield a shard's records in order until its end."""
        start = {} if at is None else {"SequenceNumber": at}
        iterator: str | None = self._client.get_shard_iterator(
            StreamArn=wanted.stream_arn,
            ShardId=wanted.shard_id,
            ShardIteratorType=kind,
            **start,
        )["ShardIterator"]
        for _ in range(MOST_PAGES):
            if iterator is None:
                return
            page = self._client.get_records(ShardIterator=iterator, Limit=MOST_RECORDS)
            yield from map(_as_lambda_has_it, page["Records"])
            iterator = page.get("NextShardIterator")
        raise ChangesNotReadError


def _as_lambda_has_it(record: Record) -> Record:
    """Return a record as Lambda hands it over, with its time in seconds since 1970."""
    change = dict(record["dynamodb"])
    written = change.get("ApproximateCreationDateTime")
    if isinstance(written, datetime):
        change["ApproximateCreationDateTime"] = written.timestamp()
    return {**record, "dynamodb": change}


def padded(place: str) -> str:
    """Return a sequence number as text that sorts as its number does."""
    return place.zfill(MOST_DIGITS)


def _code_of(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
