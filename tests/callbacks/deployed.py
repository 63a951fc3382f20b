"""What the callbacks' functions use, made in the embedded AWS; and callbacks.

The table, the queues and the secrets are made anew for each deployment, with the
template's own properties.
"""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import time
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from masking.core import key_space
from masking.core.settings import Settings
from masking.domain import transitions
from masking.domain.sessions import CarrierSession, Session
from masking.plivo import callback_urls
from masking.wiring import Services
from plivo_simulator.signing import v3_signature
from stack.addresses import HOST, free_addresses
from stack.aws.clients import ACCESS_KEY, REGION, SECRET_KEY, LocalAws
from stack.aws.package import read_template
from stack.children import Child
from stack.environments import AWS, FUNCTIONS, ROOT, interpreter

START_SECONDS = 30.0

BASE_URL = "https://masks.example.com"
AUTH_TOKEN = "the-auth-token-of-this-test"
FIRST = "+12025550100"
SECOND = "+12025550101"
VIRTUAL = "+12025550199"

QUEUES = ("CHECK", "RECORDING", "WEBHOOK", "ERASURE")
BARE_QUEUES = ("CHANGE_DEAD_LETTERS", "WEBHOOK_DEAD_LETTERS")


@dataclass(frozen=True)
class Embedded:
    """The embedded AWS that runs: its endpoint, and who signed for it."""

    url: str
    ca_file: Path
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """Give a client that all tests share."""
        if service not in self._clients:
            self._clients[service] = LocalAws(self.url, self.ca_file).client(service)
        return self._clients[service]


@contextlib.contextmanager
def embedded_aws(run_dir: Path) -> Iterator[Embedded]:
    """Run the embedded AWS while the block runs."""
    addresses = free_addresses()
    arguments = [
        *("--aws-port", str(addresses.aws_port)),
        *("--api-port", str(addresses.api_port)),
        *("--run-dir", str(run_dir)),
        *("--function-python", str(interpreter(FUNCTIONS))),
    ]
    with Child(
        "the embedded AWS",
        interpreter(AWS),
        "stack.aws.server",
        arguments,
        {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        run_dir / "aws.log",
    ) as child:
        running = Embedded(addresses.aws_url, run_dir / "ca.pem")
        deadline = time.monotonic() + START_SECONDS
        while not _answers(running, run_dir):
            child.check()
            assert time.monotonic() < deadline, "the embedded AWS did not answer"
            time.sleep(0.02)
        yield running


def _answers(aws: Embedded, run_dir: Path) -> bool:
    if not (run_dir / "server.key").exists():
        return False
    context = ssl.create_default_context(cafile=str(aws.ca_file))
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    with (
        contextlib.suppress(OSError),
        opener.open(f"{aws.url}/_ministack/ready", timeout=2) as answer,
    ):
        return bool(answer.status == 200)
    return False


@dataclass(frozen=True)
class Deployed:
    """A deployment of its own: its environment, and what a test looks at."""

    aws: Embedded
    environment: Mapping[str, str]
    observed_url: str

    @property
    def services(self) -> Services:
        """Give services as a function with every setting has them."""
        return Services(Settings(dict(self.environment)))

    def published(self) -> list[dict[str, Any]]:
        """Take out every event that has reached the bus."""
        return [each["detail"] for each in self.taken(self.observed_url)]

    def taken(self, queue_url: str) -> list[Any]:
        """Take all messages out of a queue."""
        sqs = self.aws.client("sqs")
        found: list[Any] = []
        while True:
            answer = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
            if not answer.get("Messages"):
                return found
            for message in answer["Messages"]:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(
                    QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"]
                )

    def stream(self, seen: int = 0) -> list[dict[str, Any]]:
        """Read the table's stream from its start, leaving out the first *seen*."""
        streams = self.aws.client("dynamodbstreams")
        arn = self.aws.client("dynamodb").describe_table(
            TableName=self.environment["TABLE_NAME"]
        )["Table"]["LatestStreamArn"]
        found: list[dict[str, Any]] = []
        described = streams.describe_stream(StreamArn=arn)["StreamDescription"]
        for shard in described["Shards"]:
            iterator = streams.get_shard_iterator(
                StreamArn=arn,
                ShardId=shard["ShardId"],
                ShardIteratorType="TRIM_HORIZON",
            )["ShardIterator"]
            while iterator:
                answer = streams.get_records(ShardIterator=iterator, Limit=1000)
                if not answer["Records"]:
                    break
                found += answer["Records"]
                iterator = answer.get("NextShardIterator")
        return [_as_lambda_gets_it(record) for record in found[seen:]]


def _as_lambda_gets_it(record: dict[str, Any]) -> dict[str, Any]:
    change = dict(record["dynamodb"])
    at = change.get("ApproximateCreationDateTime")
    if isinstance(at, datetime):
        change["ApproximateCreationDateTime"] = at.timestamp()
    return {**record, "dynamodb": change}


def deploy(aws: Embedded) -> Deployed:
    """Make everything that the functions use."""
    sqs = aws.client("sqs")
    mark = uuid.uuid4().hex
    urls = {
        name: str(sqs.create_queue(QueueName=f"{name}-{mark}")["QueueUrl"])
        for name in (*QUEUES, *BARE_QUEUES, "observed")
    }
    table = f"table-{mark}"
    aws.client("dynamodb").create_table(TableName=table, **_table_properties())
    bus = f"bus-{mark}"
    _make_bus(aws, bus, urls["observed"])
    secrets = aws.client("secretsmanager")
    carrier = secrets.create_secret(
        Name=f"carrier-{mark}",
        SecretString=json.dumps({"auth_id": "MA", "auth_token": AUTH_TOKEN}),
    )
    signing = secrets.create_secret(Name=f"signing-{mark}", SecretString=mark)
    environment = {
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_CA_BUNDLE": str(aws.ca_file),
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": HOST,
        "POWERTOOLS_LOG_LEVEL": "ERROR",
        "POWERTOOLS_SERVICE_NAME": "maskline",
        "POWERTOOLS_METRICS_NAMESPACE": "Maskline",
        "TABLE_NAME": table,
        "BUS_NAME": bus,
        "CARRIER_SECRET_ARN": carrier["ARN"],
        "SIGNING_SECRET_ARN": signing["ARN"],
        "CARRIER_BASE_URL": "http://127.0.0.1:9",
        "RETENTION_DAYS": "400",
        "PIN_GUESSING_THRESHOLD": "5",
        "RECORDING_RETENTION_DAYS": "365",
        "WEBHOOK_TARGETS": "public-and-loopback",
        **{f"{name}_QUEUE_URL": urls[name] for name in QUEUES},
        **{f"{name}_URL": urls[name] for name in BARE_QUEUES},
    }
    return Deployed(aws, environment, urls["observed"])


def _table_properties() -> dict[str, Any]:
    template = read_template(ROOT / "template.yaml")
    properties = template["Resources"]["Table"]["Properties"]
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


def _make_bus(aws: Embedded, name: str, queue_url: str) -> None:
    events = aws.client("events")
    described = aws.client("sqs").get_queue_attributes(
        QueueUrl=queue_url, AttributeNames=["QueueArn"]
    )
    events.create_event_bus(Name=name)
    events.put_rule(
        Name=f"all-{name}",
        EventBusName=name,
        EventPattern=json.dumps({"source": ["maskline"]}),
    )
    target = {"Id": "observed", "Arn": described["Attributes"]["QueueArn"]}
    events.put_targets(Rule=f"all-{name}", EventBusName=name, Targets=[target])


# Sessions and callbacks


def active_session(services: Services, **asked: Any) -> Session:
    """Write a session that Plivo has confirmed."""
    now = datetime.now(UTC)
    reserved = transitions.reserve(
        session_uuid=str(uuid.uuid4()),
        tenant_id=asked.pop("tenant_id", "acme"),
        asked={
            "first_party": FIRST,
            "second_party": SECOND,
            "session_expiry": 3600,
            **asked,
        },
        labels={"order_id": "A-77"},
        base_url=BASE_URL,
        now=now,
    )
    services.stores.sessions.reserve(reserved)
    confirmed = transitions.confirm(reserved, answer_of(reserved), 1)
    services.stores.sessions.replace(reserved, confirmed)
    return confirmed


def answer_of(session: Session) -> CarrierSession:
    """Give what Plivo answers to a session's create."""
    now = datetime.now(UTC)
    return CarrierSession(
        session_uuid=str(uuid.uuid4()),
        virtual_number=VIRTUAL,
        status="active",
        created_time=now,
        modified_time=now,
        expiry_time=now + timedelta(hours=1),
        duration=3600,
        callback_url="",
        settings={
            "first_party": session.asked["first_party"],
            "second_party": session.asked["second_party"],
        },
    )


def path_of(services: Services, session: Session, kind: str = "events") -> str:
    """Give the path at which Plivo calls back about a session."""
    token = callback_urls.token_for(services.callback_key, session.session_uuid, 1)
    return callback_urls.path_for(session.session_uuid, 1, token, kind)


def api_event(
    path: str,
    *,
    method: str = "POST",
    body: bytes = b"",
    query: str = "",
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Give a request as an HTTP API hands it to a function (payload 2.0)."""
    import base64

    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": dict(headers or {}),
        "requestContext": {
            "http": {"method": method, "path": path},
            "requestId": "a-request",
            "domainName": "masks.example.com",
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def signed_form(
    path: str,
    attributes: Sequence[tuple[str, str]],
    *,
    token: str = AUTH_TOKEN,
    sent: Sequence[tuple[str, str]] | None = None,
) -> dict[str, Any]:
    """Give a callback signed over *attributes*; *sent* is what comes instead."""
    nonce = str(uuid.uuid4().int)[:20]
    value = v3_signature(token, "POST", BASE_URL + path, attributes, nonce)
    return api_event(
        path,
        body=urlencode(list(attributes if sent is None else sent)).encode(),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Plivo-Signature-V3": value,
            "X-Plivo-Signature-V3-Nonce": nonce,
        },
    )


def digest_in(item: key_space.Item) -> str:
    """Give the name under which a callback is kept."""
    return str(item["sk"]).removeprefix("E#")
