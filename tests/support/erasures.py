"""Ask the functions of erasures, and read what they queue."""

from __future__ import annotations

import json
from typing import Any

from functions.create_erasure import app as create_app
from functions.get_erasure import app as get_app
from functions.publish_changes import app as publish_app
from masking.domain import erasures
from masking.storage.stores import Stores
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.payloads import PAIR, http
from tests.support.table_stream import TableStream

PERSON = PAIR["first_party"]
BODY = {"phone_number": PERSON}


def request_erasure(body: object = BODY, **more: Any) -> dict[str, Any]:
    """Ask for an erasure."""
    return create_app.lambda_handler(http("create_erasure", body=body, **more), None)


def get_erasure(erasure_id: str, **more: Any) -> dict[str, Any]:
    """Ask after an erasure."""
    event = http("get_erasure", **more)
    event["pathParameters"] = {"erasure_id": erasure_id}
    return get_app.lambda_handler(event, None)


def erasure_message(**body: str) -> dict[str, Any]:
    """Return a message of the queue of erasures, as Lambda gets it."""
    record = {
        "messageId": "the-message",
        "receiptHandle": "a handle",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "3"},
    }
    return {"Records": [record]}


def move_first_run_back(stores: Stores, erasure_id: str) -> None:
    """Move the end of an erasure's first run into the past, as waiting would."""
    known = stores.erasures.get(erasure_id)
    if known and known.swept_at:
        stores.erasures.put(erasures.sweep(known, known.swept_at - erasures.REST))


def publish_stream(stream: TableStream) -> None:
    """Work off what is new in the stream."""
    event = {"Records": stream.new()}
    assert publish_app.lambda_handler(event, None) == {"batchItemFailures": []}


def take_erasure_messages(
    aws: EmbeddedAws, deployment: Deployment
) -> list[dict[str, Any]]:
    """Take the messages out of the queue of erasures."""
    sqs = aws.client("sqs")
    url = deployment.environment["ERASURE_QUEUE_URL"]
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    for each in answer.get("Messages", []):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return [json.loads(each["Body"]) for each in answer.get("Messages", [])]
