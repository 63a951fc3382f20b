"""A range of the table's stream is read to its end, or what is left of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from masking.core.errors import ChangesNotReadError
from masking.storage.change_stream import MOST_PAGES, ChangeStream, StreamRange

WANTED = StreamRange("arn:stream", "shard-1", "0102", "0104")


def record(place: int) -> dict[str, Any]:
    """Return a record as GetRecords has it."""
    written = datetime(2026, 3, 1, tzinfo=UTC)
    return {
        "eventName": "MODIFY",
        "dynamodb": {
            "SequenceNumber": f"{place:04}",
            "ApproximateCreationDateTime": written,
        },
    }


def failing(code: str) -> ClientError:
    """Return an error of the stream's."""
    return ClientError({"Error": {"Code": code, "Message": ""}}, "GetRecords")


class Pages:
    """A client whose stream has these pages; None ends the shard.

    *trimmed* are the kinds of iterators that are refused with *code*.
    """

    def __init__(
        self,
        *pages: list[dict[str, Any]] | Exception,
        trimmed: tuple[str, ...] = (),
        code: str = "TrimmedDataAccessException",
        ends: bool = False,
    ) -> None:
        self.pages, self.trimmed, self.code, self.ends = pages, trimmed, code, ends
        self.asked: list[dict[str, Any]] = []
        self.reads = 0

    def get_shard_iterator(self, **request: Any) -> dict[str, str]:
        """Answer with the first page, or fail."""
        self.asked.append(request)
        if request["ShardIteratorType"] in self.trimmed:
            raise failing(self.code)
        return {"ShardIterator": "0"}

    def get_records(self, ShardIterator: str, Limit: int) -> dict[str, Any]:  # noqa: N803
        """Answer with a page; behind the last one all are empty."""
        assert Limit == 1000
        self.reads += 1
        at = int(ShardIterator)
        page = self.pages[at] if at < len(self.pages) else []
        if isinstance(page, Exception):
            raise page
        is_last = self.ends and at + 1 >= len(self.pages)
        more = {} if is_last else {"NextShardIterator": str(at + 1)}
        return {"Records": page, **more}


def places(records: list[dict[str, Any]]) -> list[int]:
    """Return the places of records."""
    return [int(each["dynamodb"]["SequenceNumber"]) for each in records]


def test_a_range_is_read_over_empty_pages_to_its_end_and_no_further() -> None:
    client = Pages([], [record(102)], [], [record(103), record(104), record(105)])

    found = ChangeStream(client).read(WANTED)

    assert (places(found.records), found.is_whole) == ([102, 103, 104], True)
    assert client.reads == 4
    assert client.asked == [
        {
            "StreamArn": "arn:stream",
            "ShardId": "shard-1",
            "ShardIteratorType": "AT_SEQUENCE_NUMBER",
            "SequenceNumber": "0102",
        }
    ]


def test_a_record_is_as_lambda_hands_it_over() -> None:
    client = Pages([record(102), record(104)])

    [first, _] = ChangeStream(client).read(WANTED).records

    assert first["dynamodb"]["ApproximateCreationDateTime"] == 1772323200.0


def test_a_range_without_its_last_record_ends_at_the_next_one() -> None:
    found = ChangeStream(Pages([record(102), record(107)])).read(WANTED)

    assert (places(found.records), found.is_whole) == ([102], True)


def test_of_a_range_that_is_partly_trimmed_the_rest_is_read() -> None:
    client = Pages(
        [record(103), record(104), record(105)], trimmed=("AT_SEQUENCE_NUMBER",)
    )

    found = ChangeStream(client).read(WANTED)

    assert (places(found.records), found.is_whole) == ([103, 104], False)


def test_what_is_trimmed_while_it_is_read_is_not_whole() -> None:
    client = Pages([record(102)], failing("TrimmedDataAccessException"))

    found = ChangeStream(client).read(WANTED)

    assert (found.records, found.is_whole) == ([], False)


@pytest.mark.parametrize(
    "code", ["TrimmedDataAccessException", "ResourceNotFoundException"]
)
def test_of_a_shard_that_is_gone_nothing_is_left(code: str) -> None:
    client = Pages(trimmed=("AT_SEQUENCE_NUMBER", "TRIM_HORIZON"), code=code)

    found = ChangeStream(client).read(WANTED)

    assert (found.records, found.is_whole) == ([], False)


def test_a_range_that_reaches_over_the_shards_end_is_not_whole() -> None:
    found = ChangeStream(Pages([record(102)], [], ends=True)).read(WANTED)

    assert (places(found.records), found.is_whole) == ([102], False)


def test_a_range_whose_end_never_comes_is_given_up() -> None:
    client = Pages([record(102)])

    with pytest.raises(ChangesNotReadError):
        ChangeStream(client).read(WANTED)

    assert client.reads == MOST_PAGES


@pytest.mark.parametrize("kinds", [("AT_SEQUENCE_NUMBER",), ("TRIM_HORIZON",)])
def test_what_fails_now_is_not_taken_for_gone(kinds: tuple[str, ...]) -> None:
    client = Pages(trimmed=kinds, code="LimitExceededException")
    if kinds == ("TRIM_HORIZON",):
        client = Pages(failing("ProvisionedThroughputExceededException"))

    with pytest.raises(ClientError):
        ChangeStream(client).read(WANTED)
