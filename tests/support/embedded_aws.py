"""The embedded AWS for tests: one process, and what a deployment would make in it."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plivo_simulator import account
from stack.addresses import HOST, free_addresses
from stack.aws.clients import ACCESS_KEY, REGION, SECRET_KEY, LocalAws
from stack.aws.package import read_template
from stack.children import Child
from stack.environments import AWS, FUNCTIONS, ROOT, interpreter

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
        """Give a client of *service*, which all tests share."""
        if service not in self._clients:
            self._clients[service] = LocalAws(self.url, self.ca_file).client(service)
        return self._clients[service]

    @property
    def environment(self) -> dict[str, str]:
        """Give the variables by which product code finds it."""
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
    arguments = [
        *("--aws-port", str(addresses.aws_port)),
        *("--api-port", str(addresses.api_port)),
        *("--run-dir", str(run_dir)),
        *("--function-python", str(interpreter(FUNCTIONS))),
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
    """Give the template's Table as CreateTable takes it."""
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
    """Give the value of the secret with the simulator's credentials."""
    return json.dumps(
        {"auth_id": account.AUTH_ID, "auth_token": account.AUTH_TOKEN, **extra}
    )


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
            answer = self._sqs.receive_message(
                QueueUrl=self._queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=0
            )
            for message in answer.get("Messages", []):
                found.append(json.loads(message["Body"]))
                self._sqs.delete_message(
                    QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"]
                )
            if not answer.get("Messages"):
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

    table_name: str
    bucket_name: str
    bus: ObservedBus
    recording_queue_url: str
    check_queue_url: str
    environment: Mapping[str, str]
