"""The embedded AWS for tests: one process, and what a deployment would make in it."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from plivo_simulator import account
from stack.addresses import HOST, free_addresses
from stack.aws.clients import ACCESS_KEY, REGION, SECRET_KEY, LocalAws
from stack.aws.package import read_template
from stack.children import Child
from stack.environments import AWS, FUNCTIONS, ROOT, interpreter
from tests.support.framed_client import UnsentSession, short_way

TEMPLATE = read_template(ROOT / "template.yaml")

START_SECONDS = 30.0

SIGNING_SECRET = "the root of all keys of this test"


@dataclass(frozen=True)
class EmbeddedAws:
    """The running process: its endpoint, and the authority that signed for it."""

    url: str
    ca_file: Path
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """Return a client of *service*, which all tests share."""
        if service not in self._clients:
            aws = LocalAws(self.url, self.ca_file, UnsentSession)
            self._clients[service] = aws.client(service)
        return self._clients[service]

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables by which product code finds it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_CA_BUNDLE": str(self.ca_file),
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": HOST,
        }


@contextlib.contextmanager
def running_aws(run_dir: Path) -> Iterator[EmbeddedAws]:
    """Run the embedded AWS while the block runs; *run_dir* takes what it writes."""
    addresses = free_addresses()
    # The path of a socket can't be as long as that of run_dir may be.
    with tempfile.TemporaryDirectory() as sockets:
        test_socket = Path(sockets, "aws")
        arguments = [
            *("--aws-port", str(addresses.aws_port)),
            *("--api-port", str(addresses.api_port)),
            *("--run-dir", str(run_dir)),
            *("--function-python", str(interpreter(FUNCTIONS))),
            *("--test-socket", str(test_socket)),
        ]
        environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        with Child(
            "the embedded AWS",
            interpreter(AWS),
            "stack.aws.server",
            arguments,
            environ,
            run_dir / "aws.log",
        ) as child:
            embedded = EmbeddedAws(addresses.aws_url, run_dir / "ca.pem")
            deadline = time.monotonic() + START_SECONDS
            while not _answers(embedded, run_dir):
                child.check()
                assert time.monotonic() < deadline, "the embedded AWS did not answer"
                time.sleep(0.02)
            with short_way(addresses.aws_url, test_socket):
                yield embedded


def _answers(aws: EmbeddedAws, run_dir: Path) -> bool:
    if not (run_dir / "server.key").exists():
        return False
    context = ssl.create_default_context(cafile=str(aws.ca_file))
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    with (
        contextlib.suppress(OSError),
        opener.open(f"{aws.url}/_ministack/ready", timeout=2) as response,
    ):
        return bool(response.status == 200)
    return False


# What a deployment makes


def make_table(dynamodb: Any) -> str:
    """Make a table of its own with the properties of the template's, give its name."""
    name = f"table-{uuid.uuid4()}"
    dynamodb.create_table(TableName=name, **table_properties())
    return name


def table_properties() -> dict[str, Any]:
    """Return the template's Table as CreateTable takes it."""
    properties = TEMPLATE["Resources"]["Table"]["Properties"]
    same = (
        "BillingMode",
        "AttributeDefinitions",
        "KeySchema",
        "GlobalSecondaryIndexes",
    )
    return {
        **{name: properties[name] for name in same},
        "StreamSpecification": {
            "StreamEnabled": True,
            **properties["StreamSpecification"],
        },
    }


def make_bucket(s3: Any) -> str:
    """Make a bucket and give its name."""
    name = f"recordings-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def make_queue(sqs: Any, kind: str) -> str:
    """Make a queue and give its URL."""
    return str(sqs.create_queue(QueueName=f"{kind}-{uuid.uuid4()}")["QueueUrl"])


def make_secret(secretsmanager: Any, value: str) -> str:
    """Make a secret and give its ARN."""
    made = secretsmanager.create_secret(
        Name=f"secret-{uuid.uuid4()}", SecretString=value
    )
    return str(made["ARN"])


def carrier_secret(**extra: str) -> str:
    """Return the value of the secret with the simulator's credentials."""
    return json.dumps(
        {"auth_id": account.AUTH_ID, "auth_token": account.AUTH_TOKEN, **extra}
    )


def taken(sqs: Any, queue_url: str) -> list[Any]:
    """Take all messages out of a queue; return their bodies, read as JSON."""
    found: list[Any] = []
    while True:
        answer = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
        if not answer.get("Messages"):
            return found
        messages = answer["Messages"]
        found += (json.loads(message["Body"]) for message in messages)
        deleted = sqs.delete_message_batch(
            QueueUrl=queue_url,
            Entries=[
                {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]}
                for place, message in enumerate(messages)
            ],
        )
        assert not deleted.get("Failed")


def start_of_stream(aws: EmbeddedAws, table_name: str) -> str:
    """Return the place before the first record of a table's stream, for `read_on`."""
    streams = aws.client("dynamodbstreams")
    described = aws.client("dynamodb").describe_table(TableName=table_name)
    arn = described["Table"]["LatestStreamArn"]
    # The embedded AWS never splits a shard.
    [shard] = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    return str(
        streams.get_shard_iterator(
            StreamArn=arn,
            ShardId=shard["ShardId"],
            ShardIteratorType="TRIM_HORIZON",
        )["ShardIterator"]
    )


def read_on(aws: EmbeddedAws, place: str) -> tuple[list[dict[str, Any]], str]:
    """Read a stream from a place to its end, as Lambda hands it to a function.

    Returns:
        The records, and the place behind them.
    """
    streams = aws.client("dynamodbstreams")
    found: list[dict[str, Any]] = []
    while True:
        answer = streams.get_records(ShardIterator=place, Limit=1000)
        place = answer["NextShardIterator"]
        if not answer["Records"]:
            return [_as_lambda_gets_it(record) for record in found], place
        found += answer["Records"]


def _as_lambda_gets_it(record: dict[str, Any]) -> dict[str, Any]:
    change = dict(record["dynamodb"])
    at = change.get("ApproximateCreationDateTime")
    if isinstance(at, datetime):
        change["ApproximateCreationDateTime"] = at.timestamp()
    return {**record, "dynamodb": change}


@dataclass(frozen=True)
class ObservedBus:
    """A bus of its own whose every event is kept in a queue."""

    name: str
    _queue_url: str
    _sqs: Any

    def events(self, expected: int = 0) -> list[dict[str, Any]]:
        """Take the events out that came; wait a moment for *expected* of them."""
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + 5
        while True:
            found += taken(self._sqs, self._queue_url)
            if len(found) >= expected or time.monotonic() > deadline:
                return found
            time.sleep(0.01)


def make_bus(events: Any, sqs: Any) -> ObservedBus:
    """Make a bus that is observed."""
    name = f"bus-{uuid.uuid4()}"
    queue_url = make_queue(sqs, "observed")
    arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    events.create_event_bus(Name=name)
    events.put_rule(
        Name=f"all-{name}",
        EventBusName=name,
        EventPattern=json.dumps({"source": ["maskline"]}),
    )
    events.put_targets(
        Rule=f"all-{name}",
        EventBusName=name,
        Targets=[{"Id": "observed", "Arn": arn["Attributes"]["QueueArn"]}],
    )
    return ObservedBus(name, queue_url, sqs)


@dataclass(frozen=True)
class Shared:
    """What all tests share; the secrets by their ARNs."""

    bus: ObservedBus
    carrier_secret: str
    signing_secret: str


@dataclass(frozen=True)
class Deployment:
    """Everything the functions use, made for one test, and how they find it."""

    aws: EmbeddedAws
    table_name: str
    bucket_name: str
    bus: ObservedBus
    recording_queue_url: str
    check_queue_url: str
    environment: Mapping[str, str]

    def published(self) -> list[dict[str, Any]]:
        """Take out every event that has reached the bus."""
        return [each["detail"] for each in self.bus.events()]

    def taken(self, queue_url: str) -> list[Any]:
        """Take all messages out of a queue."""
        return taken(self.aws.client("sqs"), queue_url)

    def stream(self, seen: int = 0) -> list[dict[str, Any]]:
        """Read the table's stream from its start, leaving out the first *seen*."""
        records, _ = read_on(self.aws, start_of_stream(self.aws, self.table_name))
        return records[seen:]
