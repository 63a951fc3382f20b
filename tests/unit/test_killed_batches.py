"""What Lambda tells of a batch that it gave up on, and in which order it is tried."""

from __future__ import annotations

from typing import Any

import pytest

from masking.storage.change_stream import StreamRange
from masking.stream.killed_batches import KilledBatch, batch_in, in_groups

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-03-01T12:00:00.000"
INFO: dict[str, Any] = {
    "shardId": "shardId-00000001573689847184-864758bb",
    "startSequenceNumber": "000000000003126276362",
    "endSequenceNumber": "800000000003126276399",
    "approximateArrivalOfFirstRecord": "2026-03-01T11:00:00Z",
    "approximateArrivalOfLastRecord": "2026-03-01T11:00:00Z",
    "batchSize": 4,
    "streamArn": ARN,
}
RANGE = StreamRange(
    ARN, INFO["shardId"], INFO["startSequenceNumber"], INFO["endSequenceNumber"]
)


@pytest.mark.parametrize(
    "beside",
    [
        {},
        {"version": "1.0", "requestContext": {"condition": "RetryAttemptsExhausted"}},
        {"requestContext": {"condition": "RecordAgeExceeded"}, "responseContext": None},
    ],
)
def test_a_batch_is_known_by_its_place_in_the_stream(beside: dict[str, Any]) -> None:
    assert batch_in({**beside, "DDBStreamBatchInfo": INFO}) == KilledBatch(RANGE, 4)


@pytest.mark.parametrize(
    "bad",
    [
        *({**INFO, name: None} for name in ("shardId", "streamArn")),
        {**INFO, "startSequenceNumber": "first"},
        {**INFO, "startSequenceNumber": "-1"},
        {**INFO, "startSequenceNumber": "٣"},
        {**INFO, "endSequenceNumber": "9" * 41},
        {**INFO, "endSequenceNumber": 17},
        {**INFO, "endSequenceNumber": "3126276361"},
        {**INFO, "endSequenceNumber": ""},
        {},
        [],
        "DDBStreamBatchInfo",
    ],
)
def test_a_batch_without_its_place_is_none(bad: Any) -> None:
    assert batch_in({"DDBStreamBatchInfo": bad}) is None


@pytest.mark.parametrize("bad", [None, [], "DDBStreamBatchInfo", 3, {}])
def test_other_messages_are_no_batch(bad: Any) -> None:
    assert batch_in(bad) is None


@pytest.mark.parametrize("size", [None, "many", 2.5])
def test_a_batch_whose_size_is_not_told_has_one_record_at_least(size: Any) -> None:
    batch = batch_in({"DDBStreamBatchInfo": {**INFO, "batchSize": size}})

    assert batch == KilledBatch(RANGE, 1)


def test_groups_turn_around_and_what_is_in_them_does_not() -> None:
    items = ["a1", "b1", "a2", "c1", "b2"]

    ahead = in_groups(items, lambda each: each[0], backwards=False)
    back = in_groups(items, lambda each: each[0], backwards=True)

    assert ahead == [["a1", "a2"], ["b1", "b2"], ["c1"]]
    assert back == ahead[::-1]
