"""The stream of a test's table, read as Lambda reads it."""

from __future__ import annotations

from typing import Any

from tests.support.embedded_aws import Deployment, EmbeddedAws


class TableStream:
    """Give what was written since the last look, as records of the table's stream."""

    def __init__(self, aws: EmbeddedAws, deployment: Deployment) -> None:
        self._streams = aws.client("dynamodbstreams")
        described = aws.client("dynamodb").describe_table(
            TableName=deployment.table_name
        )
        self._arn = described["Table"]["LatestStreamArn"]
        self._seen: set[str] = set()

    def new(self) -> list[dict[str, Any]]:
        """Give the records that have not been given yet, in order."""
        shards = self._streams.describe_stream(StreamArn=self._arn)
        found: list[dict[str, Any]] = []
        for shard in shards["StreamDescription"]["Shards"]:
            iterator = self._streams.get_shard_iterator(
                StreamArn=self._arn,
                ShardId=shard["ShardId"],
                ShardIteratorType="TRIM_HORIZON",
            )["ShardIterator"]
            answer = self._streams.get_records(ShardIterator=iterator)
            found += answer["Records"]
        fresh = [r for r in found if r["dynamodb"]["SequenceNumber"] not in self._seen]
        self._seen |= {r["dynamodb"]["SequenceNumber"] for r in fresh}
        return fresh
