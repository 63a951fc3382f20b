"""Send messages to a queue; postpone or delete received ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


# The limit of one request of SQS's for several messages.
MOST_AT_ONCE = 10


class Queue:
    """The SQS queue at *url*."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, message: Mapping[str, Any], *, at_once: bool = False) -> None:
        """Send *message* as JSON; it comes after the delay that the queue has."""
        body = json.dumps(message, separators=(",", ":"))
        if at_once:
            self._client.send_message(
                QueueUrl=self._url, MessageBody=body, DelaySeconds=0
            )
        else:
            self._client.send_message(QueueUrl=self._url, MessageBody=body)

    def pass_on(self, body: str, attributes: Mapping[str, str]) -> None:
        """Send a message of another queue as it is; *attributes* say why."""
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        )

    def delete(self, receipt_handle: str) -> None:
        """Delete a message that was received."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=receipt_handle)

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        """Let a message that was received come again after *seconds*."""
        self._client.change_message_visibility(
            QueueUrl=self._url,
            ReceiptHandle=receipt_handle,
            VisibilityTimeout=seconds,
        )

    def postpone_all(self, seconds: Mapping[str, int]) -> None:
        """Let messages that were received come again, each after its seconds.

        One that cannot be put off comes again after the queue's own visibility.
        """
        handles = list(seconds.items())
        for start in range(0, len(handles), MOST_AT_ONCE):
            self._client.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {
                        "Id": str(number),
                        "ReceiptHandle": handle,
                        "VisibilityTimeout": pause,
                    }
                    for number, (handle, pause) in enumerate(
                        handles[start : start + MOST_AT_ONCE]
                    )
                ],
            )
