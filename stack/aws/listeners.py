"""Make queues that receive the events on a stack's bus and its alarms."""

from __future__ import annotations

import json

from stack.aws.clients import LocalAws


def listening_queue(aws: LocalAws, name: str) -> tuple[str, str]:
    """Make a queue that the bus and topics may send to; return its URL and its ARN."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    described = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn = described["Attributes"]["QueueArn"]
    senders = ["events.amazonaws.com", "sns.amazonaws.com"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": senders},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    return url, arn
